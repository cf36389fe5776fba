import LastCallTesting
import Testing

@testable import LastCallWork

/// Which ticks are due, without any clock.
@Suite struct RecurrenceTests {
    private let zero = WorkInstant(rawValue: 1_700_000_000_000)

    @Test("an interval is due at whole multiples of itself since 1970") func interval() throws {
        let every = Recurrence.every(.seconds(600))
        let next = try #require(every.next(after: zero))
        #expect(next.rawValue % 600_000 == 0)
        #expect(next > zero && next - zero <= .seconds(600))
        #expect(every.next(after: next) == next + .seconds(600))
        #expect(Recurrence.every(.zero).next(after: zero) == nil)
        #expect(every.next(after: WorkInstant(rawValue: .max)) == nil)
        #expect(every.next(after: WorkInstant(rawValue: -1)) == WorkInstant(rawValue: 0))
    }

    @Test(
        "the last ticks of a span are found however long it is",
        arguments: ["* * * * *", "0 3 * * *", "0 0 29 2 *", "5 4 1 1 *"])
    func last(text: String) throws {
        let recurrence = Recurrence.cron(try Cron(text))
        // Nine years; forwards, tick by tick, is the slow way.
        let start = zero - .seconds(9 * 366 * 86400)
        let from = text == "* * * * *" ? zero - .seconds(86400) : start
        var slow: [WorkInstant] = []
        var next = recurrence.next(after: from)
        while let instant = next, instant <= zero {
            slow.append(instant)
            next = recurrence.next(after: instant)
        }
        for count in [1, 2, 5] {
            #expect(recurrence.last(after: start, upTo: zero, countMax: count) == slow.suffix(count))
        }
        #expect(recurrence.last(after: zero, upTo: zero, countMax: 5).isEmpty)
    }

    @Test(
        "of what was missed one is made up for, or what is not a minute late, or all",
        arguments: Schedule.Missed.allCases)
    func missed(policy: Schedule.Missed) {
        let every = Recurrence.every(.seconds(10))
        let start = WorkInstant(rawValue: 1_700_000_000_000)
        var machine = ScheduleStateMachine(every, missed: policy, decidedUntil: start)
        #expect(machine.due(at: start + .seconds(9)).ticks.isEmpty)
        #expect(machine.due(at: start + .seconds(9)).nextAt == start + .seconds(10))
        let late = machine.due(at: start + .seconds(95))
        #expect(late.ticks == (policy == .all ? (1...9).map { start + .seconds(10 * $0) } : [start + .seconds(90)]))
        #expect(late.nextAt == start + .seconds(100))
        machine.decided(until: start + .seconds(90))
        machine.decided(until: start + .seconds(50))
        #expect(machine.decidedUntil == start + .seconds(90))
        #expect(machine.due(at: start + .seconds(95)).ticks.isEmpty)
        let hourly = ScheduleStateMachine(
            .every(.seconds(3600)), missed: policy, decidedUntil: WorkInstant(rawValue: 0))
        let hours = hourly.due(at: WorkInstant(rawValue: 5 * 3_600_000 + 120_000))
        #expect(hours.ticks.count == (policy == .all ? 5 : policy == .once ? 1 : 0))
    }

    @Test("a tick that could not be fired is not missed, however late it is, and is one with those after it")
    func unfired() {
        let zero = WorkInstant(rawValue: 0)
        func hour(_ number: Int) -> WorkInstant { zero + .seconds(number * 3600) }
        var machine = ScheduleStateMachine(.every(.seconds(3600)), missed: .skip, decidedUntil: zero)
        #expect(machine.due(at: hour(1) + .seconds(300)).ticks.isEmpty)
        machine.couldNotFire(hour(1))
        #expect(machine.due(at: hour(1) + .seconds(300)).ticks == [hour(1)])
        #expect(machine.due(at: hour(1) + .seconds(300)).nextAt == hour(2))
        machine.couldNotFire(hour(1))
        #expect(machine.due(at: hour(3) + .seconds(300)).ticks == [hour(3)])
        machine.decided(until: hour(3))
        #expect(machine.due(at: hour(3) + .seconds(300)).ticks.isEmpty)
        #expect(machine.due(at: hour(4) + .seconds(300)).ticks.isEmpty)
        #expect(machine.due(at: hour(4)).ticks == [hour(4)])
    }

    @Test("all that was missed is at most a thousand, the latest") func missedMax() {
        let machine = ScheduleStateMachine(.every(.seconds(1)), missed: .all, decidedUntil: zero)
        let ticks = machine.due(at: zero + .seconds(100_000)).ticks
        #expect(ticks.count == ScheduleStateMachine.missedMax)
        #expect(ticks.last == zero + .seconds(100_000))
    }
}
