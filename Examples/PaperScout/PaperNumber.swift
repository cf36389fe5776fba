/// The number of a paper as people write it: `P2300R10`, `N4950`, `d2300r11`.
struct PaperNumber: Sendable, Hashable, CustomStringConvertible {
    /// The most digits of a number or a revision.
    private static let digitsMax = 6
    /// The fewest digits that a number is written with.
    private static let digitsMin = 4

    /// `P` for papers with revisions, `N` for numbered documents; a draft's `D` is read as `P`.
    let series: Character
    /// The number.
    let number: Int
    /// The revision, where there is one.
    let revision: Int?

    /// Creates a number from its parts.
    init(series: Character, number: Int, revision: Int?) {
        self.series = series
        self.number = number
        self.revision = revision
    }

    /// Reads a number; `nil` where the text is none.
    init?(_ text: some StringProtocol) {
        let text = text.uppercased()
        guard let letter = text.first, letter == "P" || letter == "N" || letter == "D" else { return nil }
        let parts = text.dropFirst().split(separator: "R", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = Self.digits(parts[0]) else { return nil }
        if parts.count == 2 {
            guard letter != "N", let revision = Self.digits(parts[1]) else { return nil }
            self.revision = revision
        } else {
            revision = nil
        }
        series = letter == "D" ? "P" : letter
        self.number = number
    }

    /// The number without its revision: `P2300`.
    var paper: String {
        let digits = String(number)
        return "\(series)" + String(repeating: "0", count: max(0, Self.digitsMin - digits.count)) + digits
    }

    /// The number as it is printed: `P2300R10`.
    var description: String { paper + (revision.map { "R\($0)" } ?? "") }

    /// Reads ASCII digits.
    private static func digits(_ text: Substring) -> Int? {
        guard (1...digitsMax).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}
