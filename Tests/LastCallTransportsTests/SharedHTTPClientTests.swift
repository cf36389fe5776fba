import AsyncHTTPClient
import NIOCore
import Testing

@testable import LastCallTransports

/// How the client is set that all transports share.
@Suite struct SharedHTTPClientTests {
    @Test("P22a the shared client decides nothing by itself: no second try, no redirect, no unpacking, no trace")
    func configuration() {
        let configuration = SharedHTTPClient.configuration
        #expect(!configuration.connectionPool.retryConnectionEstablishment)
        #expect(configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit == 256)
        #expect("\(configuration.redirectConfiguration)".contains("disallow"))
        #expect(configuration.timeout.connect == .seconds(10))
        if case .enabled = configuration.decompression { Issue.record("answers would be unpacked") }
        let hasTracer = configuration.tracing.tracer != nil
        #expect(!hasTracer, "P22d a span would hold the URL")
    }
}
