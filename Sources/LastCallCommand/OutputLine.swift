/// One line that a command wrote.
public struct OutputLine: Sendable, Hashable {
    /// The stream it was written to.
    public let stream: OutputStream
    /// Its bytes without the line feed.
    ///
    /// A carriage return is kept, as is everything else.
    public let bytes: [UInt8]
    /// Whether it was longer than ``CommandLimits/lineBytes`` or hit ``CommandLimits/outputBytes``, and its rest was dropped.
    public let isTruncated: Bool
    /// Whether a line feed ended it; `false` for what stood there when the stream ended.
    public let isTerminated: Bool

    /// Creates a line.
    public init(stream: OutputStream, bytes: [UInt8], isTruncated: Bool = false, isTerminated: Bool = true) {
        self.stream = stream
        self.bytes = bytes
        self.isTruncated = isTruncated
        self.isTerminated = isTerminated
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A stream that a command writes to.
public enum OutputStream: Sendable, Hashable, CaseIterable {
    /// Standard output.
    case standardOutput
    /// Standard error.
    case standardError
}
