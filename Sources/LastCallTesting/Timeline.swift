public import LastCall

/// A stop as text, one lane a member, so that a test can write down what it expects.
///
/// ```
/// web    --T==E
/// worker -----T=======C~A
/// ```
///
/// One character is one tick. `-` runs, `T` is told, `=` drains, `C` is cancelled, `~` has not ended after that, `E` ended, `F`
/// failed, `A` was abandoned. Where several things happen in a tick the last one shows.
public struct Timeline: Sendable, CustomStringConvertible {
    /// What happened, in order.
    public private(set) var events: [LifecycleEvent]
    /// How long one character is.
    public let tick: Duration

    /// Creates a timeline.
    public init(_ events: [LifecycleEvent] = [], tick: Duration = .seconds(1)) {
        self.events = events
        self.tick = tick
    }

    /// Adds what happened next.
    public mutating func append(_ event: LifecycleEvent) { events.append(event) }

    /// The lanes.
    public var description: String {
        var order: [String] = []
        var marks: [String: [(column: Int, mark: Character)]] = [:]
        for event in events {
            guard let (name, mark) = Self.mark(event.kind) else { continue }
            if marks[name] == nil { order.append(name) }
            marks[name, default: []].append((column(event.at), mark))
        }
        let width = order.map(\.count).max() ?? 0
        return order.map { name in
            name + String(repeating: " ", count: width - name.count + 1) + Self.lane(marks[name] ?? [])
        }.joined(separator: "\n")
    }

    private func column(_ instant: Duration) -> Int { Int((instant.inSeconds / tick.inSeconds + 1e-9).rounded(.down)) }

    /// The member that an event is about, and its mark.
    private static func mark(_ kind: LifecycleEvent.Kind) -> (String, Character)? {
        switch kind {
        case .memberStarted(let name): (name, "-")
        case .memberTold(let name, .drain): (name, "T")
        case .memberTold(let name, .handOver): (name, "C")
        case .memberCancelled(let name): (name, "C")
        case .memberEnded(let name, error: nil): (name, "E")
        case .memberEnded(let name, error: .some): (name, "F")
        case .memberAbandoned(let name): (name, "A")
        case .memberReady, .ready, .stopBegan, .causeNoted, .stageBegan, .stageEnded, .finished: nil
        }
    }

    /// What a lane shows between two marks.
    private static func filler(after mark: Character) -> Character {
        switch mark {
        case "-": "-"
        case "T": "="
        case "C": "~"
        default: " "
        }
    }

    private static func lane(_ marks: [(column: Int, mark: Character)]) -> String {
        var lane: [Character] = []
        var filler: Character = " "
        for (column, mark) in marks {
            while lane.count < column { lane.append(filler) }
            if lane.count == column { lane.append(mark) } else { lane[column] = mark }
            filler = Self.filler(after: mark)
        }
        return String(lane)
    }
}
