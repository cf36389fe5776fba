import HTTPTypes
import LastCall
import LastCallConcurrency
import NIOCore

/// One accepted connection: its requests, as the receipt needs them.
///
/// Written by the tasks that answer and by the connection's event loop, read by whoever writes a receipt.
final class Connection: Sendable {
    /// A request that is being answered.
    struct Request: Sendable {
        /// The ticket that its task holds.
        let ticket: Int
        /// Its method.
        let method: HTTPRequest.Method
        /// Its target, query included; that is cut off where it is shown.
        let path: String?
        /// Since when.
        let since: NIODeadline

        /// What the receipt says about it.
        func item(at now: NIODeadline) -> LedgerItem {
            let path = (path ?? "").prefix { $0 != "?" }
            return LedgerItem("\(method.rawValue) \(path)", age: .nanoseconds((now - since).nanoseconds))
        }
    }

    /// What became of this connection's requests.
    struct Counts: Sendable {
        /// Requests that were passed to the application.
        var accepted = 0
        /// Requests that were answered, or whose client left.
        var done = 0
        /// Requests that we did not answer, or not to the end.
        var cut = 0
    }

    /// What is behind the lock.
    private struct State {
        /// The sums.
        var counts = Counts()
        /// What is being answered, the oldest first.
        var inFlight: [Request] = []
        /// What was answered last, which may still be on its way out.
        var last: Request?
        /// The next ticket.
        var nextTicket = 1
        /// Who has it.
        var owner = Owner.nobody
    }

    /// Who sees to it that the connection is forgotten in the end.
    private enum Owner {
        /// Nobody yet.
        case nobody
        /// The task that answers its requests.
        case task
        /// Nobody any more: it was closed before a task took it.
        case closed
    }

    private let state = Mutex(State())
    /// The channel.
    let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    /// A task takes the connection.
    ///
    /// - Returns: Whether it is still there.
    func take() -> Bool {
        state.withLock { state in
            guard state.owner == .nobody else { return false }
            state.owner = .task
            return true
        }
    }

    /// The connection is closed.
    ///
    /// - Returns: Whether no task has it, so that it is to be forgotten now.
    func closed() -> Bool {
        state.withLock { state in
            guard state.owner == .nobody else { return false }
            state.owner = .closed
            return true
        }
    }

    /// A request was passed to the application.
    func began(_ request: HTTPRequest, at now: NIODeadline) -> Int {
        state.withLock { state in
            let ticket = state.nextTicket
            state.nextTicket += 1
            state.counts.accepted += 1
            state.inFlight.append(Request(ticket: ticket, method: request.method, path: request.path, since: now))
            return ticket
        }
    }

    /// A request is over.
    ///
    /// - Returns: What was cut, where that is how it ended.
    func ended(_ ticket: Int, isCut: Bool) -> Request? {
        state.withLock { state in
            guard let index = state.inFlight.firstIndex(where: { $0.ticket == ticket }) else { return nil }
            let request = state.inFlight.remove(at: index)
            guard isCut else {
                state.counts.done += 1
                state.last = request
                return nil
            }
            state.counts.cut += 1
            return request
        }
    }

    /// The last answer was on its way out when the connection was cut.
    ///
    /// - Returns: Whose answer that was.
    func lastAnswerWasCut() -> Request? {
        state.withLock { state in
            guard let last = state.last, state.inFlight.isEmpty else { return nil }
            state.last = nil
            state.counts.done -= 1
            state.counts.cut += 1
            return last
        }
    }

    /// The sums, and how many requests are being answered.
    var counts: (counts: Counts, held: Int) { state.withLock { ($0.counts, $0.inFlight.count) } }

    /// What is being answered.
    var inFlight: [Request] { state.withLock { $0.inFlight } }
}
