import LastCallWork
import Testing

@Suite struct RecordStateMachineTests {
    /// A record in its third run: one attempt failed, one worker was lost, one eviction.
    static func facts(_ change: (inout RecordFacts) -> Void = { _ in }) -> RecordFacts {
        var facts = RecordFacts(state: .running)
        facts.epoch = 4
        facts.attempt = 2
        facts.attemptsMax = 3
        facts.losses = 1
        facts.evictions = 1
        facts.outputFrom = 2
        change(&facts)
        return facts
    }

    /// What an ending makes of it, in a line: state, attempt, losses, evictions, where its lines begin, reason and detail.
    static func outcome(of ending: JobEnding, _ facts: RecordFacts) -> String {
        var machine = RecordStateMachine(facts)
        guard let change = machine.ended(ending) else { return "nothing" }
        var line = "\(change.state) a\(change.attempt) l\(change.losses) e\(change.evictions) from \(change.outputFrom)"
        if change.delay > .zero { line += " in \(change.delay)" }
        if let reason = change.reason { line += " \(reason)" }
        if let detail = change.detail { line += ": \(detail)" }
        return line
    }

    static let endings: [(name: String, ending: JobEnding)] =
        [
            ("succeeded", .succeeded), ("timeout", .partial(.timeout, detail: "1 h")), ("unstarted", .unstarted),
            ("failed", .failed(detail: "no route", retryAfter: .seconds(9))),
            ("failed, at once", .failed(detail: "no route", retryAfter: .zero)),
            ("failed, for good", .failed(detail: "no route", retryAfter: nil)),
            ("cancelled", .cancelled(detail: "by hand")), ("lost", .lost(detail: "killed")),
            ("refused", .refused(detail: "404")), ("deadline", .deadline),
        ] + EvictionPolicy.allCases.map { ("evicted, \($0)", .evicted($0, detail: "SIGTERM")) }

    static func table(_ facts: RecordFacts) -> [String] {
        endings.map { "\($0.name) -> \(outcome(of: $0.ending, facts))" }
    }

    /// The rows of a table that are not in the plain one.
    static func differences(_ change: (inout RecordFacts) -> Void) -> String {
        let plain = Set(table(facts()))
        return table(facts(change)).filter { !plain.contains($0) }.joined(separator: "\n")
    }

    @Test("C8 C20 C24 every ending has its own state, counters and words")
    func everyEnding() {
        let wanted = """
            succeeded -> succeeded a2 l1 e1 from 2
            timeout -> partial a2 l1 e1 from 2 timeout: 1 h
            unstarted -> ready a1 l1 e1 from 2
            failed -> scheduled a2 l1 e1 from 5 in 9.0 seconds error: no route
            failed, at once -> ready a2 l1 e1 from 5 error: no route
            failed, for good -> failed a2 l1 e1 from 2 error: no route
            cancelled -> cancelled a2 l1 e1 from 2 requested: by hand
            lost -> ready a1 l2 e1 from 5 workerLost: killed
            refused -> dead a2 l1 e1 from 2 error: 404
            deadline -> partial a2 l1 e1 from 2 deadline: its group's deadline passed
            evicted, finish -> ready a1 l1 e2 from 5 eviction: SIGTERM
            evicted, finalize -> partial a2 l1 e2 from 2 eviction: SIGTERM
            evicted, requeue -> ready a1 l1 e2 from 5 eviction: SIGTERM
            evicted, continue -> ready a1 l1 e2 from 2 eviction: SIGTERM
            """
        #expect(Self.table(Self.facts()).joined(separator: "\n") == wanted)
    }

    @Test("C12 being told to stop changes nothing about how a record may end")
    func stopping() { #expect(Self.differences { $0.state = .stopping } == "") }

    @Test("B5 a run that goes on from a checkpoint goes on with its lines")
    func checkpoint() {
        let wanted = """
            failed -> scheduled a2 l1 e1 from 2 in 9.0 seconds error: no route
            failed, at once -> ready a2 l1 e1 from 2 error: no route
            lost -> ready a1 l2 e1 from 2 workerLost: killed
            evicted, finish -> ready a1 l1 e2 from 2 eviction: SIGTERM
            evicted, requeue -> ready a1 l1 e2 from 2 eviction: SIGTERM
            """
        #expect(Self.differences { $0.hasCheckpoint = true } == wanted)
    }

    @Test("B5 where the group awaits the remainder, an eviction never finishes a record")
    func awaitsRemainder() {
        let wanted = "evicted, finalize -> ready a1 l1 e2 from 2 eviction: SIGTERM"
        #expect(Self.differences { $0.awaitsRemainder = true } == wanted)
    }

    @Test("the last attempt that fails is the end, whatever the delay; evictions and losses still give it back")
    func lastAttempt() {
        let facts = Self.facts { $0.attempt = 3 }
        #expect(Self.outcome(of: Self.endings[3].ending, facts) == "failed a3 l1 e1 from 2 error: no route")
        #expect(Self.outcome(of: Self.endings[4].ending, facts) == "failed a3 l1 e1 from 2 error: no route")
        #expect(Self.outcome(of: .lost(detail: "killed"), facts) == "ready a2 l2 e1 from 5 workerLost: killed")
        #expect(Self.outcome(of: .unstarted, facts) == "ready a2 l1 e1 from 2")
        let evicted = Self.outcome(of: .evicted(.requeue, detail: "SIGTERM"), facts)
        #expect(evicted == "ready a2 l1 e2 from 5 eviction: SIGTERM")
    }

    @Test("C8 after a cancellation was asked for, what was done stands and nothing runs again")
    func cancelRequested() {
        let wanted = """
            unstarted -> cancelled a2 l1 e1 from 2 requested
            failed -> cancelled a2 l1 e1 from 2 requested
            failed, at once -> cancelled a2 l1 e1 from 2 requested
            failed, for good -> cancelled a2 l1 e1 from 2 requested
            lost -> cancelled a2 l2 e1 from 2 requested
            evicted, finish -> cancelled a2 l1 e1 from 2 requested
            evicted, finalize -> cancelled a2 l1 e1 from 2 requested
            evicted, requeue -> cancelled a2 l1 e1 from 2 requested
            evicted, continue -> cancelled a2 l1 e1 from 2 requested
            """
        #expect(Self.differences { $0.cancelRequested = true } == wanted)
    }

    @Test(
        "C21 C22 a loss that reaches the cap gives the record up, with all its lines",
        arguments: [
            (1, 0, "dead a1 l1 e1 from 0 workerLost: abandoned after 1 loss; the last: killed"),
            (1, 1, "dead a1 l1 e1 from 0 workerLost: abandoned after 1 loss; the last: killed"),
            (1, 2, "ready a0 l1 e1 from 5 workerLost: killed"),
            (3, 3, "dead a1 l3 e1 from 0 workerLost: abandoned after 3 losses; the last: killed"),
            (3, 4, "ready a0 l3 e1 from 5 workerLost: killed"),
            (99, nil, "ready a0 l99 e1 from 5 workerLost: killed"),
        ] as [(Int, Int?, String)])
    func lossCap(losses: Int, cap: Int?, wanted: String) {
        let facts = Self.facts { facts in
            facts.attempt = 1
            facts.losses = losses - 1
            facts.lossesMax = cap
        }
        #expect(Self.outcome(of: .lost(detail: "killed"), facts) == wanted)
    }

    @Test("C20 what a loss means is the record's own policy")
    func lossPolicies() {
        let finalize = Self.differences { $0.onLost = .finalize }
        #expect(finalize == "lost -> partial a2 l2 e1 from 2 workerLost: killed")
        let fail = Self.differences { $0.onLost = .fail }
        #expect(fail == "lost -> failed a2 l2 e1 from 2 workerLost: killed")
    }

    @Test("C24 C26 however often it is evicted or lost, its attempts are as if that had not been")
    func attemptsSurvive() {
        var machine = RecordStateMachine(
            Self.facts { facts in
                facts.attempt = 1
                facts.lossesMax = nil
            })
        for ending in [
            JobEnding.evicted(.requeue, detail: ""), .lost(detail: ""), .unstarted, .evicted(.continue, detail: ""),
        ] {
            let change = machine.ended(ending)
            #expect(change?.state == .ready)
            #expect(machine.facts.attempt == 0)
            let isClaimed = machine.claim()
            #expect(isClaimed)
            #expect(machine.facts.attempt == 1)
        }
        #expect(machine.facts.epoch == 8)
        #expect(machine.facts.losses == 2)
        #expect(machine.facts.evictions == 3)
    }

    @Test("only what is ready is claimed, and a claim counts", arguments: WorkState.allCases)
    func claim(state: WorkState) {
        var machine = RecordStateMachine(Self.facts { $0.state = state })
        let isClaimed = machine.claim()
        #expect(isClaimed == (state == .ready))
        #expect(machine.facts.state == (state == .ready ? .running : state))
        #expect(machine.facts.epoch == (state == .ready ? 5 : 4))
        #expect(machine.facts.attempt == (state == .ready ? 3 : 2))
    }

    @Test("C12 what nobody holds has no ending", arguments: WorkState.allCases.filter { !$0.isHeld })
    func nobodyHolds(state: WorkState) {
        let facts = Self.facts { $0.state = state }
        for (_, ending) in Self.endings {
            var machine = RecordStateMachine(facts)
            let change = machine.ended(ending)
            #expect(change == nil)
            #expect(machine.facts == facts)
        }
    }

    @Test("C8 what waits is cancelled, who holds is asked, what is over refuses", arguments: WorkState.allCases)
    func cancel(state: WorkState) {
        var machine = RecordStateMachine(Self.facts { $0.state = state })
        switch machine.cancel(.dependency, detail: "why") {
        case .cancelled(let change):
            #expect(state.isWaiting)
            #expect(machine.facts.state == .cancelled)
            #expect(change.reason == .dependency)
            #expect(change.detail == "why")
        case .ask:
            #expect(state.isHeld)
            #expect(machine.facts.state == state)
            #expect(machine.facts.cancelRequested)
        case .refuse:
            #expect(state.isTerminal)
            #expect(machine.facts.state == state)
        }
    }

    @Test("a deadline cuts short what runs and cancels what waits", arguments: WorkState.allCases)
    func deadline(state: WorkState) {
        var machine = RecordStateMachine(Self.facts { $0.state = state })
        let change = machine.deadlinePassed()
        #expect(change?.state == (state.isTerminal ? nil : state.isHeld ? .partial : .cancelled))
        #expect(change?.reason == (state.isTerminal ? nil : .deadline))
        #expect(machine.facts.state == change?.state ?? state)
    }

    @Test("what is over runs again with all its attempts", arguments: WorkState.allCases)
    func retry(state: WorkState) {
        var machine = RecordStateMachine(
            Self.facts { facts in
                facts.state = state
                facts.cancelRequested = true
            })
        let change = machine.retry()
        guard state.isTerminal else {
            #expect(change == nil)
            #expect(machine.facts.state == state)
            return
        }
        #expect(machine.facts.state == .ready)
        #expect([machine.facts.attempt, machine.facts.losses, machine.facts.evictions] == [0, 0, 1])
        #expect(machine.facts.epoch == 4)
        #expect(machine.facts.outputFrom == 5)
        #expect(!machine.facts.cancelRequested)
    }

    @Test("a record is accepted where it waits")
    func accepted() {
        #expect(RecordStateMachine.accepted(waits: true, delay: .seconds(1)) == .blocked)
        #expect(RecordStateMachine.accepted(waits: false, delay: .seconds(1)) == .scheduled)
        #expect(RecordStateMachine.accepted(waits: false, delay: .zero) == .ready)
        #expect(RecordStateMachine.accepted(waits: false, delay: .seconds(-1)) == .ready)
    }

    @Test("a run that could not begin is no attempt, no loss and no eviction, and waits for its delay") func postponed()
    {
        let ending = JobEnding.postponed(detail: "no room", delay: .seconds(5))
        #expect(Self.outcome(of: ending, Self.facts()) == "scheduled a1 l1 e1 from 2 in 5.0 seconds error: no room")
        let last = Self.facts { $0.attempt = 3 }
        #expect(Self.outcome(of: ending, last) == "scheduled a2 l1 e1 from 2 in 5.0 seconds error: no room")
        let cancelled = Self.facts { $0.cancelRequested = true }
        #expect(Self.outcome(of: ending, cancelled).hasPrefix("cancelled a2"))
    }
}
