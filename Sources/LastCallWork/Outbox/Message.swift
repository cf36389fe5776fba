/// Something that is to be sent: where to, through what, and its body.
///
/// ```swift
/// try await outbox.send(Message("slack", to: "C024BE91L", json: ["text": "P2300R11 is out"]))
/// ```
public struct Message: Sendable, Hashable {
    /// The most bytes of a destination's name.
    public static let destinationBytesMax = 256

    /// The name of the transport that brings it there.
    public var transport: String
    /// Where it goes, as the transport understands it: a channel, a user, the name of an endpoint.
    ///
    /// Never a secret. Messages to one destination arrive in the order in which they were accepted.
    public var destination: String
    /// What is sent.
    public var body: [UInt8]
    /// The body's media type.
    public var contentType: String
    /// What there may be only one of: while the store remembers a message with the key, sending it again changes nothing.
    public var key: String?
    /// How long it waits before it may be sent.
    public var delay = Duration.zero

    /// Creates a message.
    public init(
        _ transport: String, to destination: String, body: [UInt8],
        contentType: String = "application/octet-stream", key: String? = nil
    ) {
        self.transport = transport
        self.destination = destination
        self.body = body
        self.contentType = contentType
        self.key = key
    }

    /// Creates a message of plain text.
    public init(_ transport: String, to destination: String, text: String, key: String? = nil) {
        self.init(
            transport, to: destination, body: Array(text.utf8), contentType: "text/plain; charset=utf-8", key: key)
    }

    /// Creates a message whose body is a value as JSON.
    ///
    /// - Throws: What encoding the value throws.
    public init(_ transport: String, to destination: String, json value: some Encodable, key: String? = nil) throws {
        self.init(
            transport, to: destination, body: try PayloadCoding.encode(value), contentType: "application/json",
            key: key)
    }

    /// The lane that keeps its order.
    public var lane: String { Self.lane(transport, destination) }

    /// The lane of a transport's destination.
    package static func lane(_ transport: String, _ destination: String) -> String { "\(transport)/\(destination)" }
}
