import LastCallWork
import Testing

@testable import LastCallTransports

/// How a message becomes a call.
@Suite struct SlackMessageTests {
    private static func body(_ message: Message) throws -> String {
        String(decoding: try SlackMessage.body(of: message), as: UTF8.self)
    }

    private static func json(_ text: String, to destination: String = "C024BE91L") -> Message {
        Message("slack", to: destination, body: Array(text.utf8), contentType: "application/json; charset=utf-8")
    }

    @Test("a text becomes an object with channel and text")
    func text() throws {
        #expect(
            try Self.body(Message("slack", to: "#releases", text: "a \"b\"\n<c> ü"))
                == "{\"channel\":\"#releases\",\"text\":\"a \\\"b\\\"\\n<c> ü\"}")
    }

    @Test(
        "a JSON object keeps every byte and gets the channel first",
        arguments: [
            ("{\"text\":\"a\"}", "{\"channel\":\"C024BE91L\",\"text\":\"a\"}"),
            (
                " \n{ \"n\": 12345678901234567890.10, \"b\" : [] }\n",
                "{\"channel\":\"C024BE91L\", \"n\": 12345678901234567890.10, \"b\" : [] }\n"
            ),
            ("{}", "{\"channel\":\"C024BE91L\"}"), ("{ }", "{\"channel\":\"C024BE91L\" }"),
            (
                "{\"text\":null,\"blocks\":{},\"attachments\":\"[]\"}",
                "{\"channel\":\"C024BE91L\",\"text\":null,\"blocks\":{},\"attachments\":\"[]\"}"
            ),
        ])
    func object(_ text: String, _ body: String) throws { #expect(try Self.body(Self.json(text)) == body) }

    @Test(
        "P22d what is no such object, or names a channel, is refused without its words",
        arguments: [
            "", "PAYLOAD", "\"PAYLOAD\"", "[\"PAYLOAD\"]", "{\"PAYLOAD\"", "{\"text\":\"PAYLOAD\"} x", "{PAYLOAD:1}",
            "{\"channel\":\"PAYLOAD\"}", "{\"\\u0063hannel\":\"PAYLOAD\"}", "{\"text\":\"PAYLOAD\",\"channel\":null}",
            "{\0\"\0a\0\"\0:\01\0}\0", "\u{FEFF}{\"text\":\"PAYLOAD\"}",
        ])
    func badObjects(_ text: String) throws {
        let error = try #require(throws: WorkError.self) { try Self.body(Self.json(text)) }
        #expect(error.code == .invalidSubmission)
        #expect(!error.description.contains("PAYLOAD"))
    }

    @Test("what Slack would cut or refuse for its size is refused")
    func sizes() throws {
        let list = { (count: Int) in "[" + Array(repeating: "{}", count: count).joined(separator: ",") + "]" }
        let long = String(repeating: "ü", count: 40_000)
        _ = try Self.body(Message("slack", to: "C1", text: long))
        _ = try Self.body(Self.json("{\"text\":\"\(long)\",\"blocks\":\(list(50)),\"attachments\":\(list(100))}"))
        let tooLarge = [
            Message("slack", to: "C1", text: long + "x"), Self.json("{\"text\":\"\(long)x\"}"),
            Self.json("{\"blocks\":\(list(51))}"), Self.json("{\"attachments\":\(list(101))}"),
            Self.json("{\"a\":\"\(String(repeating: "x", count: 1024 * 1024))\"}"),
        ]
        for message in tooLarge {
            let error = #expect(throws: WorkError.self) { try Self.body(message) }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test("what is neither a text nor JSON is refused")
    func otherTypes() throws {
        let messages = [
            Message("slack", to: "C1", body: [1]), Message("slack", to: "C1", body: [0xFF], contentType: "text/plain"),
            Message("slack", to: "C1", text: ""), Message("slack", to: "C1", body: [], contentType: "text/html"),
        ]
        for message in messages {
            let error = #expect(throws: WorkError.self) { try Self.body(message) }
            #expect(error?.code == .invalidSubmission)
        }
        _ = try Self.body(Message("slack", to: "C1", body: [0x61], contentType: "TEXT/Plain ; charset=utf-8"))
    }

    @Test("a destination is an id or #name", arguments: ["C024BE91L", "U1", "D0A", "G9", "W7", "#releases", "#äöü"])
    func destinations(_ destination: String) throws {
        _ = try Self.body(Message("slack", to: destination, text: "a"))
    }

    @Test(
        "P22d any other destination is refused and not repeated",
        arguments: [
            "", "C", "#", "releases", "@somebody", "c024be91l", "T024BE91L", "C024 BE91L", "#a b", "#a\n",
            "https://example.org",
            "#" + String(repeating: "a", count: 128),
        ])
    func badDestinations(_ destination: String) throws {
        let error = try #require(throws: WorkError.self) { try Self.body(Message("slack", to: destination, text: "a")) }
        #expect(error.code == .invalidSubmission)
        #expect(destination.count < 3 || !error.description.contains(destination))
    }
}
