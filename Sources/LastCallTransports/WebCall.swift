import AsyncHTTPClient
import LastCall
import NIOCore
import NIOHTTP1

/// Sends one request and brings what came back.
///
/// Dumping it shows nothing: a client holds the requests that are under way, with their addresses and header fields.
struct WebCall: Sendable, CustomReflectable {
    /// What came back.
    struct Answer: Sendable {
        /// The status code.
        var status: UInt
        /// `Retry-After`, where there is one that can be read.
        var retryAfter: Duration?
        /// The body.
        var body: Body
    }

    /// A body as far as it came.
    enum Body: Sendable, Equatable {
        /// All of it.
        case whole([UInt8])
        /// It broke off, took too long or was too large.
        case cut
    }

    /// How much of an answer is waited for.
    struct BodyLimits: Sendable {
        /// The most bytes.
        var bytesMax: Int
        /// The longest time, within that of the attempt.
        var timeMax: Duration
    }

    /// The longest time of an attempt that a deadline can hold without trouble.
    private static let timeMax = Duration.seconds(24 * 3600)

    /// Sends.
    private let client: HTTPClient
    /// How long everything may take.
    private let time: Duration

    /// Prepares a call.
    ///
    /// - Parameters:
    ///   - client: What sends; the process's own where there is none.
    ///   - time: How long everything may take.
    init(client: HTTPClient?, time: Duration) {
        self.client = client ?? SharedHTTPClient.client
        self.time = time.clamped(to: .milliseconds(1)...Self.timeMax)
    }

    /// Shows nothing.
    var customMirror: Mirror { Mirror(self, children: []) }

    /// Sends a request.
    ///
    /// Once there is the head of an answer, that is returned: also where its body is cut, by a cancellation too.
    ///
    /// - Throws: `CancellationError` where the task is cancelled before; otherwise ``WebTrouble``.
    func send(_ request: HTTPClientRequest, body limits: BodyLimits) async throws -> Answer {
        try Task.checkCancellation()
        let deadline = NIODeadline.now() + TimeAmount(time)
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, deadline: deadline)
        } catch {
            if Task.isCancelled || error is CancellationError { throw CancellationError() }
            throw WebTrouble(error, within: DurationText.format(time))
        }
        // A client that somebody else made may follow redirects; what was asked first is what counts.
        let head = response.history.first?.responseHead
        let headers = head?.headers ?? response.headers
        let rest = Duration(deadline - NIODeadline.now()).clamped(to: .zero...limits.timeMax)
        return Answer(
            status: (head?.status ?? response.status).code,
            retryAfter: headers.first(name: "Retry-After").flatMap {
                RetryAfter.parse($0, date: headers.first(name: "Date"), now: WallClock.secondsSince1970)
            },
            body: await Self.read(response.body, upTo: limits.bytesMax, within: rest))
    }

    /// Reads a body.
    private static func read(
        _ body: HTTPClientResponse.Body, upTo bytesMax: Int, within time: Duration
    ) async -> Body {
        await withTaskGroup(of: Body.self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                do {
                    for try await part in body {
                        guard bytes.count + part.readableBytes <= bytesMax else { return .cut }
                        bytes += part.readableBytesView
                    }
                } catch {
                    return .cut
                }
                return Task.isCancelled ? .cut : .whole(bytes)
            }
            group.addTask {
                // Cancelled once the body is there; either way nothing comes of it.
                try? await Task.sleep(for: time)  // only ends early
                return .cut
            }
            defer { group.cancelAll() }
            return await group.next() ?? .cut
        }
    }
}
