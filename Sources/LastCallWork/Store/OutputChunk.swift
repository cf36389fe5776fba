/// A line that a job wrote.
public struct WorkLine: Sendable, Hashable {
    /// Where it was written to.
    public enum Source: UInt8, Sendable, Hashable, Codable {
        /// Standard output, or ``JobContext/emit(_:)``.
        case output = 0x6F
        /// Standard error.
        case error = 0x65
        /// The engine itself: `cut short by eviction: SIGTERM from pid 1`.
        case notice = 0x6E
    }

    /// Where it was written to.
    public var source: Source
    /// Its bytes, without the LF; not always UTF-8.
    public var bytes: [UInt8]

    /// Creates a line.
    public init(_ bytes: [UInt8], source: Source = .output) {
        self.source = source
        self.bytes = bytes
    }

    /// Creates a line of text.
    public init(_ text: String, source: Source = .output) { self.init(Array(text.utf8), source: source) }

    /// The line as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Lines that are stored together: each its source's letter, its bytes and an LF.
///
/// A line never holds an LF, so nothing has to be escaped; an LF in a line that a job emits is split there.
public struct OutputChunk: Sendable, Hashable {
    /// How many lines there are.
    public private(set) var lineCount: Int
    /// The encoded lines.
    public private(set) var bytes: [UInt8]

    /// Creates an empty chunk.
    public init() {
        lineCount = 0
        bytes = []
    }

    /// Creates a chunk from what a store kept.
    public init(lineCount: Int, bytes: [UInt8]) {
        self.lineCount = lineCount
        self.bytes = bytes
    }

    /// Creates a chunk from lines.
    public init(_ lines: some Sequence<WorkLine>) {
        self.init()
        for line in lines { append(line) }
    }

    /// Whether there is nothing.
    public var isEmpty: Bool { lineCount == 0 }

    /// Adds a line; one that holds LFs becomes several.
    public mutating func append(_ line: WorkLine) {
        for part in line.bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            bytes.append(line.source.rawValue)
            bytes.append(contentsOf: part)
            bytes.append(0x0A)
            lineCount += 1
        }
    }

    /// Adds the lines of another chunk.
    public mutating func append(_ chunk: OutputChunk) {
        lineCount += chunk.lineCount
        bytes += chunk.bytes
    }

    /// The lines.
    public var lines: [WorkLine] {
        bytes.split(separator: 0x0A).map { part in
            WorkLine(Array(part.dropFirst()), source: part.first.flatMap(WorkLine.Source.init) ?? .output)
        }
    }
}

/// A place in what a record wrote, over all its runs.
public struct OutputPosition: Sendable, Hashable, Comparable, Codable {
    /// The run, by its epoch.
    public var epoch: Int64
    /// The line in the run, from 0.
    public var line: Int

    /// Creates a position.
    public init(epoch: Int64, line: Int) {
        self.epoch = epoch
        self.line = line
    }

    /// The first line of the first run.
    public static let start = OutputPosition(epoch: 0, line: 0)

    /// Earlier places come first.
    public static func < (lhs: OutputPosition, rhs: OutputPosition) -> Bool {
        (lhs.epoch, lhs.line) < (rhs.epoch, rhs.line)
    }
}

/// A part of what a record wrote.
public struct OutputPage: Sendable {
    /// The lines.
    public var lines: [WorkLine]
    /// Where the next page begins.
    public var next: OutputPosition
    /// Whether there are more lines now.
    public var hasMore: Bool
    /// From which epoch on lines belong to the result; earlier runs were started anew.
    public var resultFrom: Int64
    /// Whether the record is over, so that no line will be added.
    public var isOver: Bool

    /// Creates a page.
    public init(
        lines: [WorkLine] = [], next: OutputPosition, hasMore: Bool = false, resultFrom: Int64 = 0,
        isOver: Bool = false
    ) {
        self.lines = lines
        self.next = next
        self.hasMore = hasMore
        self.resultFrom = resultFrom
        self.isOver = isOver
    }
}
