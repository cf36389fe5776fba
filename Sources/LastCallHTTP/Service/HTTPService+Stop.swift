import LastCall
import Logging
import NIOCore

extension HTTPService {
    /// Waits for the stop and closes everything in order.
    ///
    /// Cancelled at any point, it closes the listener at once and leaves the rest to those who were cut.
    func close(_ socket: ListeningSocket, streams: GracefulScope, after delay: PropagationDelay) async {
        do {
            try await stop.began.wait()
            let began = Stopwatch(configuration.clock)
            registry.enter(.draining)
            try await stop.told.wait()
            try await keepOpen(socket, for: delay, since: began)
            try await empty(socket)
        } catch {
            logger.info("cancelled: closing at once")
            registry.enter(.draining)
        }
        await socket.close()
        registry.enter(.closingIdle)
        registry.close()
        streams.tell()
        await registry.drained.waitThroughCancellation()
    }

    // MARK: Lame duck

    /// How long the listener stays open.
    func propagationDelay() throws -> PropagationDelay {
        if let stated = try EnvironmentSettings(configuration.environment).duration(.propagationDelay, orZero: true) {
            return PropagationDelay(duration: stated, reason: "stated in \(EnvironmentKey.propagationDelay.rawValue)")
        }
        if let stated = configuration.propagationDelay {
            guard stated >= .zero else {
                throw HTTPServiceError(.invalidConfiguration, "propagationDelay is below zero; write .zero for none")
            }
            return PropagationDelay(duration: stated, reason: "stated in code")
        }
        guard let news = Shutdown.scope?.news, news.platform == .kubernetes else {
            return PropagationDelay(duration: .zero, reason: "none by default")
        }
        guard news.preStop == .zero else {
            return PropagationDelay(duration: .zero, reason: "none, a preStop came before the signal")
        }
        return PropagationDelay(
            duration: .seconds(5),
            reason: "the default on kubernetes: endpoints learn of a stop later than the pod does")
    }

    /// Accepts until whoever sends clients here has had the time to learn that he should not.
    private func keepOpen(
        _ socket: ListeningSocket, for delay: PropagationDelay, since began: Stopwatch
    ) async throws {
        var left = delay.duration - began.elapsed
        // The delay is part of the budget, but never the whole of it.
        if let remaining = Shutdown.current?.remaining, left > remaining / 2 { left = remaining / 2 }
        logger.notice(
            "draining: every answer closes its connection",
            metadata: [
                "connections": "\(registry.count)", "requests": "\(registry.ledger.held)",
                "listenerOpenFor": "\(DurationText.format(max(.zero, left)))", "why": "\(delay.reason)",
            ])
        guard left > .zero else { return }
        try await sleep(left)
    }

    // MARK: The accept queue

    /// Closes the way in without losing who is already in it.
    private func empty(_ socket: ListeningSocket) async throws {
        let watch = Stopwatch(configuration.clock)
        if !socket.isInherited {
            let isRefusing = await socket.refuseNew()
            if !isRefusing {
                logger.warning("new connections cannot be kept out here: those of the last milliseconds may be reset")
            }
            var machine = AcceptQueueStateMachine(isRefusing: isRefusing, at: watch.elapsed)
            looking: while true {
                let seen = AcceptQueueStateMachine.Observation(
                    queued: await socket.queued(), accepted: registry.acceptedCount)
                switch machine.observed(seen, at: watch.elapsed) {
                case .lookAgain(let wait): try await sleep(wait)
                case .close(let lost):
                    if lost > 0 {
                        logger.error("connections are left in the accept queue", metadata: ["count": "\(lost)"])
                    }
                    break looking
                }
            }
        }
        await socket.stopAccepting()
        while registry.accepting > 0 && watch.elapsed < AcceptQueueStateMachine.limit * 2 {
            try await sleep(AcceptQueueStateMachine.step)
        }
        logger.info("the listener closes", metadata: ["connections": "\(registry.count)"])
    }

    private func sleep(_ duration: Duration) async throws { try await Self.sleep(duration, configuration.clock) }

    private static func sleep<C: Clock<Duration>>(_ duration: Duration, _ clock: C) async throws {
        try await clock.sleep(until: clock.now.advanced(by: duration), tolerance: .zero)
    }
}

/// How long a listener stays open once readiness turned false.
struct PropagationDelay: Sendable {
    /// How long.
    let duration: Duration
    /// Why so long.
    let reason: String
}

/// Measures from a moment on any clock.
struct Stopwatch: Sendable {
    private let read: @Sendable () -> Duration

    init(_ clock: any Clock<Duration>) { read = Self.reader(clock) }

    private static func reader<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
        let start = clock.now
        return { start.duration(to: clock.now) }
    }

    /// The time since then.
    var elapsed: Duration { read() }
}
