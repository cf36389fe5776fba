/// Brings messages to where they go: what an outbox sends with.
///
/// A delivery happens at least once: where the process dies between the answer and the commit, the message is sent again, under the same
/// ``Delivery/idempotencyKey``.
public protocol Transport: Sendable {
    /// The name that messages are stored under: letters, digits, `.`, `_` and `-`, at most 64.
    ///
    /// Choose it once: messages of a name that no transport has wait.
    var name: String { get }

    /// How fast, how patiently and how far it is used.
    var policy: TransportPolicy { get }

    /// Says what is wrong with a message before it is accepted: an unknown destination, a body that is too large.
    ///
    /// - Throws: ``WorkError/Code/invalidSubmission`` and ``WorkError/Code/tooLarge``, without the body's words.
    func check(_ message: Message) throws(WorkError)

    /// Delivers one message; returns once the other side has it.
    ///
    /// Cancelled, it gives up at once and throws `CancellationError`; the message stays where it is.
    ///
    /// - Returns: What the other side asks for beyond that.
    /// - Throws: ``DeliveryFailure``; any other error counts as one that is tried again.
    func deliver(_ delivery: Delivery) async throws -> DeliveryReceipt
}

extension Transport {
    /// The defaults of ``TransportPolicy``.
    public var policy: TransportPolicy { TransportPolicy() }

    /// Nothing is wrong.
    public func check(_ message: Message) throws(WorkError) {}
}

/// One attempt to deliver a message.
public struct Delivery: Sendable {
    /// The message.
    public var message: Message
    /// Its identity in the store.
    public var id: WorkID
    /// The same for every attempt, and for no other message anywhere: a UUID.
    public var idempotencyKey: String
    /// How often it was attempted, this time included.
    public var attempt: Int

    /// Creates an attempt.
    public init(message: Message, id: WorkID, idempotencyKey: String, attempt: Int) {
        self.message = message
        self.id = id
        self.idempotencyKey = idempotencyKey
        self.attempt = attempt
    }
}

/// What the other side says beside "I have it".
public struct DeliveryReceipt: Sendable, Hashable {
    /// How long it wants to hear nothing more for the destination.
    public var restsFor: Duration?

    /// Creates a receipt.
    public init(restsFor: Duration? = nil) { self.restsFor = restsFor }
}

/// A delivery that did not succeed.
public struct DeliveryFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What a failure is about.
    public enum Scope: Sendable, Hashable {
        /// This destination.
        case destination
        /// Everything that goes through the transport.
        case transport
    }

    /// What went wrong: safe to store and to show, without payload, token or address.
    public var message: String
    /// Whether another attempt could succeed; otherwise the message is dead-lettered with its payload.
    public var isRetryable: Bool
    /// How long the other side says to wait (RFC 9110, section 10.2.3); kept also in a stop.
    public var retryAfter: Duration?
    /// What it is about.
    public var scope: Scope
    /// Whether it says that the other side is unwell, which its breaker counts; a limit that was reached says no such thing.
    public var countsForBreaker: Bool

    /// Creates a failure.
    public init(
        _ message: String, isRetryable: Bool = true, retryAfter: Duration? = nil, scope: Scope = .destination,
        countsForBreaker: Bool? = nil
    ) {
        self.message = message
        self.isRetryable = isRetryable
        self.retryAfter = retryAfter
        self.scope = scope
        self.countsForBreaker = countsForBreaker ?? (isRetryable && retryAfter == nil)
    }

    /// What went wrong.
    public var description: String { message }
}
