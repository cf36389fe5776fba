/// Reads the parts of a ``ZoneRule`` from its text, one after the other.
struct ZoneRuleReader {
    /// The longest text that is read, in bytes; real ones have at most fifty.
    static let bytesMax = 256

    /// What is not read yet.
    private var rest: ArraySlice<UInt8>

    /// Creates a reader at the beginning of a text; of one that is too long it reads the first part only.
    init(_ text: String) { rest = ArraySlice(text.utf8.prefix(Self.bytesMax)) }

    /// Whether everything was read.
    var isAtEnd: Bool { rest.isEmpty }

    /// Whether a character comes next.
    func isNext(_ character: Unicode.Scalar) -> Bool { rest.first == UInt8(ascii: character) }

    /// Reads a character that has to be there.
    mutating func skip(_ character: Unicode.Scalar) throws(ZoneDefect) {
        guard take(character) else { throw ZoneDefect("its rule lacks a \"\(character)\"") }
    }

    /// Reads an abbreviation: three or more letters, or letters, digits and signs in `<>`.
    mutating func readName() throws(ZoneDefect) {
        let quoted = take("<")
        let name = rest.prefix { byte in
            Self.isLetter(byte) || quoted && (Self.isDigit(byte) || Self.isSign(byte))
        }
        guard name.count >= 3 else { throw ZoneDefect("its rule has a name that is too short") }
        rest = rest.dropFirst(name.count)
        if quoted { try skip(">") }
    }

    /// Reads `[+-]hh[:mm[:ss]]`.
    ///
    /// - Returns: The time in seconds.
    mutating func readTime(hoursMax: Int) throws(ZoneDefect) -> Int64 {
        let negative = take("-")
        if !negative { _ = take("+") }
        var seconds = Int64(try readNumber(0...hoursMax)) * 3600
        if take(":") {
            seconds += Int64(try readNumber(0...59)) * 60
            if take(":") { seconds += Int64(try readNumber(0...59)) }
        }
        return negative ? -seconds : seconds
    }

    /// Reads a day and, where it is given, the time after a slash; without one it is two o'clock.
    mutating func readChange() throws(ZoneDefect) -> ZoneRule.Change {
        let day = try readDay()
        return .init(day: day, time: take("/") ? try readTime(hoursMax: 167) : 7200)
    }

    /// Reads a day in one of its three forms.
    private mutating func readDay() throws(ZoneDefect) -> ZoneRule.Day {
        if take("J") { return .julian(try readNumber(1...365)) }
        guard take("M") else { return .zeroBased(try readNumber(0...365)) }
        let month = try readNumber(1...12)
        try skip(".")
        let week = try readNumber(1...5)
        try skip(".")
        return .weekday(month: month, week: week, weekday: try readNumber(0...6))
    }

    /// Reads a decimal number of at most three digits.
    private mutating func readNumber(_ allowed: ClosedRange<Int>) throws(ZoneDefect) -> Int {
        let digits = rest.prefix(while: Self.isDigit)
        guard (1...3).contains(digits.count) else { throw ZoneDefect("its rule lacks a number") }
        rest = rest.dropFirst(digits.count)
        let number = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        guard allowed.contains(number) else { throw ZoneDefect("its rule has a \(number) that is out of range") }
        return number
    }

    /// Reads a character where it comes next.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard isNext(character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Whether a byte is an ASCII letter.
    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// Whether a byte is an ASCII digit.
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Whether a byte is a sign.
    private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") }
}
