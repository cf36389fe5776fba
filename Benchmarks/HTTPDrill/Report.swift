import LastCall

/// Prints what a drill saw.
enum Report {
    /// The table of one scenario.
    static func print(_ name: String, _ result: DrillResult, runs: Int) {
        say("")
        let exit = result.exitAfter.map { DurationText.format(.milliseconds($0.inMilliseconds)) } ?? "?"
        let code = result.exitCode.map { "exit \($0)" } ?? "killed after 25 s"
        let taken = DurationText.format(.milliseconds(result.takenFor.inMilliseconds))
        say(
            "\(name): \(runs) runs, longest stop \(exit), \(code), new connections answered for \(taken) after the signal"
        )
        say(row(["class", "answered", "sent after", "told to close", "refused", "turned away", "lost"]))
        for kind in DrillResult.Class.allCases {
            guard let tally = result.tallies[kind] else { continue }
            let told = tally.sentAfter == 0 ? "-" : "\(tally.told * 100 / tally.sentAfter) %"
            let lost = tally.lost.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.value) \($0.key.rawValue)" }.joined(separator: ", ")
            say(
                row([
                    kind.rawValue, "\(tally.answered)", "\(tally.sentAfter)", told, "\(tally.refused)",
                    "\(tally.turnedAway)", tally.lostCount == 0 ? "0" : "\(tally.lostCount) (\(lost))",
                ]))
        }
    }

    private static func row(_ cells: [String]) -> String {
        let widths = [10, 9, 13, 14, 8, 12, 0]
        return "  "
            + zip(cells, widths).map { cell, width in
                cell + String(repeating: " ", count: max(1, width - cell.count))
            }.joined()
    }
}

extension Duration {
    /// Whole milliseconds.
    var inMilliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}
