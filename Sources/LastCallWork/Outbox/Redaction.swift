/// Names for logs in place of what must not be in them.
package enum Redaction {
    /// A stable short hash: the same text has the same eight digits on every machine (FNV-1a, 64 bits, folded to 32).
    ///
    /// It tells one destination from another; it keeps nobody from trying which of a few known ones it is.
    package static func hash(_ text: some StringProtocol) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(UInt32(truncatingIfNeeded: hash ^ hash >> 32), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// A lane in logs: its transport, and its destination's hash.
    package static func lane(_ transport: String, _ destination: String) -> String {
        "\(transport)/\(hash(destination))"
    }
}
