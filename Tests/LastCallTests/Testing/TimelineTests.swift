import LastCall
import LastCallTesting
import Testing

/// The picture that the tests of the lifecycle compare with.
@Suite struct TimelineTests {
    static func timeline(_ events: KeyValuePairs<Double, LifecycleEvent.Kind>, tick: Duration = .seconds(1)) -> String {
        Timeline(events.map { LifecycleEvent($1, at: .seconds($0)) }, tick: tick).description
    }

    @Test("every mark and every filler, one lane a member, in the order of the first events") func marks() {
        #expect(
            Self.timeline([
                0: .memberStarted("drains"), 0.1: .memberStarted("is cut short"), 1: .memberStarted("fails"),
                1.1: .memberStarted("hands over"), 1.2: .memberStarted("is abandoned"),
                4: .memberTold("drains", .drain),
                5: .memberTold("is cut short", .drain), 6: .memberEnded("drains", error: nil),
                6.1: .memberEnded("fails", error: "broken"), 7: .memberCancelled("is cut short"),
                7.1: .memberTold("hands over", .handOver), 7.2: .memberTold("is abandoned", .drain),
                9: .memberEnded("is cut short", error: nil), 9.1: .memberEnded("hands over", error: nil),
                9.2: .memberCancelled("is abandoned"), 12: .memberAbandoned("is abandoned"),
            ]) == """
                drains       ----T=E
                is cut short -----T=C~E
                fails         -----F
                hands over    ------C~E
                is abandoned  ------T=C~~A
                """)
    }

    @Test("events that are about no member draw nothing") func otherEvents() {
        let cause = ShutdownCause(kind: .call, detail: "stop")
        #expect(
            Self.timeline([
                0: .memberStarted("a"), 1: .memberReady("a"), 1.5: .ready, 2: .stopBegan(cause), 3: .causeNoted(cause),
                4: .stageBegan("s"), 5: .memberEnded("a", error: nil), 6: .stageEnded("s"), 7: .finished(.clean),
            ]) == "a -----E")
    }

    @Test("nothing happened, nothing is drawn") func empty() {
        #expect(Timeline().description.isEmpty)
        #expect(Self.timeline([3: .ready]).isEmpty)
    }

    @Test("where several things happen in a tick the last one shows, and decides how the lane goes on") func sameTick()
    {
        #expect(
            Self.timeline([
                0: .memberStarted("a"), 2: .memberTold("a", .drain), 2.9: .memberCancelled("a"),
                4: .memberEnded("a", error: nil), 4: .memberAbandoned("a"),
            ]) == "a --C~A")
    }

    @Test("a tick is as long as it is said to be, and an instant on its edge belongs to the later one")
    func tick() {
        let events: KeyValuePairs<Double, LifecycleEvent.Kind> = [
            0: .memberStarted("a"), 0.3: .memberTold("a", .drain), 0.7: .memberEnded("a", error: nil),
        ]
        #expect(Self.timeline(events, tick: .milliseconds(100)) == "a ---T===E")
        #expect(Self.timeline(events, tick: .milliseconds(350)) == "a T=E")
        #expect(Self.timeline(events, tick: .seconds(1)) == "a E")
        // In binary 0.9 / 0.3 is a little less than 3; it is the third tick all the same.
        for tick in [30, 70, 100, 200, 300, 700] {
            for column in 1..<60 {
                let events = [
                    LifecycleEvent(.memberStarted("a"), at: .zero),
                    LifecycleEvent(.memberEnded("a", error: nil), at: .milliseconds(column * tick)),
                ]
                let lane = Timeline(events, tick: .milliseconds(tick)).description
                #expect(lane == "a " + String(repeating: "-", count: column) + "E")
            }
        }
    }

    @Test("a timeline grows event by event") func append() {
        var timeline = Timeline(tick: .seconds(10))
        timeline.append(LifecycleEvent(.memberStarted("a"), at: .zero))
        #expect(timeline.description == "a -")
        timeline.append(LifecycleEvent(.memberEnded("a", error: nil), at: .seconds(39)))
        #expect(timeline.description == "a ---E")
        #expect(timeline.events.map(\.at) == [.zero, .seconds(39)])
    }
}
