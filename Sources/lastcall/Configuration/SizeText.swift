/// Sizes as people write them: `512MiB`, `1.5GB`, `64kB`, and a bare number for bytes.
///
/// `kB`, `MB` and `GB` are powers of 1,000, `KiB`, `MiB` and `GiB` of 1,024, `B` is a byte; capitals do not matter.
enum SizeText {
    /// Reads a size, or returns `nil` where the text is not one of at least a byte.
    ///
    /// - Parameter allowingLetters: Whether `k`, `m` and `g` alone are read as powers of 1,024, as `docker run --memory` does.
    ///   Kubernetes reads the same letters as thousands and thousandths, so files are not to use them.
    static func parse(_ text: String, allowingLetters: Bool = false) -> Int? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(digits.count).lowercased()
        guard digits.first != ".", digits.last != ".", let value = Double(digits),
            let factor = units[unit] ?? (allowingLetters ? units[unit + "ib"] : nil),
            value * factor >= 1, value * factor < 1e18
        else { return nil }
        return Int(value * factor)
    }

    /// How many bytes each unit stands for.
    private static let units: [String: Double] = [
        "": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9,
        "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824,
    ]
}
