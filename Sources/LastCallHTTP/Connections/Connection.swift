import LastCall
import LastCallConcurrency
import NIOCore

/// One accepted connection: its requests, as the receipt needs them.
///
/// A request is held from the moment its head has come until its answer was given to the kernel and its handler has returned. Written
/// by the tasks that answer and by the connection's event loop, read by whoever writes a receipt.
final class Connection: Sendable {
    /// A request that is not over.
    struct Request: Sendable {
        /// The channel that it came on: the connection's own, or that of its stream.
        let channel: ObjectIdentifier
        /// Its method.
        let method: String
        /// Its target, query included; that is cut off where it is shown.
        let target: String
        /// Since when.
        let since: NIODeadline
        /// Whether its turn has come: it is with a handler, or on its way to one.
        var isBegun = false
        /// Whether its handler has answered.
        var isAnswered = false
        /// Whether the kernel has the whole answer.
        var isWritten = false
        /// Whether the kernel will never have it.
        var isLost = false
        /// Whether it is we who end its stream before its time.
        var isGivenUp = false

        /// What the receipt says about it.
        func item(at now: NIODeadline) -> LedgerItem {
            LedgerItem("\(method) \(target.prefix { $0 != "?" })", age: .nanoseconds((now - since).nanoseconds))
        }
    }

    /// How a handler came to its end.
    enum Ending: Sendable {
        /// With an answer.
        case answered
        /// Without one, or with half of one.
        case failed
        /// Without one, because its time was over.
        case cut
    }

    /// What became of this connection's requests.
    struct Counts: Sendable {
        /// Requests that came.
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
        /// What is not over, the oldest first.
        var inFlight: [Request] = []
        /// Whether it is we who end the connection before its time.
        var isGivenUp = false
        /// Who has it.
        var owner = Owner.nobody

        /// Settles what satisfies a condition.
        ///
        /// - Returns: What was cut.
        mutating func settle(where isDue: (Request) -> Bool) -> [Request] {
            var cut: [Request] = []
            while let index = inFlight.firstIndex(where: isDue) { cut += settle(at: index) }
            return cut
        }

        /// Settles what was not answered to its end.
        ///
        /// - Returns: What was cut.
        mutating func settle(at index: Int) -> [Request] {
            let request = inFlight.remove(at: index)
            // A client that left is no loss of ours; one whose answer we gave up is.
            guard (isGivenUp || request.isGivenUp) && !request.isWritten else {
                counts.done += 1
                return []
            }
            counts.cut += 1
            return [request]
        }

        /// The first request of a channel that satisfies a condition.
        func index(of channel: ObjectIdentifier, where condition: (Request) -> Bool) -> Int? {
            inFlight.firstIndex { $0.channel == channel && condition($0) }
        }
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
    private let registry: ConnectionRegistry

    init(channel: any Channel, registry: ConnectionRegistry) {
        self.channel = channel
        self.registry = registry
    }

    // MARK: Its life

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

    /// We end it, whatever is not answered.
    func giveUp() { state.withLock { $0.isGivenUp = true } }

    /// We end one of its streams, whatever is not answered.
    func giveUp(on channel: any Channel) {
        let channel = ObjectIdentifier(channel)
        state.withLock { state in
            guard let index = state.index(of: channel, where: { !$0.isWritten }) else { return }
            state.inFlight[index].isGivenUp = true
        }
    }

    /// The connection is closed.
    ///
    /// - Returns: Whether no task has it, so that it is to be forgotten now.
    func closed() -> Bool {
        // What a handler still works on is settled when that returns.
        settle { !$0.isBegun || $0.isAnswered }
        return state.withLock { state in
            guard state.owner == .nobody else { return false }
            state.owner = .closed
            return true
        }
    }

    /// Its task is over, too.
    func ended() { settle { _ in true } }

    private func settle(where isDue: (Request) -> Bool) {
        let cut = state.withLock { $0.settle(where: isDue) }
        for request in cut { registry.cut(request) }
    }

    // MARK: Its requests

    /// A request's head has come.
    func arrived(method: String, target: String, on channel: any Channel, at now: NIODeadline) {
        let channel = ObjectIdentifier(channel)
        var request = Request(channel: channel, method: method, target: target, since: now)
        state.withLock { state in
            request.isBegun = state.index(of: channel) { !$0.isAnswered } == nil
            state.counts.accepted += 1
            state.inFlight.append(request)
        }
    }

    /// The handler of a channel's request has returned.
    func ended(_ ending: Ending, on channel: any Channel) {
        let channel = ObjectIdentifier(channel)
        let cut: [Request] = state.withLock { state in
            guard let index = state.index(of: channel, where: { $0.isBegun && !$0.isAnswered }) else { return [] }
            if let next = state.index(of: channel, where: { !$0.isBegun }) { state.inFlight[next].isBegun = true }
            if ending == .cut { state.inFlight[index].isGivenUp = true }
            if ending != .answered || state.inFlight[index].isLost { return state.settle(at: index) }
            state.inFlight[index].isAnswered = true
            if state.inFlight[index].isWritten {
                state.inFlight.remove(at: index)
                state.counts.done += 1
            }
            return []
        }
        for request in cut { registry.cut(request) }
    }

    /// The kernel has a channel's whole answer.
    func written(on channel: any Channel) {
        let channel = ObjectIdentifier(channel)
        state.withLock { state in
            guard let index = state.index(of: channel, where: { !$0.isWritten }) else { return }
            state.inFlight[index].isWritten = true
            guard state.inFlight[index].isAnswered else { return }
            state.inFlight.remove(at: index)
            state.counts.done += 1
        }
    }

    /// The kernel will never have the end of a channel's answer.
    func lost(on channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLock { state in
            guard let index = state.index(of: id, where: { !$0.isWritten }) else { return }
            state.inFlight[index].isLost = true
        }
        settle { $0.channel == id && $0.isLost && $0.isAnswered }
    }

    /// The sums, and how many requests are not over.
    var counts: (counts: Counts, held: Int) { state.withLock { ($0.counts, $0.inFlight.count) } }

    /// What is not over.
    var inFlight: [Request] { state.withLock { $0.inFlight } }
}
