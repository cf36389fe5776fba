/// The receipt as people read it in a terminal.
public struct ReceiptTable: Sendable {
    /// The receipt.
    private let receipt: Receipt
    /// Whether ANSI colours are used.
    private let isColoured: Bool

    /// Creates a table.
    public init(_ receipt: Receipt, isColoured: Bool = false) {
        self.receipt = receipt
        self.isColoured = isColoured
    }

    /// The whole table, each line ended by a newline.
    public var text: String { lines.map { $0 + "\n" }.joined() }

    /// The table's lines.
    public var lines: [String] {
        var lines = [heading]
        for (index, cause) in receipt.laterCauses.enumerated() {
            lines.append("  \(index == 0 ? "then" : "    ")  \(Self.oneLine(cause.description))")
        }
        lines += rows
        for member in members {
            let name = Self.oneLine(member.name)
            if let error = member.error { lines.append("  \(name): \(Self.oneLine(error))") }
            if let prediction = member.prediction { lines.append("  \(name): \(Self.oneLine(prediction))") }
            for remark in member.remarks ?? [] { lines.append("  \(name): \(Self.oneLine(remark))") }
            for item in member.cutItems {
                let age = item.ageSeconds.map { ", held for \(Self.seconds($0))" } ?? ""
                lines.append("  cut  \(name): \(Self.oneLine(item.label))\(age)")
            }
            if member.cutItemsOmitted > 0 {
                lines.append("  cut  \(name): and \(member.cutItemsOmitted) more")
            }
        }
        for note in receipt.notes { lines.append("  note \(Self.oneLine(note))") }
        return lines + [footing]
    }

    /// The stop's progress in one line, for a terminal.
    package var progress: String {
        let elapsed = Self.seconds((receipt.elapsedSeconds * 10).rounded() / 10)
        let waiting = receipt.stages.flatMap { stage in
            stage.members.filter { $0.outcome == .stopping }.map { member in
                let held = member.hasLedger ? " (\(max(0, stillHeld(member))) left)" : ""
                return "\(stage.name)/\(member.name)\(held)"
            }
        }
        let what = waiting.isEmpty ? "finishing" : "waiting for \(waiting.joined(separator: ", "))"
        let name = receipt.name
        return Self.oneLine("last call \(name): \(elapsed) of \(Self.seconds(receipt.grace.seconds)), \(what)")
    }

    private func stillHeld(_ member: Receipt.Member) -> Int {
        member.heldAtStop + member.acceptedDuringStop - member.done - member.handedOver - member.kept
            - member.deadLettered - member.cut
    }

    private var members: [Receipt.Member] { receipt.stages.flatMap(\.members) }

    private var heading: String {
        let grace = "grace \(Self.seconds(receipt.grace.seconds)), \(receipt.grace.source.rawValue)"
        return bold("last call") + Self.oneLine(" \(receipt.name): \(receipt.cause.description) (\(grace))")
    }

    private var footing: String {
        let totals = receipt.totals
        let verdict =
            "\(receipt.outcome.rawValue) after \(Self.seconds(receipt.elapsedSeconds)), exit \(receipt.exitCode)"
        let colour =
            switch receipt.outcome {
            case .clean: "32"
            case .partial, .unfinished: "33"
            case .forced: "31"
            }
        guard members.contains(where: \.hasLedger) else { return paint(verdict, colour) }
        let balance =
            totals.unaccounted == 0
            ? "\(totals.heldAtStop) held + \(totals.acceptedDuringStop) accepted, all accounted for"
            : "\(totals.unaccounted) unaccounted: a bug, please report it"
        return paint(verdict, colour) + ": \(balance)"
    }

    /// Columns of figures that nobody reported are left out.
    private var rows: [String] {
        let hasLedger = members.contains(where: \.hasLedger)
        var table = [["stage", "member", "outcome", "took", "of"] + (hasLedger ? Self.countNames : [])]
        for stage in receipt.stages {
            let budget = Self.seconds(stage.budgetSeconds)
            if stage.members.isEmpty {
                table.append([stage.name, "-", "-", Self.seconds(stage.elapsedSeconds), budget])
            }
            for (index, member) in stage.members.enumerated() {
                let counts = hasLedger ? Self.counts(member) : []
                table.append(
                    [
                        index == 0 ? stage.name : "", member.name, Self.word(member.outcome),
                        Self.seconds(member.elapsedSeconds), index == 0 ? budget : "",
                    ] + counts)
            }
        }
        return Self.aligned(table.map { $0.map(Self.oneLine) }).enumerated().map {
            $0.offset == 0 ? dim($0.element) : $0.element
        }
    }

    private static let countNames = ["held", "new", "done", "handed", "kept", "dead", "cut"]

    private static func counts(_ member: Receipt.Member) -> [String] {
        guard member.hasLedger else { return countNames.map { _ in "-" } }
        return [
            member.heldAtStop, member.acceptedDuringStop, member.done, member.handedOver, member.kept,
            member.deadLettered,
            member.cut,
        ].map(String.init)
    }

    private static func word(_ outcome: Receipt.Member.Outcome) -> String {
        outcome == .neverStarted ? "not started" : outcome.rawValue
    }

    private static func seconds(_ seconds: Double) -> String {
        // A file may hold any number; beyond 30,000 years it is shown as it is, because no `Duration` could hold some of them.
        guard seconds.magnitude < 1e12 else { return "\(seconds)s" }
        return DurationText.format(.milliseconds(Int((seconds * 1000).rounded())))
    }

    /// Text from outside cannot move the cursor or start a line of its own.
    private static func oneLine(_ text: String) -> String {
        let breaking: Set<Unicode.GeneralCategory> = [.control, .lineSeparator, .paragraphSeparator]
        return String(
            text.unicodeScalars.map { breaking.contains($0.properties.generalCategory) ? " " : Character($0) })
    }

    /// Pads the columns: words to the left, figures to the right.
    private static func aligned(_ table: [[String]]) -> [String] {
        let columns = table.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in table.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return table.map { row in
            var line = " "
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += " " + (column < 3 ? cell + padding : padding + cell) + " "
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    private func paint(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
    private func bold(_ text: String) -> String { paint(text, "1") }
    private func dim(_ text: String) -> String { paint(text, "2") }
}
