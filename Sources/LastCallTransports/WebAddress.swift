import FoundationEssentials

/// What is asked of an address and of header fields that come from settings.
///
/// None of the answers holds a part of what was looked at: an address and a field may be secrets.
enum WebAddress {
    /// What is wrong with an address; `nil` where it can be used.
    static func objection(to address: String) -> String? {
        guard address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return "its URL is empty or holds a space, a control character or a letter beyond ASCII"
        }
        guard let url = URL(string: address) else { return "its URL cannot be read" }
        let scheme = url.scheme?.lowercased()
        guard scheme == "https" || scheme == "http" else { return "its URL begins with neither https:// nor http://" }
        guard url.user == nil, url.password == nil else {
            return "its URL holds a user or a password; send them as an Authorization header"
        }
        guard let host = url.host, !host.isEmpty, host != "[]" else { return "its URL names no host" }
        guard url.port.map({ (1...65_535).contains($0) }) ?? true else { return "its URL's port is not 1 to 65535" }
        return nil
    }

    /// Whether a text can be the name of a header field: a token (RFC 9110, section 5.6.2).
    static func isHeaderName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// Whether a text can be the value of a header field: visible ASCII with spaces and tabs between (RFC 9110, section 5.5).
    static func isHeaderValue(_ text: String) -> Bool {
        let isVisible: (UInt8) -> Bool = { $0 > 0x20 && $0 < 0x7F }
        guard let first = text.utf8.first, let last = text.utf8.last, isVisible(first), isVisible(last) else {
            return text.isEmpty
        }
        return text.utf8.allSatisfy { isVisible($0) || $0 == 0x20 || $0 == 0x09 }
    }
}
