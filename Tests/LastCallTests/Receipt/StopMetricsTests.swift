import CoreMetrics
import LastCallTesting
import MetricsTestKit
import Testing

@testable import LastCall

/// What a stop puts on a dashboard.
@Suite struct StopMetricsTests {
    /// What was recorded, a line each: the name, its dimensions and all values.
    ///
    /// The factory is bound to the test's own task, so that tests beside it record elsewhere.
    static func recorded(_ body: (StopMetrics) -> Void) -> [String] {
        let factory = TestMetrics()
        withMetricsFactory(factory) { body(StopMetrics(name: "shop")) }
        func line(_ label: String, _ dimensions: [(String, String)], _ values: [some CustomStringConvertible]) -> String
        {
            let names = dimensions.map { "\($0)=\($1)" }.joined(separator: " ")
            return "\(label) \(names): \(values.map(\.description).joined(separator: " "))"
        }
        return
            (factory.recorders.map { line($0.label, $0.dimensions, $0.values) }
            + factory.timers.map { line($0.label, $0.dimensions, $0.values) }
            + factory.counters.map { line($0.label, $0.dimensions, $0.values) }).sorted()
    }

    @Test("the beginning of a stop sets the gauge, and says what each member with a ledger holds") func began() {
        #expect(
            Self.recorded { $0.stopBegan(SampleReceipt.clean) } == [
                "lastcall_held_at_stop service=shop member=queue: 12.0", "lastcall_stopping service=shop: 1.0",
            ])
    }

    @Test("the end of a stage is timed by its name, in nanoseconds") func stage() {
        #expect(
            Self.recorded { metrics in SampleReceipt.clean.stages.forEach(metrics.stageEnded) } == [
                "lastcall_stage_duration service=shop stage=log: 0",
                "lastcall_stage_duration service=shop stage=web: 20000000",
                "lastcall_stage_duration service=shop stage=work: 1500000000",
            ])
    }

    @Test("the end of a stop clears the gauge, times the whole by its outcome, and counts all six ends of the work")
    func finished() {
        var receipt = SampleReceipt.full
        receipt.totals.unaccounted = 4
        #expect(
            Self.recorded { $0.finished(receipt) } == [
                "lastcall_stop_duration service=shop outcome=partial: 12345000000",
                "lastcall_stopping service=shop: 0.0",
                "lastcall_work_total service=shop end=cut: 7",
                "lastcall_work_total service=shop end=deadLettered: 1",
                "lastcall_work_total service=shop end=done: 300",
                "lastcall_work_total service=shop end=handedOver: 2",
                "lastcall_work_total service=shop end=kept: 5",
                "lastcall_work_total service=shop end=unaccounted: 4",
            ])
    }

    @Test("a stop that lost nothing reports zeros, so that an alert has something to compare with") func zeros() {
        let lines = Self.recorded { $0.finished(SampleReceipt.forced) }
        #expect(lines.count { $0.hasPrefix("lastcall_work_total ") && $0.hasSuffix(": 0") } == 6)
        #expect(lines.contains("lastcall_stop_duration service=shop outcome=forced: 3000000000"))
    }
}
