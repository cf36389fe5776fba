import LastCallWork

extension HTTPTransport {
    /// Where a webhook goes and what it shows there; printing it shows neither.
    public struct Endpoint: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
        CustomReflectable
    {
        /// How a message is sent.
        public enum Method: String, Sendable, Hashable, CaseIterable {
            /// `POST`, the default.
            case post = "POST"
            /// `PUT`.
            case put = "PUT"
            /// `PATCH`.
            case patch = "PATCH"
        }

        /// The address, with `http` or `https`; often a secret.
        public var url: String
        /// The method.
        public var method: Method
        /// Header fields of its own, such as `Authorization`.
        ///
        /// They replace those of the message: `Content-Type` and `User-Agent`.
        public var headers: [String: String]

        /// Creates an endpoint; it is checked by the transport that takes it.
        public init(_ url: String, method: Method = .post, headers: [String: String] = [:]) {
            self.url = url
            self.method = method
            self.headers = headers
        }

        /// The method; the address and the header fields stay hidden.
        public var description: String { "\(method.rawValue) (hidden)" }
        /// The method; the address and the header fields stay hidden.
        public var debugDescription: String { description }
        /// The method; the address and the header fields stay hidden.
        public var customMirror: Mirror { Mirror(self, children: ["method": method.rawValue]) }
    }
}

extension HTTPTransport.Endpoint {
    /// The fields that are the transport's, or the connection's, to set.
    private static let reserved: Set<String> = [
        "idempotency-key", "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade",
    ]

    /// Says what of it cannot work, without what it holds.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - transport: The transport's name.
    /// - Throws: `WorkError.Code.invalidConfiguration`.
    func validate(_ name: String, of transport: String) throws(WorkError) {
        func fail(_ words: String) -> WorkError {
            WorkError(.invalidConfiguration, "transport \"\(transport)\": endpoint \"\(name)\": \(words)")
        }
        if let objection = WebAddress.objection(to: url) { throw fail(objection) }
        var seen: Set<String> = []
        for (header, value) in headers {
            guard WebAddress.isHeaderName(header) else {
                throw fail("a header's name is empty or holds what a name cannot; letters, digits and - are safe")
            }
            guard !Self.reserved.contains(header.lowercased()) else {
                throw fail("the header \(header.lowercased()) is set by the transport; leave it out")
            }
            guard seen.insert(header.lowercased()).inserted else {
                throw fail("a header is there twice, in different letters; leave one of them out")
            }
            guard WebAddress.isHeaderValue(value) else {
                throw fail(
                    "a header's value holds a control character, a letter beyond ASCII, or a space at an end; "
                        + "look for a line's end that was copied with it")
            }
        }
    }
}
