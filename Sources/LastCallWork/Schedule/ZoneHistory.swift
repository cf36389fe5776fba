/// When a zone's offset changed and will change: the contents of a time zone file.
///
/// The file is a TZif file of version 2 or later (RFC 8536). Of its two blocks only the one with 64 bits is used. What is
/// only for display is not kept: abbreviations, and whether a time is daylight saving time.
struct ZoneHistory: Sendable, Hashable {
    /// The largest file that is read; real ones have a few thousand bytes.
    static let bytesMax = 1 << 20

    /// The latest instant that a file may name, in seconds, and as a negative number the earliest; no sum with one overflows.
    private static let secondsMax: UInt64 = 1 << 60

    /// UTC, for ever.
    static let utc = ZoneHistory(instants: [], offsets: [], first: 0, rule: nil)

    /// When the offset changed, in seconds since 1970, ascending.
    private let instants: [Int64]
    /// The offset from each of these instants on.
    private let offsets: [Int64]
    /// The offset before the first of them.
    private let first: Int64
    /// What is true from the last of them on; `nil` where the last offset stays.
    private let rule: ZoneRule?

    /// Creates a history from its parts.
    private init(instants: [Int64], offsets: [Int64], first: Int64, rule: ZoneRule?) {
        self.instants = instants
        self.offsets = offsets
        self.first = first
        self.rule = rule
    }

    /// Reads a file's bytes.
    ///
    /// - Throws: What is wrong with them.
    init(_ bytes: [UInt8]) throws(ZoneDefect) {
        guard bytes.count <= Self.bytesMax else { throw ZoneDefect("it has more than \(Self.bytesMax) bytes") }
        var reader = ByteReader(bytes)
        let old = try Header(&reader)
        guard old.version >= UInt8(ascii: "2") else {
            throw ZoneDefect("it is of version 1, which knows no years after 2037")
        }
        try reader.skip(old.blockBytes(timeBytes: 4))
        let header = try Header(&reader)
        try header.check()

        var instants: [Int64] = []
        for _ in 0..<header.times {
            let instant = try reader.readInt(bytes: 8)
            guard instant > instants.last ?? .min, instant.magnitude <= Self.secondsMax else {
                throw ZoneDefect("its instants are not in order, or beyond all times")
            }
            instants.append(instant)
        }
        let types = try reader.read(header.times)
        var typeOffsets: [Int64] = []
        for _ in 0..<header.types {
            typeOffsets.append(try reader.readInt(bytes: 4))
            let isSummer = try reader.readInt(bytes: 1)
            let name = try reader.readInt(bytes: 1) & 0xFF
            guard (0...1).contains(isSummer), (0..<Int64(header.characters)).contains(name) else {
                throw ZoneDefect("it has a type that makes no sense")
            }
        }
        guard typeOffsets.allSatisfy(ZoneSpan.offsets.contains) else {
            throw ZoneDefect("it has an offset of more than a day")
        }
        guard types.allSatisfy({ $0 < typeOffsets.count }) else { throw ZoneDefect("it lacks a type that it uses") }
        try reader.skip(header.characters + header.standardFlags + header.universalFlags)
        let rule = try reader.readFooter()
        self.init(
            instants: instants, offsets: types.map { typeOffsets[Int($0)] }, first: typeOffsets[0],
            rule: rule.isEmpty ? nil : try ZoneRule(rule))
    }

    /// The span that an instant lies in, in seconds since 1970.
    func span(at seconds: Int64) -> ZoneSpan {
        // The first change after the instant, by halving.
        var (low, high) = (0, instants.count)
        while low < high {
            let middle = (low + high) / 2
            if instants[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        if low < instants.count {
            let start = low == 0 ? .min : instants[low - 1]
            return ZoneSpan(start: start, end: instants[low], offset: low == 0 ? first : offsets[low - 1])
        }
        let last = instants.last ?? .min
        guard let rule else { return ZoneSpan(start: last, end: .max, offset: offsets.last ?? first) }
        var span = rule.span(at: seconds)
        span.start = max(span.start, last)
        return span
    }
}

extension ZoneHistory {
    /// What begins each of the two blocks of a file: how much there is of everything (RFC 8536, section 3.1).
    private struct Header {
        /// The version as a character; zero for the first.
        let version: UInt8
        /// How many types tell whether their changes were given in UTC.
        let universalFlags: Int
        /// How many types tell whether their changes were given in standard time.
        let standardFlags: Int
        /// How many leap seconds there are.
        let leaps: Int
        /// How many changes there are.
        let times: Int
        /// How many types of local time there are.
        let types: Int
        /// How many characters the abbreviations have.
        let characters: Int

        /// Reads a header.
        init(_ reader: inout ByteReader) throws(ZoneDefect) {
            guard try reader.read(4).elementsEqual("TZif".utf8) else { throw ZoneDefect("it is no time zone file") }
            version = UInt8(try reader.readInt(bytes: 1) & 0xFF)
            try reader.skip(15)
            universalFlags = try reader.readCount()
            standardFlags = try reader.readCount()
            leaps = try reader.readCount()
            times = try reader.readCount()
            types = try reader.readCount()
            characters = try reader.readCount()
        }

        /// How long the block is that follows.
        func blockBytes(timeBytes: Int) -> Int {
            times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standardFlags + universalFlags
        }

        /// Throws where the numbers do not fit together.
        func check() throws(ZoneDefect) {
            guard leaps == 0 else {
                throw ZoneDefect("it counts leap seconds, as no instant does here; take the zone outside of `right`")
            }
            guard (1...256).contains(types), characters > 0, [0, types].contains(standardFlags),
                [0, types].contains(universalFlags)
            else { throw ZoneDefect("its numbers do not fit together") }
        }
    }

    /// Reads a file's bytes one after the other, never beyond their end.
    private struct ByteReader {
        /// What is not read yet.
        private var rest: ArraySlice<UInt8>

        /// Creates a reader at the beginning of a file.
        init(_ bytes: [UInt8]) { rest = bytes[...] }

        /// Reads some bytes.
        mutating func read(_ count: Int) throws(ZoneDefect) -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw ZoneDefect("it ends too early") }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        /// Leaves out some bytes.
        mutating func skip(_ count: Int) throws(ZoneDefect) { _ = try read(count) }

        /// Reads a signed number, the highest byte first.
        mutating func readInt(bytes count: Int) throws(ZoneDefect) -> Int64 {
            let bytes = try read(count)
            let top: Int64 = bytes.first.map { Int64(Int8(bitPattern: $0)) } ?? 0
            return bytes.dropFirst().reduce(top) { $0 << 8 | Int64($1) }
        }

        /// Reads how many there are of something.
        mutating func readCount() throws(ZoneDefect) -> Int { Int(try readInt(bytes: 4) & 0xFFFF_FFFF) }

        /// Reads the line with the rule that ends a file.
        mutating func readFooter() throws(ZoneDefect) -> String {
            guard try read(1).first == UInt8(ascii: "\n"), let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
                throw ZoneDefect("its last line is not complete")
            }
            let line = rest[..<end]
            guard line.count <= ZoneRuleReader.bytesMax, line.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw ZoneDefect("its last line is no rule")
            }
            return String(decoding: line, as: UTF8.self)
        }
    }
}
