import FoundationEssentials
import LastCall
import LastCallWork

/// Everything about a job, for people.
struct RecordDetailsText: Sendable {
    /// What is known.
    let details: RecordDetails

    private var record: WorkRecord { details.record }

    /// How many members, or jobs of the workflow, are listed.
    private static let listedMax = 20
    /// How many letters of a value are shown.
    private static let valueLengthMax = 200

    /// All lines.
    func lines(_ style: TextStyle = .plain) -> [String] {
        let text = RecordText(record: record, now: details.now)
        var lines = [style.bold("job \(record.id) \(record.kind)") + ": \(text.state)"]
        for (name, value) in facts where !value.isEmpty {
            let padding = String(repeating: " ", count: max(0, 10 - name.count))
            lines.append("  " + style.dim(name + padding) + "  " + TextTable.oneLine(value))
        }
        if !details.members.isEmpty {
            lines += ["", style.bold("it \(record.state.isWaiting ? "waits" : "waited") for")]
            lines += table(details.members.map(\.record), style)
        }
        if details.workflow.count > 1 {
            let more = details.workflow.count > RecordDetails.workflowMax ? "more than " : ""
            let count = min(details.workflow.count, RecordDetails.workflowMax)
            lines.append("")
            lines.append(
                "workflow \(record.workflow) has \(more)\(count) jobs: lastcall list --workflow \(record.workflow)")
        }
        return lines + output(style)
    }

    private func table(_ records: [WorkRecord], _ style: TextStyle) -> [String] {
        var lines = RecordText.table(Array(records.prefix(Self.listedMax)), now: details.now).lines(style).map {
            "  " + $0
        }
        if records.count > Self.listedMax { lines.append("  and \(records.count - Self.listedMax) more") }
        return lines
    }

    private func output(_ style: TextStyle) -> [String] {
        guard details.lineCount > 0 else {
            return record.state.isHeld || record.state.isTerminal ? ["", "no output"] : []
        }
        let shown = details.lines.count
        let title =
            shown == details.lineCount
            ? "output"
            : "output, the last \(shown) of \(details.lineCount) lines; all: lastcall output \(record.id) --stderr"
        let lines = details.lines.map { line in
            let mark =
                switch line.source {
                case .output: "  "
                case .error: "! "
                case .notice: "* "
                }
            return "  " + style.dim(mark) + line.text.withoutControlCharacters
        }
        return ["", style.bold(title)] + lines
    }

    /// Names and values; an empty value is left out.
    private var facts: [(String, String)] {
        let text = RecordText(record: record, now: details.now)
        var facts = [("why", record.detail ?? ""), ("progress", text.progress)]
        facts += payload
        facts += [
            ("queue", "\(record.queue)\(record.priority == 0 ? "" : ", priority \(record.priority)")"),
            ("attempts", attempts), ("key", record.key ?? ""), ("lane", record.lane ?? ""), ("waits for", waitsFor),
            ("accepted", instant(record.acceptedAt)),
            (
                "due",
                record.dueAt.map { $0 > details.now ? "\($0.rfc3339), in \(AgeText.format($0 - details.now))" : "" }
                    ?? ""
            ),
            ("started", record.startedAt.map(instant) ?? ""), ("ended", ended), ("worker", worker), ("result", result),
        ]
        return facts
    }

    private func instant(_ instant: WorkInstant) -> String {
        "\(instant.rfc3339), \(AgeText.format(details.now - instant)) ago"
    }

    private var ended: String {
        guard let end = record.finishedAt else { return "" }
        let took = record.startedAt.map { ", took \(DurationText.format(end - $0))" } ?? ""
        return instant(end) + took
    }

    private var attempts: String {
        // What is tried for a time, and not so often, has no number worth reading.
        let isCounted = record.attemptsMax < Outbox.attemptsMax
        var parts = [isCounted ? "\(record.attempt) of \(record.attemptsMax)" : "\(record.attempt)"]
        if record.evictions > 0 { parts.append(record.evictions == 1 ? "1 eviction" : "\(record.evictions) evictions") }
        if record.losses > 0 { parts.append(record.losses == 1 ? "lost once" : "lost \(record.losses) times") }
        if record.cancelRequested { parts.append("cancellation asked for") }
        return parts.joined(separator: ", ")
    }

    private var waitsFor: String {
        if let other = record.waitsForRecord {
            return "job \(other)" + (details.dependency.map { ", \($0.kind), which is \($0.state)" } ?? "")
        }
        guard record.state == .ready || record.state == .scheduled, !details.isHandled else { return "" }
        return "a worker: none that is alive handles \(record.kind) in queue \(record.queue)"
    }

    private var worker: String { record.worker ?? "" }

    private var result: String { record.result.map { Self.shortened(String(decoding: $0, as: UTF8.self)) } ?? "" }

    /// What it was given: the arguments of a task, the words of a command, or the payload as it is.
    private var payload: [(String, String)] {
        do {
            if record.kind == TaskDefinition.reservedName {
                let payload = try PayloadJSON.decode(CommandPayload.self, from: record.payload)
                let words = payload.command.map(Self.quoted).joined(separator: " ")
                return [("command", Self.shortened(words)), ("cwd", payload.cwd ?? "")]
            }
            let payload = try PayloadJSON.decode(TaskPayload.self, from: record.payload)
            return payload.arguments.sorted { $0.key < $1.key }.enumerated().map { index, argument in
                (index == 0 ? "arguments" : "", "\(argument.key) = \(Self.shortened(argument.value.description))")
            }
        } catch {
            // It is a Swift job's own encoding; JSON is readable as it is.
            return [("payload", Self.shortened(String(decoding: record.payload, as: UTF8.self)))]
        }
    }

    private static func shortened(_ text: String) -> String {
        text.count <= valueLengthMax ? text : "\(text.prefix(valueLengthMax))… (\(text.utf8.count) bytes)"
    }

    /// A word as a person would have to write it.
    private static func quoted(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "-_./=:,@%+".contains($0) }
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }
}

/// Everything about a job, for programs; keys may be added, never changed.
struct RecordDetailsJSON: Encodable {
    /// A line that a job wrote.
    struct Line: Encodable {
        let source: String
        let text: String

        init(_ line: WorkLine) {
            source =
                switch line.source {
                case .output: "output"
                case .error: "error"
                case .notice: "notice"
                }
            text = line.text
        }
    }

    /// A member of the group that a job waits for.
    struct Member: Encodable {
        let path: String
        let job: RecordJSON
    }

    let version = 1
    let job: RecordJSON
    let payload: AnyJSON?
    let result: AnyJSON?
    let members: [Member]
    let workflow: [Int64]
    let output: [Line]
    let outputLines: Int
    let handled: Bool

    private enum CodingKeys: CodingKey {
        case version, job, payload, result, members, workflow, output, outputLines, handled
    }

    init(_ details: RecordDetails) {
        job = RecordJSON(details.record)
        payload = AnyJSON(details.record.payload)
        result = details.record.result.flatMap(AnyJSON.init)
        members = details.members.map { Member(path: $0.path, job: RecordJSON($0.record)) }
        workflow = details.workflow.prefix(RecordDetails.workflowMax).map(\.id.rawValue)
        output = details.lines.map(Line.init)
        outputLines = details.lineCount
        handled = details.isHandled
    }
}

/// Any JSON, handed on as it was read.
enum AnyJSON: Codable, Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// Another number.
    case number(Double)
    /// A text.
    case text(String)
    /// A list.
    case list([AnyJSON])
    /// An object.
    case object([String: AnyJSON])

    /// Reads bytes; what is no JSON becomes a text.
    init(_ bytes: [UInt8]) {
        do {
            self = try JSONDecoder().decode(AnyJSON.self, from: Data(bytes))
        } catch {
            self = .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Each kind is tried in turn; what the last one throws is the error.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {  // not a truth value
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {  // not a whole number
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {  // not a number
            self = .number(value)
        } else if let value = try? container.decode(String.self) {  // not a text
            self = .text(value)
        } else if let value = try? container.decode([AnyJSON].self) {  // not a list
            self = .list(value)
        } else {
            self = .object(try container.decode([String: AnyJSON].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// The value as an argument of a task: a text, a number, `true`, `false`, or a list of these.
    var argumentValue: ArgumentValue? {
        if case .list(let values) = self {
            let texts = values.compactMap(\.scalarText)
            return texts.count == values.count ? .list(texts) : nil
        }
        return scalarText.map { .text($0) }
    }

    /// Whether it has a number that was written with more digits than are kept of it.
    var isInexact: Bool {
        switch self {
        case .number(let value): value.magnitude >= 0x1p53
        case .list(let values): values.contains(where: \.isInexact)
        case .object(let fields): fields.values.contains(where: \.isInexact)
        case .null, .bool, .integer, .text: false
        }
    }

    private var scalarText: String? {
        switch self {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let value): value
        case .null, .list, .object: nil
        }
    }
}
