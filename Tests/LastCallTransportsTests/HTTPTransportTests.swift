import LastCallWork
import Testing

@testable import LastCallTransports

/// What is asked of settings and messages before anything is sent.
@Suite struct HTTPTransportTests {
    private static func transport(_ endpoints: [String: HTTPTransport.Endpoint]) throws -> HTTPTransport {
        try HTTPTransport("hooks", endpoints: endpoints, bodyBytesMax: 10)
    }

    @Test(
        "P22d settings that cannot work are refused with the endpoint's name and nothing that is in it",
        arguments: [
            HTTPTransport.Endpoint("SECRET"), .init(""), .init("ftp://SECRET"), .init("https:///SECRET"),
            .init("https://SECRET:SECRET@example.org"), .init("https://example.org/SECRET\r\nX: y"),
            .init("https://example.org/SECRET", headers: ["a b": "c"]),
            .init("https://example.org/SECRET", headers: ["": "c"]),
            .init("https://example.org/SECRET", headers: ["Authorization": "Bearer SECRET\n"]),
            .init("https://example.org/SECRET", headers: ["Authorization": "Bearer “SECRET”"]),
            .init("https://example.org/SECRET", headers: ["Idempotency-Key": "SECRET"]),
            .init("https://example.org/SECRET", headers: ["content-LENGTH": "7"]),
            .init("https://example.org/SECRET", headers: ["X-Token": "SECRET", "x-token": "SECRET"]),
        ])
    func badSettings(_ endpoint: HTTPTransport.Endpoint) throws {
        let error = try #require(throws: WorkError.self) { try Self.transport(["deploys": endpoint]) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.description.contains("\"deploys\""))
        #expect(!error.description.contains("SECRET"))
    }

    @Test("an endpoint needs a name, and a transport an endpoint and room for a body")
    func names() throws {
        for name in ["", "a\nb", String(repeating: "a", count: 257)] {
            let error = #expect(throws: WorkError.self) { try Self.transport([name: .init("https://example.org")]) }
            #expect(error?.code == .invalidConfiguration)
        }
        #expect(throws: WorkError.self) { try Self.transport([:]) }
        #expect(throws: WorkError.self) {
            try HTTPTransport("hooks", endpoints: ["a": .init("https://example.org")], bodyBytesMax: 0)
        }
    }

    @Test("P22d an unknown destination is refused with the nearest names that there are, and is not repeated")
    func unknownDestination() throws {
        let transport = try Self.transport([
            "deploys": .init("https://example.org/SECRET"), "builds": .init("https://example.org/SECRET"),
        ])
        let error = try #require(throws: WorkError.self) {
            try transport.check(Message("hooks", to: "deplois", text: ""))
        }
        #expect(error.code == .invalidSubmission)
        #expect(error.message.hasSuffix("of 2 the nearest: deploys, builds"))
        #expect(!error.description.contains("SECRET") && !error.description.contains("deplois"))
    }

    @Test("a body that is too large and a content type that no header can hold are refused")
    func badMessages() throws {
        let transport = try Self.transport(["deploys": .init("https://example.org")])
        try transport.check(Message("hooks", to: "deploys", text: "0123456789"))
        let error = try #require(throws: WorkError.self) {
            try transport.check(Message("hooks", to: "deploys", text: "01234567890"))
        }
        #expect(error.code == .tooLarge)
        for type in ["", "text/plain\r\nX: y", "text/plain "] {
            let message = Message("hooks", to: "deploys", body: [], contentType: type)
            let error = #expect(throws: WorkError.self) { try transport.check(message) }
            #expect(error?.code == .invalidSubmission)
        }
    }

    @Test("P22d printing, dumping and reflecting an endpoint or a transport shows no address and no header")
    func printing() throws {
        let endpoint = HTTPTransport.Endpoint("https://SECRET.example.org", headers: ["Authorization": "SECRET"])
        let transport = try Self.transport(["deploys": endpoint])
        var dumped = ""
        dump(transport, to: &dumped)
        dump(endpoint, to: &dumped)
        let texts = [
            "\(endpoint)", String(reflecting: endpoint), "\(transport)", String(reflecting: transport), dumped,
            "\(Optional(endpoint) as Any)", "\(["a": endpoint])",
        ]
        for text in texts { #expect(!text.contains("SECRET")) }
        #expect(!dumped.contains("HTTPClient"), "a client holds the requests that are under way")
        #expect("\(transport)" == "HTTPTransport \"hooks\" to deploys")
    }

    @Test(
        "P22a each status has its meaning",
        arguments: [
            (200, nil, nil, nil), (201, nil, nil, nil), (299, nil, nil, nil), (300, false, nil, false),
            (301, false, nil, false), (304, false, nil, false), (308, false, nil, false), (400, false, nil, false),
            (401, false, nil, false), (404, false, nil, false), (408, true, 7, false), (410, false, nil, false),
            (413, false, nil, false), (425, true, 7, false), (429, true, 7, false), (499, false, nil, false),
            (500, true, 7, true), (501, true, 7, true), (503, true, 7, true), (504, true, 7, true),
            (599, true, 7, true),
        ] as [(UInt, Bool?, Int?, Bool?)])
    func statuses(_ status: UInt, _ isRetryable: Bool?, _ retryAfter: Int?, _ counts: Bool?) {
        let failure = HTTPTransport.failure(status: status, retryAfter: .seconds(7))
        #expect(failure?.isRetryable == isRetryable)
        #expect(failure?.retryAfter == retryAfter.map { .seconds($0) })
        #expect(failure?.countsForBreaker == counts)
        #expect(failure?.scope ?? .destination == .destination)
        #expect(failure.map { $0.message.contains("\(status)") } ?? true)
    }
}
