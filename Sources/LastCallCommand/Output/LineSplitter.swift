/// Cuts a stream of bytes into lines at line feeds, and long lines at a limit.
struct LineSplitter {
    private let stream: OutputStream
    private let lineBytesMax: Int
    /// What stands behind the last line feed.
    private var partial: [UInt8] = []
    /// Whether the partial line reached the limit; what follows is dropped up to its end.
    private var isCut = false
    /// How many bytes were dropped behind cuts.
    private(set) var bytesDropped = 0
    /// How many lines were cut.
    private(set) var linesCut = 0

    init(stream: OutputStream, lineBytesMax: Int) {
        self.stream = stream
        self.lineBytesMax = lineBytesMax
    }

    /// Takes bytes and hands on every line that they complete.
    mutating func append(_ bytes: UnsafeRawBufferPointer, to lines: inout [OutputLine]) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            keep(rest[..<end])
            emit(isTerminated: true, to: &lines)
            rest = rest[(end + 1)...]
        }
        keep(rest)
    }

    /// Hands on what stands behind the last line feed, if anything does.
    ///
    /// - Parameter isTruncated: Whether the stream went on and only we stopped taking it.
    mutating func finish(isTruncated: Bool, to lines: inout [OutputLine]) {
        guard !partial.isEmpty else { return }
        isCut = isCut || isTruncated
        emit(isTerminated: false, to: &lines)
    }

    private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let room = lineBytesMax - partial.count
        partial.append(contentsOf: bytes.prefix(room))
        guard bytes.count > room else { return }
        bytesDropped += bytes.count - room
        isCut = true
    }

    private mutating func emit(isTerminated: Bool, to lines: inout [OutputLine]) {
        lines.append(OutputLine(stream: stream, bytes: partial, isTruncated: isCut, isTerminated: isTerminated))
        if isCut { linesCut += 1 }
        partial = []
        isCut = false
    }
}
