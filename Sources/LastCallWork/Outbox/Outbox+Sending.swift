import LastCall
import LastCallConcurrency
import Logging
import Tracing

// Accepting messages.
extension Outbox {
    /// What became of a message that was sent.
    public struct Sent: Sendable, Hashable {
        /// Its identity.
        public let id: WorkID
        /// Whether it was there already, under the same key.
        public let isDuplicate: Bool
    }

    /// Accepts a message; it is as durable as the store when this returns, and is delivered after that.
    ///
    /// - Throws: ``WorkError/Code/stopping`` once the outbox was told to stop; ``WorkError/Code/laneFull`` and
    ///   ``WorkError/Code/breakerOpen`` as the transport's policy says; ``WorkError/Code/invalidSubmission`` and
    ///   ``WorkError/Code/tooLarge`` for what can never be sent; what the store throws.
    @discardableResult
    public func send(_ message: Message) async throws -> Sent { try await send([message])[0] }

    /// Accepts messages in one transaction: all of them, or none.
    @discardableResult
    public func send(_ messages: [Message]) async throws -> [Sent] {
        guard !messages.isEmpty else { return [] }
        let submissions = try messages.map { Submission(try draft(of: $0)) }
        try checkRoom(for: messages)
        // Where one of them is to be refused, the caller does not wait for the others.
        let policies = messages.compactMap { transports[$0.transport]?.policy.overflow }
        let waits = policies.contains(.wait) && !policies.contains(.reject)
        let changes = waits ? store.changes() : nil
        if let changes { state.withLock { $0.waiting[ObjectIdentifier(changes)] = changes } }
        defer { if let changes { _ = state.withLock { $0.waiting.removeValue(forKey: ObjectIdentifier(changes)) } } }
        var turn: Latch<Void>?
        defer { if let turn { endTurn(turn, in: messages[0].lane) } }
        while true {
            do {
                let acceptances = try await letIn(messages[0]) {
                    let acceptances = try await self.store.accept(submissions)
                    // Before the drain may go on: what it counts is all there is.
                    noteAccepted(messages, acceptances)
                    return acceptances
                }
                return acceptances.map { Sent(id: $0.ids[0], isDuplicate: $0.isDuplicate) }
            } catch let error as WorkError where error.code == .laneFull {
                guard let changes else { throw error }
                // Of all who wait for a lane one asks, and the others wait for that one.
                if turn == nil {
                    let (own, before) = takeTurn(in: messages[0].lane)
                    turn = own
                    try await before?.wait()
                    continue
                }
                // Any end may be one of this lane's; it is looked at again then.
                var change: StoreChange? = []
                while let heard = change, !heard.contains(.ended) { change = await changes.next() }
                guard change != nil else {
                    try Task.checkCancellation()
                    throw error
                }
            }
        }
    }

    /// Refuses what would never fit, however long somebody waited.
    private func checkRoom(for messages: [Message]) throws(WorkError) {
        guard messages.count > 1 else { return }
        for (lane, group) in Dictionary(grouping: messages, by: \.lane) {
            let name = group[0].transport
            guard let policy = transports[name]?.policy, policy.overflow != .dropOldest,
                group.count > policy.waitingMax
            else { continue }
            throw WorkError(
                .laneFull,
                "\(group.count) messages at once for \(Redaction.lane(name, String(lane.dropFirst(name.count + 1)))), where \(policy.waitingMax) may wait; send them in parts"
            )
        }
    }

    /// Takes a place behind those who wait for room in a lane.
    private func takeTurn(in lane: String) -> (own: Latch<Void>, before: Latch<Void>?) {
        let own = Latch<Void>()
        return state.withLock { state in
            let before = state.turns[lane]
            state.turns[lane] = own
            return (own, before)
        }
    }

    /// Lets the next one ask.
    private func endTurn(_ turn: Latch<Void>, in lane: String) {
        state.withLock { if $0.turns[lane] === turn { $0.turns[lane] = nil } }
        turn.open()
    }

    /// How many may have to wait for room.
    package var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Runs what accepts a message, unless the outbox was told to stop; its drain waits for that.
    private func letIn<Value>(_ message: Message, _ body: () async throws -> Value) async throws -> Value {
        let token = try enter(message)
        let value = try await body()
        token.end(.done)
        return value
    }

    /// Lets in who accepts a message.
    package func enter(_ message: Message) throws -> InFlightToken {
        do { return try intake.enter() } catch { throw refusal(of: message) }
    }

    /// The outbox takes nothing new.
    package func refusal(of message: Message) -> WorkError {
        configuration.logger.notice(
            "message refused: the outbox is stopping",
            metadata: [
                "lane": "\(Redaction.lane(message.transport, message.destination))", "bytes": "\(message.body.count)",
            ])
        return WorkError(
            .stopping, "the outbox is stopping and takes no new messages; keep it and send it after the restart")
    }

    /// Notes what was accepted, and says what had to leave for it.
    package func noteAccepted(_ messages: [Message], _ acceptances: [Acceptance]) {
        let losesRest = worker.losesWhatItGivesBack
        state.withLock { state in
            for acceptance in acceptances where !acceptance.isDuplicate {
                state.accepted += 1
                state.dropped += acceptance.dropped.count
                // A store that was slow to take it took it after the end.
                let left = 1 - acceptance.dropped.count
                if losesRest { state.rest?.cut += left } else { state.rest?.kept += left }
            }
        }
        for (message, acceptance) in zip(messages, acceptances) where !acceptance.isDuplicate {
            tally.came(message.lane, 1 - acceptance.dropped.count)
        }
        for (message, acceptance) in zip(messages, acceptances) where !acceptance.dropped.isEmpty {
            configuration.logger.warning(
                "a destination's queue is full: the oldest message was moved to the dead letters",
                metadata: [
                    "lane": "\(Redaction.lane(message.transport, message.destination))",
                    "jobs": "\(acceptance.dropped.map(\.description).joined(separator: ","))",
                ])
        }
    }

    /// The record of a message that waits for a record's or a group's end, and whose body is made then: it takes its place in its lane when
    /// that comes.
    package static func draft(
        following transport: String, to destination: String, request: [UInt8]
    ) throws -> RecordDraft {
        let stored = StoredMessage(to: destination, request: request)
        var draft = RecordDraft(kind: kind(transport), payload: try PayloadCoding.encode(stored))
        draft.queue = queueName
        draft.lane = Message.lane(transport, destination)
        draft.attemptsMax = attemptsMax
        draft.lossesMax = lossesMax
        // What it tells of may be cancelled; that is told too.
        draft.standsAlone = true
        return draft
    }

    /// The record of a message.
    ///
    /// - Throws: ``WorkError/Code/invalidSubmission`` where no transport has the name or the destination is no name; what the transport
    ///   says is wrong.
    package func draft(of message: Message) throws -> RecordDraft {
        guard let transport = transports[message.transport] else {
            throw WorkError(
                .invalidSubmission,
                "there is no transport named \"\(message.transport)\"; there are: \(transports.keys.sorted().joined(separator: ", "))"
            )
        }
        let destination = message.destination
        guard (1...Message.destinationBytesMax).contains(destination.utf8.count) else {
            throw WorkError(
                .invalidSubmission,
                "a destination of \(destination.utf8.count) bytes; it has 1 to \(Message.destinationBytesMax)")
        }
        guard !destination.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw WorkError(.invalidSubmission, "the destination holds a control character; it is a plain name")
        }
        try transport.check(message)
        let policy = transport.policy
        var draft = RecordDraft(
            kind: Self.kind(message.transport), payload: try PayloadCoding.encode(StoredMessage(message)))
        draft.queue = Self.queueName
        draft.lane = message.lane
        draft.laneTerms = LaneTerms(
            waitingMax: policy.waitingMax, dropsOldest: policy.overflow == .dropOldest,
            refusesWhileOpen: policy.breaker != nil)
        draft.delay = message.delay
        draft.key = message.key.map { UniqueKey($0, scope: .retained) }
        draft.attemptsMax = Self.attemptsMax
        draft.lossesMax = Self.lossesMax
        if let context = ServiceContext.current {
            InstrumentationSystem.instrument.inject(context, into: &draft.trace, using: TraceFields())
        }
        return draft
    }
}
