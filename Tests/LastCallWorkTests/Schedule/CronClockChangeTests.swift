import Testing

@testable import LastCallWork

@Suite struct CronClockChangeTests {
    @Test(
        "local times that a gap skips are due together at its end, once", ScheduleSupport.needsZones,
        arguments: ClockChange.gaps)
    func gap(change: ClockChange) throws { try expect(change) }

    @Test(
        "a local time that comes twice is due the first time", ScheduleSupport.needsZones,
        arguments: ClockChange.overlaps)
    func overlap(change: ClockChange) throws { try expect(change) }

    @Test(
        "an expression of every hour is due each time that clocks show it", ScheduleSupport.needsZones,
        arguments: ClockChange.everyHour)
    func everyHour(change: ClockChange) throws { try expect(change) }

    @Test("a day that is skipped is due at its end, once", ScheduleSupport.needsZones, arguments: ClockChange.days)
    func day(change: ClockChange) throws { try expect(change) }

    /// Expects an expression to be due when a case says.
    private func expect(_ change: ClockChange) throws {
        let cron = try Cron(change.text, zone: Zone(change.zone))
        #expect(try ScheduleSupport.times(cron, after: change.after, change.times.count) == change.times)
    }
}
