import LastCall
import LastCallConcurrency
import Logging

/// Runs one transport's messages: what an attempt means to the message, its lane and its transport.
struct Delivering: Sendable {
    /// Brings them there.
    let transport: any Transport
    /// Whose clock counts.
    let store: any WorkStore
    /// What is known of the queue without asking the store.
    let tally: OutboxTally
    /// Makes bodies that were not known before.
    let compose: (@Sendable (JobContext, [UInt8]) async throws -> [UInt8]?)?
    /// Where it logs.
    let logger: Logger

    init(
        _ transport: any Transport, _ store: any WorkStore, _ tally: OutboxTally,
        _ compose: (@Sendable (JobContext, [UInt8]) async throws -> [UInt8]?)?, _ logger: Logger
    ) {
        self.compose = compose
        self.transport = transport
        self.store = store
        self.tally = tally
        self.logger = logger
    }

    /// The handler of its messages.
    var handler: JobHandler {
        var handler = JobHandler(
            Outbox.kind(transport.name), evictionPolicy: .finish, retryPolicy: transport.policy.backoff,
            timeout: transport.policy.timeout + min(transport.policy.timeout / 10, Self.patience)
        ) { context in
            try await attempt(context)
            return nil
        }
        // Each failure has its line here, with the reason and without the destination.
        handler.logsEnds = false
        return handler
    }

    /// By how much at most a transport that keeps to its time itself may be late: what it says of that is more than the worker knows.
    private static let patience = Duration.seconds(1)

    /// Makes one attempt.
    private func attempt(_ context: JobContext) async throws {
        let policy = transport.policy
        let record = context.record
        let stored: StoredMessage
        do {
            stored = try PayloadCoding.decode(StoredMessage.self, from: record.payload)
        } catch {
            throw JobRefused("the stored message cannot be read: \(type(of: error))")
        }
        let lane = Redaction.lane(transport.name, stored.to)
        // Whose time is over, because nobody was there to send it, is tried all the same, and then no more.
        let isLast = timeLeft(record) <= .zero
        if isLast, !tally.beginsLast(record.id) { throw giveUp(record, lane, stored.to, Self.noAnswer.message) }
        // One that ignored that its time was over may go on here while it is claimed again.
        defer { if isLast, !context.isTimedOut { tally.endsLast(record.id) } }
        var made: [UInt8]?
        if let request = stored.request {
            made = try await composed(Array(request), context, lane, stored.to)
            guard made != nil else { return tally.left(Message.lane(transport.name, stored.to)) }
        }
        // What its end means where no answer comes in time.
        context.note(news(Self.noAnswer, record))
        let delivery = Delivery(
            message: stored.message(through: transport.name, made: made), id: record.id, idempotencyKey: stored.uuid,
            attempt: record.facts.attempt)
        do {
            let receipt = try await transport.deliver(delivery)
            var news = LaneNews()
            news.lane = .succeeded
            news.kind = .succeeded
            news.laneRest = max(rest(record, policy), receipt.restsFor ?? .zero)
            context.note(news)
            tally.delivered(Message.lane(transport.name, stored.to))
        } catch let failure as DeliveryFailure {
            throw ended(failure, record, lane, context, stored.to)
        } catch {
            if error is CancellationError, Task.isCancelled || context.isEvicted {
                guard context.isTimedOut else { throw error }
                note(Self.noAnswer, record, lane)
                throw timeLeft(record) > .zero ? error : giveUp(record, lane, stored.to, Self.noAnswer.message)
            }
            // Its words may quote anything.
            throw ended(DeliveryFailure("failed with \(type(of: error))"), record, lane, context, stored.to)
        }
    }

    /// The body of a message that waited for something's end; `nil` where nothing is to be sent.
    private func composed(
        _ request: [UInt8], _ context: JobContext, _ lane: String, _ destination: String
    ) async throws -> [UInt8]? {
        do {
            guard let compose else { throw JobFailure("this program cannot make the message's body") }
            return try await compose(context, request)
        } catch {
            if error is CancellationError || Task.isCancelled { throw error }
            // Nobody was asked, so that it says nothing of a lane. An error's own words may quote anything.
            let known = error as? JobFailure ?? JobFailure("its body could not be made: \(type(of: error))")
            let failure = DeliveryFailure(known.message, isRetryable: known.isRetryable)
            throw outcome(of: failure, context.record, lane, destination)
        }
    }

    /// A message is dead-lettered because its time is over.
    private func giveUp(
        _ record: ClaimedRecord, _ lane: String, _ destination: String, _ last: String
    ) -> JobRefused {
        tally.endsLast(record.id)
        tally.left(Message.lane(transport.name, destination))
        let time = DurationText.format(transport.policy.givesUpAfter)
        logger.error("message given up", metadata: ["job": "\(record.id)", "lane": "\(lane)", "after": "\(time)"])
        return JobRefused("not delivered within \(time); the last failure: \(last)")
    }

    /// What a failed attempt becomes.
    private func ended(
        _ failure: DeliveryFailure, _ record: ClaimedRecord, _ lane: String, _ context: JobContext,
        _ destination: String
    ) -> any Error {
        context.note(news(failure, record))
        return outcome(of: failure, record, lane, destination)
    }

    /// What a failure means to its message.
    private func outcome(
        of failure: DeliveryFailure, _ record: ClaimedRecord, _ lane: String, _ destination: String
    ) -> any Error {
        let policy = transport.policy
        note(failure, record, lane)
        guard failure.isRetryable else {
            tally.left(Message.lane(transport.name, destination))
            return JobRefused(failure.message)
        }
        let left = timeLeft(record)
        guard left > .zero else {
            return giveUp(record, lane, destination, failure.message)
        }
        let backoff = policy.backoff.delay(afterFailures: record.facts.attempt, random: .random(in: 0...1))
        return JobFailure(failure.message, retryAfter: max(backoff, min(failure.retryAfter ?? .zero, left)))
    }

    /// What is said of an attempt that its policy's time ended.
    private static let noAnswer = DeliveryFailure("no answer in time")

    /// One line for each failed attempt.
    private func note(_ failure: DeliveryFailure, _ record: ClaimedRecord, _ lane: String) {
        tally.failed(failure.message)
        logger.log(
            level: failure.isRetryable ? .info : .error,
            failure.isRetryable ? "message not delivered" : "message refused",
            metadata: [
                "job": "\(record.id)", "lane": "\(lane)", "attempt": "\(record.facts.attempt)",
                "why": "\(failure.message)",
            ])
    }

    /// What a failed attempt says of its lane and transport.
    private func news(_ failure: DeliveryFailure, _ record: ClaimedRecord) -> LaneNews {
        let policy = transport.policy
        var news = LaneNews()
        news.laneRest = rest(record, policy)
        // Nobody is waited for longer than for a message.
        let wait = failure.isRetryable ? min(failure.retryAfter ?? .zero, policy.givesUpAfter) : .zero
        switch failure.scope {
        case .destination: news.laneRest = max(news.laneRest, wait)
        case .transport: news.kindRest = wait
        }
        guard let breaker = policy.breaker else { return news }
        if failure.countsForBreaker {
            let verdict = LaneNews.Verdict.failed(failuresMax: breaker.failuresMax, coolDown: breaker.coolDown)
            switch failure.scope {
            case .destination: news.lane = verdict
            case .transport: news.kind = verdict
            }
        } else if !failure.isRetryable {
            // Whoever refuses a message for its own sake is well.
            news.lane = .succeeded
            news.kind = .succeeded
        }
        return news
    }

    /// How long it is until the message is given up, counted from when it might first be sent.
    private func timeLeft(_ record: ClaimedRecord) -> Duration {
        transport.policy.givesUpAfter - (store.now - record.eligibleAt)
    }

    /// How long the lane rests by its rate, which counts from the beginning of an attempt.
    private func rest(_ record: ClaimedRecord, _ policy: TransportPolicy) -> Duration {
        guard let spacing = policy.ratePerDestination?.spacing else { return .zero }
        return max(.zero, spacing - (store.now - record.claimedAt))
    }
}
