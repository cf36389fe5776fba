import LastCall
import LastCallTesting
import Testing

/// Stops as text, played through the lifecycle's own machine in virtual time.
@Suite struct StopTimelineTests {
    static let sigterm = ShutdownCause(kind: .signal, detail: "SIGTERM")

    /// The order of a chat bot that polls and posts, five seconds a stage.
    static let botStages = ["scheduler", "queue", "health", "chat", "log"].map {
        StageSpec(name: $0, budget: .seconds(5))
    }

    static func bot(_ change: (inout [Rehearsal.Script]) -> Void = { _ in }) -> [Rehearsal.Script] {
        var scripts = botStages.enumerated().map { index, stage in
            Rehearsal.Script(stage.name, stage: index, endsAfterTold: .seconds(1))
        }
        change(&scripts)
        return scripts
    }

    static func play(_ scripts: [Rehearsal.Script], stages: [StageSpec] = botStages) -> Rehearsal {
        var rehearsal = Rehearsal(scripts: scripts, stages: stages)
        rehearsal.at(.seconds(2), .stop(sigterm, .drain))
        rehearsal.play()
        return rehearsal
    }

    @Test("P23 stages stop in the declared order, and start the other way round") func order() {
        let rehearsal = Self.play(Self.bot())
        #expect(
            rehearsal.timeline.description == """
                log       ------TE
                chat      -----TE
                health    ----TE
                queue     ---TE
                scheduler --TE
                """)
    }

    @Test("P24 each step in turn throws, and all others still run", arguments: 0..<5) func throwing(step: Int) {
        let rehearsal = Self.play(Self.bot { $0[step].error = "broken" })
        #expect(rehearsal.machine.memberRecords.map(\.failure) == (0..<5).map { $0 == step ? "broken" : nil })
        #expect(rehearsal.machine.memberRecords.allSatisfy { $0.toldAt != nil && $0.endedAt != nil })
    }

    @Test("P24 P26 each step in turn hangs, is abandoned, and all others still run", arguments: 0..<5)
    func hanging(step: Int) {
        let rehearsal = Self.play(
            Self.bot {
                $0[step].endsAfterTold = nil
                $0[step].endsAfterCancelled = nil
            })
        let records = rehearsal.machine.memberRecords
        #expect(records.map { $0.abandonedAt != nil } == (0..<5).map { $0 == step })
        #expect(records.allSatisfy { $0.toldAt != nil })
        // What the steps before it did not use is its own.
        #expect(records[step].abandonedAt == .seconds(2 + 5 * (step + 1)))
    }

    @Test("L3 one slow member spends its own stage's time and nobody else's") func slowMember() {
        let stages = [StageSpec(name: "web", budget: .seconds(10)), StageSpec(name: "work", budget: .seconds(10))]
        var slow = Rehearsal.Script("slow", stage: 0, endsAfterTold: nil)
        slow.endsAfterCancelled = nil
        let quick = Rehearsal.Script("quick", stage: 0, endsAfterTold: .seconds(2))
        let worker = Rehearsal.Script("worker", stage: 1, endsAfterTold: .seconds(8))
        let rehearsal = Self.play([slow, quick, worker], stages: stages)
        #expect(
            rehearsal.timeline.description == """
                worker ------------T=======E
                slow   --T========CA
                quick  --T=E
                """)
    }

    @Test("L4 the cap holds when a member throws while it drains") func throwsWhileDraining() {
        let stages = [StageSpec(name: "web", budget: .seconds(10))]
        var thrower = Rehearsal.Script("thrower", stage: 0, endsAfterTold: .seconds(1))
        thrower.error = "broken"
        let hanging = Rehearsal.Script("hanging", stage: 0, endsAfterTold: nil)
        let rehearsal = Self.play([thrower, hanging], stages: stages)
        #expect(
            rehearsal.timeline.description == """
                thrower --TF
                hanging --T========E
                """)
        #expect(rehearsal.machine.stop?.finishedAt == .seconds(11))
    }

    @Test("L5 a finite member may end while others drain, and nobody is cancelled for it") func finiteMember() {
        let stages = [StageSpec(name: "web", budget: .seconds(10)), StageSpec(name: "work", budget: .seconds(10))]
        var job = Rehearsal.Script("job", stage: 1)
        job.endsAfterStart = .seconds(4)
        let web = Rehearsal.Script("web", stage: 0, endsAfterTold: .seconds(5))
        let worker = Rehearsal.Script("worker", stage: 1, endsAfterTold: .seconds(1))
        let rehearsal = Self.play([job, web, worker], stages: stages)
        #expect(
            rehearsal.timeline.description == """
                job    ----E
                worker -------TE
                web    --T====E
                """)
        #expect(rehearsal.machine.memberRecords.allSatisfy { $0.cancelledAt == nil })
    }

    @Test("P25 members that were never started are skipped") func neverStarted() {
        var database = Rehearsal.Script("database", stage: 1)
        database.endsAfterStart = .seconds(1)
        database.error = "no route to host"
        database.readyAfter = nil
        let stages = [StageSpec(name: "web", budget: .seconds(10)), StageSpec(name: "store", budget: .seconds(10))]
        let rehearsal = Self.play([Rehearsal.Script("web", stage: 0), database], stages: stages)
        #expect(rehearsal.timeline.description == "database -F")
        #expect(rehearsal.machine.stop?.cause.kind == .startFailure)
        #expect(rehearsal.machine.stop?.cause.detail.contains("no route to host") == true)
    }

    @Test("P28 a start failure at each point stops what had started, in order", arguments: 0..<5)
    func startFailure(step: Int) {
        let rehearsal = Self.play(
            Self.bot {
                $0[step].readyAfter = nil
                $0[step].endsAfterStart = .zero
                $0[step].error = "cannot start"
            })
        let records = rehearsal.machine.memberRecords
        // The plan starts from the last stage: everything after the failing one ran, nothing before it did.
        #expect(records.map { $0.startedAt != nil } == (0..<5).map { $0 >= step })
        let told = records.enumerated().filter { $0.offset > step }.compactMap(\.element.toldAt)
        #expect(told.count == 4 - step)
        #expect(told == told.sorted())
        #expect(records[step].failure == "cannot start")
    }

    @Test("B9 SIGQUIT hands over stage by stage, and the order holds") func handOver() {
        let stages = [StageSpec(name: "web", budget: .seconds(10)), StageSpec(name: "store", budget: .seconds(10))]
        var web = Rehearsal.Script("web", stage: 0, endsAfterTold: nil)
        web.endsAfterCancelled = .milliseconds(500)
        var store = Rehearsal.Script("store", stage: 1, endsAfterTold: nil)
        store.endsAfterCancelled = .milliseconds(500)
        var rehearsal = Rehearsal(scripts: [web, store], stages: stages, tick: .milliseconds(250))
        rehearsal.at(.seconds(1), .stop(ShutdownCause(kind: .signal, detail: "SIGQUIT"), .handOver))
        rehearsal.play()
        #expect(
            rehearsal.timeline.description == """
                store ------C~E
                web   ----C~E
                """)
    }

    @Test("B2 time that is not used flows on, and never back") func timeFlowsOn() {
        let stages = [StageSpec(name: "first", budget: .seconds(10)), StageSpec(name: "second", budget: .seconds(2))]
        let first = Rehearsal.Script("first", stage: 0, endsAfterTold: .seconds(1))
        let second = Rehearsal.Script("second", stage: 1, endsAfterTold: .seconds(10))
        let rehearsal = Self.play([first, second], stages: stages)
        #expect(rehearsal.machine.memberRecords[1].cancelledAt == nil)
        #expect(rehearsal.machine.stop?.finishedAt == .seconds(13))
    }

    /// Two stages of 40 s whose members end only at their stage's end.
    static func deafTwo() -> LifecycleStateMachine {
        var machine = LifecycleStateMachine(
            members: [MemberSpec(name: "a", stage: 0), MemberSpec(name: "b", stage: 1)],
            stages: [StageSpec(name: "one", budget: .seconds(40)), StageSpec(name: "two", budget: .seconds(40))],
            startTimeout: .seconds(60))
        _ = machine.start(at: .zero)
        _ = machine.memberReady(1, at: .zero)
        _ = machine.memberReady(0, at: .zero)
        return machine
    }

    @Test("L3 a limit from outside shortens all stages alike, so that none takes another's time") func limit() {
        var machine = Self.deafTwo()
        _ = machine.stop(Self.sigterm, limit: .seconds(30), at: .seconds(10))
        #expect(machine.stageRecords.map(\.endAt) == [.seconds(20), .seconds(30)])
        #expect(machine.stageRecords.map(\.cancelAt) == [.milliseconds(19_750), .milliseconds(29_750)])
        let abandoned = machine.alarm(at: .seconds(20))
        #expect(abandoned.contains(.abandon(members: [0])))
        #expect(
            abandoned.contains(
                .tell(members: [1], urgency: .drain, cancelAt: .milliseconds(29_750), endAt: .seconds(30))))
        #expect(machine.alarm(at: .seconds(30)).contains(.finish))
    }

    @Test("L3 a limit that comes while the stop goes on shortens what is left of it, and a later one lengthens nothing")
    func laterLimit() {
        var machine = Self.deafTwo()
        _ = machine.stop(Self.sigterm, at: .zero)
        let parent = ShutdownCause(kind: .parent, detail: "the lifecycle around it stops")
        let actions = machine.stop(parent, limit: .seconds(30), at: .seconds(20))
        // 20 s of the first stage and 40 s of the second were left for 10 s.
        #expect(machine.stageRecords[1].endAt == .seconds(30))
        #expect(machine.stageRecords[0].endAt.map { abs(($0 - .seconds(20)).inSeconds - 20.0 / 6) < 0.001 } == true)
        #expect(actions.contains { if case .wake(let at?) = $0 { at < .seconds(24) } else { false } })
        let before = machine.stageRecords
        _ = machine.stop(parent, limit: .seconds(90), at: .seconds(21))
        #expect(machine.stageRecords == before)
    }

    @Test("a limit that has passed ends everything at once") func passedLimit() {
        var machine = Self.deafTwo()
        let actions = machine.stop(Self.sigterm, limit: .seconds(-1), at: .seconds(10))
        #expect(actions.contains(.finish))
        #expect(machine.memberRecords.allSatisfy { $0.toldAt != nil && $0.abandonedAt == .seconds(10) })
    }
}
