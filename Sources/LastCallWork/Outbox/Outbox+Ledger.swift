public import LastCall
import LastCallConcurrency
import Logging

// What it holds, and what became of it.
extension Outbox: LedgerReporting {
    /// The messages that wait or are on their way, those that this process accepted, and what became of them.
    public var ledger: Ledger {
        let sent = worker.ledger
        return state.withLock { state in
            let ended = sent.done + sent.deadLettered + state.dropped + state.others.sent + state.others.cancelled
            // More may end than was known: what others accepted, and dead letters that somebody replayed.
            let accepted = max(state.accepted + state.others.accepted, ended - state.backlog)
            var ledger = Ledger(
                accepted: accepted, done: sent.done + state.others.cancelled,
                handedOver: state.others.sent + (state.rest?.handedOver ?? 0), kept: state.rest?.kept ?? 0,
                deadLettered: sent.deadLettered + state.dropped, cut: state.rest?.cut ?? 0)
            if state.rest == nil {
                ledger.held = state.backlog + accepted - ended
                if !worker.losesWhatItGivesBack { ledger.stored = ledger.held }
                ledger.donePerSecond = rate(of: ledger.held)
            }
            return ledger
        }
    }

    /// How many there should be, as far as is known.
    var estimate: Int {
        let sent = worker.ledger
        return state.withLock { max(0, Self.estimate($0, sent)) }
    }

    private static func estimate(_ state: State, _ sent: Ledger) -> Int {
        state.backlog + state.accepted + state.others.accepted - sent.done - sent.deadLettered - state.dropped
            - state.others.sent - state.others.cancelled
    }

    /// How many messages a second it sends, where the rates of its transports tell.
    private func rate(of held: Int) -> Double? {
        let slowest = tally.slowest { lane in
            let name = lane.prefix { $0 != "/" }
            return transports[String(name)]?.policy.ratePerDestination?.spacing
        }
        guard let slowest, slowest > .zero, held > 0 else { return nil }
        return Double(held) / slowest.inSeconds
    }

    /// The messages on their way, the lanes without their names.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { worker.heldItems(itemsMax: itemsMax) }

    /// The messages that were lost with a store that dies with its process.
    public func cutItems(itemsMax: Int) -> [LedgerItem] {
        state.withLock { Array(($0.rest?.cutItems ?? []).suffix(itemsMax)) }
    }

    // MARK: counting

    /// The lanes of these transports.
    func lanes() async throws -> [LaneReport] {
        var lanes: [LaneReport] = []
        for name in transports.keys.sorted() { lanes += try await store.lanes(prefix: "\(name)/") }
        return lanes
    }

    /// How many messages were cancelled, by anybody at any time; `nil` where the store does not answer.
    private func cancelledInStore() async -> Int? {
        let kinds = Set(transports.keys.map { Self.kind($0) })
        do {
            return try await store.counts().filter { $0.state == .cancelled && kinds.contains($0.kind) }
                .reduce(0) { $0 + $1.count }
        } catch {
            configuration.logger.debug("the store did not count", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Notes what waits from before.
    func lookForBacklog() async {
        do {
            var (own, lanes) = (own, try await self.lanes())
            // Whoever is let in meanwhile would be counted twice; where somebody always is, the next look mends it.
            for _ in 0..<5 where own != self.own || intake.ledger.held > 0 {
                (own, lanes) = (self.own, try await self.lanes())
            }
            let count = Self.depth(of: lanes)
            let cancelled = await cancelledInStore()
            let before = own
            state.withLock { state in
                // What this process accepted before it began to send is counted already.
                state.backlog = max(0, count - before)
                state.others.cancelledInStore = cancelled ?? 0
            }
            tally.found(lanes)
            guard count > 0 else { return }
            configuration.logger.info("messages wait from before", metadata: ["messages": "\(count)"])
        } catch {
            // Its worker will say what is wrong with the store; what it holds is counted at the end.
            configuration.logger.warning("the store did not say what waits", metadata: ["error": "\(error)"])
        }
    }

    /// How many messages this process accepted that did not have to leave for others.
    private var own: Int { state.withLock { $0.own } }

    /// Takes in what others do to the queue, as the store tells of changes, so that a stop begins with the right count.
    func goOnCounting(until isOver: Latch<Void>) async {
        let changes = store.changes()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                while let change = await changes.next() {
                    guard !change.isDisjoint(with: [.work, .due, .ended]) else { continue }
                    var isCounted = false
                    while !isCounted, isOver.value == nil {
                        let begin = ContinuousClock.now
                        isCounted = await recount()
                        // At most a hundredth of the time is spent on looking.
                        await Self.wait(max(.seconds(1), begin.duration(to: .now) * 100), orUntil: isOver)
                    }
                }
            }
            group.addTask { try? await isOver.wait() }  // cancelled: the store was closed
            await group.next()
            group.cancelAll()
        }
    }

    /// Takes in what others did to the queue.
    ///
    /// - Returns: Whether it did; not where this process did something to it in the same moment.
    @discardableResult
    package func recount() async -> Bool {
        guard !worker.isSettling, intake.ledger.held == 0 else { return false }
        let (own, before) = (own, worker.ledger)
        let lanes: [LaneReport]
        do { lanes = try await self.lanes() } catch {
            configuration.logger.debug("the store did not say what waits", metadata: ["error": "\(error)"])
            return false
        }
        let cancelled = await cancelledInStore()
        // In this order: an end that the store has and the ledger has not is being settled, or is in the ledger by then.
        guard !worker.isSettling, intake.ledger.held == 0 else { return false }
        let sent = worker.ledger
        guard sent.done == before.done, sent.deadLettered == before.deadLettered else { return false }
        let isTakenIn = state.withLock { state in
            // What was accepted here since then may or may not be among what the store told of.
            guard state.own == own else { return false }
            Self.takeIn(&state, Self.depth(of: lanes), cancelled, sent)
            return true
        }
        if isTakenIn { tally.found(lanes) }
        return isTakenIn
    }

    private static func depth(of lanes: [LaneReport]) -> Int { lanes.reduce(0) { $0 + $1.depth } }

    /// Takes in how many messages are left.
    private static func takeIn(_ state: inout State, _ left: Int, _ cancelled: Int?, _ sent: Ledger) {
        guard state.rest == nil else { return }
        let difference = left - estimate(state, sent)
        state.others.accepted += max(0, difference)
        // What is not there any more and was not sent here: somebody cancelled it, or sent it.
        let gone = max(0, -difference)
        let known = state.others.cancelledInStore
        let cancelledNow = min(gone, max(0, (cancelled ?? known) - known))
        state.others.cancelled += cancelledNow
        state.others.sent += gone - cancelledNow
        state.others.cancelledInStore = cancelled ?? known
    }

    /// Counts what is left at the end.
    func countRest() async {
        let (left, covered) = await countLeft() ?? (estimate, 0)
        let cancelled = await cancelledInStore()
        let sent = worker.ledger
        var rest = Rest(handedOver: covered)
        if worker.losesWhatItGivesBack {
            rest.cut = left - covered
            rest.cutItems = await itemsLeft()
        } else {
            rest.kept = left - covered
        }
        state.withLock { state in
            Self.takeIn(&state, left, cancelled, sent)
            state.rest = rest
            state.isOver = true
        }
        guard left > 0 else { return }
        configuration.logger.notice(
            "messages are left",
            metadata: ["kept": "\(rest.kept)", "handedOver": "\(covered)", "cut": "\(rest.cut)"])
    }

    /// How many messages are left, and how many of them somebody else who lives sends; `nil` where the store does not answer.
    func countLeft() async -> (left: Int, covered: Int)? {
        do {
            let kinds = worker.coveredKinds
            return try await lanes().reduce(into: (0, 0)) { sums, lane in
                sums.0 += lane.depth
                if kinds.contains(Self.kind(String(lane.name.prefix { $0 != "/" }))) { sums.1 += lane.depth }
            }
        } catch {
            configuration.logger.warning("the store did not say what is left", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// The messages that are left, one by one.
    private func itemsLeft() async -> [LedgerItem] {
        let query = WorkQuery(
            states: [.blocked, .scheduled, .ready, .running, .stopping], queues: [Self.queueName], limit: 1000)
        do {
            return try await store.records(query).map { record in
                let lane = record.lane ?? ""
                let destination = lane.drop { $0 != "/" }.dropFirst()
                let transport = String(lane.prefix { $0 != "/" })
                return LedgerItem(
                    "message \(record.id) \(Redaction.lane(transport, String(destination)))",
                    age: store.now - record.acceptedAt)
            }
        } catch {
            configuration.logger.warning("the store did not list what is left", metadata: ["error": "\(error)"])
            return []
        }
    }
}

// What people and probes ask.
extension Outbox {
    /// How an outbox is.
    public struct Status: Sendable, Hashable {
        /// How many messages wait or are on their way.
        public var waiting: Int
        /// How many of them are on their way in this process.
        public var inFlight: Int
        /// How full the fullest destination's queue is, from 0 to 1.
        public var utilisation: Double
        /// The transports and lanes that are left alone because they keep failing: `slack`, `slack/C024BE91L`.
        public var openBreakers: [String]
        /// How many messages this process delivered.
        public var delivered: Int
        /// How many messages it dead-lettered.
        public var deadLettered: Int
        /// The last failure, safe to show.
        public var lastFailure: String?
    }

    /// Asks the store how the outbox is.
    public func status() async throws -> Status {
        let lanes = try await lanes()
        let now = store.now
        let fill = lanes.map { lane in
            let most = transports[String(lane.name.prefix { $0 != "/" })]?.policy.waitingMax ?? Int.max
            return Double(lane.depth) / Double(most)
        }
        let gates = try await store.gates().filter { gate in
            transports.keys.contains { Self.kind($0) == gate.kind }
        }
        let open =
            gates.filter { $0.breaker.state(at: now) != .closed }.map { String($0.kind.dropFirst("message:".count)) }
            + lanes.filter { $0.breaker.state(at: now) != .closed }.map(\.name)
        let sent = worker.ledger
        return Status(
            waiting: lanes.reduce(0) { $0 + $1.depth }, inFlight: worker.heldCount, utilisation: fill.max() ?? 0,
            openBreakers: open, delivered: tally.delivered,
            deadLettered: sent.deadLettered + state.withLock { $0.dropped }, lastFailure: tally.lastFailure)
    }
}
