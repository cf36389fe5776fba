import Testing

@testable import LastCallTransports

/// Which addresses and header fields are taken from settings.
@Suite struct WebAddressTests {
    @Test(
        "addresses that can be used are taken",
        arguments: [
            "https://example.org", "http://127.0.0.1:8080/hook", "HTTPS://example.org/a?b=c", "https://[::1]:8443/",
            "https://example.org/a%20b",
        ])
    func good(_ url: String) { #expect(WebAddress.objection(to: url) == nil) }

    @Test(
        "addresses that cannot be used are refused",
        arguments: [
            "", "example.org", "/hook", "ftp://example.org", "file:///etc/passwd", "http+unix://%2Ftmp%2Fa/b",
            "https://",
            "https:///hook", "https://user@example.org", "https://user:word@example.org", "https://example.org/a b",
            "https://example.org/\r\nX: y", "https://example.org/\u{7F}", "https://exämple.org",
            "https://example.org:0",
            "https://example.org:65536", "https://example.org:-1", "https://[]/",
        ])
    func bad(_ url: String) { #expect(WebAddress.objection(to: url) != nil) }

    @Test("names and values of header fields are those of RFC 9110")
    func fields() {
        #expect(WebAddress.isHeaderName("X-Api_Key!"))
        for name in ["", "a b", "a:", "ä", "a\n"] { #expect(!WebAddress.isHeaderName(name)) }
        for value in ["", "a", "Bearer a b\tc"] { #expect(WebAddress.isHeaderValue(value)) }
        for value in [" ", "a ", "\ta", "a\r\nb", "a\0", "a\u{7F}b", "ä"] { #expect(!WebAddress.isHeaderValue(value)) }
    }
}
