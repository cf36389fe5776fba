/// The fields of a slash command's request, which is a form (docs: Slash commands, Preparing your app to receive commands).
struct SlackForm: Sendable {
    /// The most fields that are read.
    private static let fieldsMax = 50

    /// The fields; the first of a name counts.
    let fields: [String: String]

    /// Reads `application/x-www-form-urlencoded`; `nil` where it is none.
    init?(_ body: some StringProtocol) {
        var fields: [String: String] = [:]
        let pairs = body.split(separator: "&", omittingEmptySubsequences: true)
        guard pairs.count <= Self.fieldsMax else { return nil }
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0].utf8),
                let value = parts.count == 1 ? "" : Self.decoded(parts[1].utf8)
            else { return nil }
            if fields[name] == nil { fields[name] = value }
        }
        self.fields = fields
    }

    /// What was written behind the command.
    var text: String { fields["text"] ?? "" }

    /// Who is answered later: the channel, or the user in a direct message; `nil` where it is no id of Slack's.
    var target: String? {
        let id = fields["channel_name"] == "directmessage" ? fields["user_id"] : fields["channel_id"]
        guard let id, (2...32).contains(id.utf8.count), let kind = id.first, "CDGUW".contains(kind),
            id.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) })
        else { return nil }
        return id
    }

    /// Undoes the form's writing of a text; `nil` where it is not UTF-8 in that writing.
    private static func decoded(_ text: some Sequence<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The value of a hexadecimal digit.
    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init)
    }
}
