import ArgumentParser
import LastCall

/// `lastcall receipt`: the last stop.
struct ReceiptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receipt",
        abstract: "Show a stop's receipt as a table and as a timeline.",
        discussion: """
            EXAMPLES
              lastcall receipt stop.json
              LASTCALL_RECEIPT=stop.json lastcall receipt

            Exit codes: 0 shown, 64 bad usage, 74 the answer could not be written, 78 the file is not there or is no receipt.
            """
    )

    @Argument(help: "The receipt, as JSON; - for standard input. Default: $LASTCALL_RECEIPT.")
    var file: String?

    func run() async throws {
        try await Verb.run {
            let variable = EnvironmentSettings(ProcessEnvironment.current).text(.receipt)
            guard let path = file ?? variable, !path.isEmpty else {
                throw VerbError(
                    .usage, "no receipt is named; write its file, or set \(EnvironmentKey.receipt.rawValue)")
            }
            let receipt: Receipt
            do {
                receipt = try Receipt(json: try InputFile(path: path, wanted: "a receipt").text().utf8)
            } catch let error as CheckError {
                throw VerbError(.configuration, "\(error)")
            } catch let error as LastCallError {
                throw VerbError(.configuration, "\(path): \(error)")
            } catch {
                throw VerbError(
                    .configuration, "\(path): is no receipt; name a file that --receipt or $LASTCALL_RECEIPT wrote")
            }
            let style = Terminal.style
            print(ReceiptTable(receipt, isColoured: style.isColoured).text)
            for line in ReceiptTimeline(receipt).lines(columns: Terminal.isOutput ? Terminal.size(of: 1).columns : 80) {
                print(line)
            }
        }
    }
}

/// A stop as a timeline: one lane a stage, from the signal to the end.
struct ReceiptTimeline {
    /// The receipt.
    let receipt: Receipt

    init(_ receipt: Receipt) { self.receipt = receipt }

    /// The lanes, each as wide as the terminal allows.
    func lines(columns: Int) -> [String] {
        let whole = max(receipt.elapsedSeconds, 0.001)
        let lanes = receipt.stages.filter { $0.beganAfterSeconds != nil && !$0.members.isEmpty }
        guard !lanes.isEmpty else { return [] }
        let nameWidth = min(24, lanes.map(\.name.count).max() ?? 0)
        let width = max(10, min(60, columns - nameWidth - 24))
        let began = receipt.startedAt.withoutControlCharacters
        var lines = ["from \(began), \(Self.seconds(receipt.elapsedSeconds)) in all"]
        for stage in lanes {
            let start = stage.beganAfterSeconds ?? 0
            let from = Self.column(start, of: whole, width)
            let to = max(from + 1, Self.column(start + stage.elapsedSeconds, of: whole, width))
            let lane =
                String(repeating: ".", count: from) + String(repeating: "#", count: to - from)
                + String(repeating: ".", count: max(0, width - to))
            let name = String(stage.name.withoutControlCharacters.prefix(nameWidth))
            let padding = String(repeating: " ", count: nameWidth - name.count)
            lines.append(
                "  \(name)\(padding)  |\(lane)|  \(Self.seconds(start)) to \(Self.seconds(start + stage.elapsedSeconds))"
            )
        }
        return lines
    }

    private static func column(_ seconds: Double, of whole: Double, _ width: Int) -> Int {
        // A file may hold any number.
        let share = min(max((seconds / whole).isFinite ? seconds / whole : 0, 0), 1)
        return min(width - 1, Int((share * Double(width)).rounded()))
    }

    private static func seconds(_ seconds: Double) -> String {
        guard seconds.magnitude < 1e12 else { return "\(seconds)s" }
        return DurationText.format(.milliseconds(Int((seconds * 1000).rounded())))
    }
}
