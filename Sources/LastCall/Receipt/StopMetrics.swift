import Metrics

/// What an operator would put on a dashboard or alert on, through swift-metrics.
///
/// | metric | kind | dimensions |
/// |---|---|---|
/// | `lastcall_stopping` | gauge, 1 while a stop goes on | `service` |
/// | `lastcall_stop_duration` | timer | `service`, `outcome` |
/// | `lastcall_stage_duration` | timer | `service`, `stage` |
/// | `lastcall_held_at_stop` | gauge | `service`, `member` |
/// | `lastcall_work_total` | counter | `service`, `end`: `done`, `handedOver`, `kept`, `deadLettered`, `cut`, `unaccounted` |
struct StopMetrics: Sendable {
    /// The service's name.
    private let name: String

    init(name: String) { self.name = name }

    func stopBegan(_ receipt: Receipt) {
        Gauge(label: "lastcall_stopping", dimensions: [("service", name)]).record(1)
        for member in receipt.stages.flatMap(\.members) where member.hasLedger {
            Gauge(label: "lastcall_held_at_stop", dimensions: [("service", name), ("member", member.name)])
                .record(member.heldAtStop)
        }
    }

    func stageEnded(_ stage: Receipt.Stage) {
        Timer(label: "lastcall_stage_duration", dimensions: [("service", name), ("stage", stage.name)])
            .recordSeconds(stage.elapsedSeconds)
    }

    func finished(_ receipt: Receipt) {
        Gauge(label: "lastcall_stopping", dimensions: [("service", name)]).record(0)
        Timer(label: "lastcall_stop_duration", dimensions: [("service", name), ("outcome", receipt.outcome.rawValue)])
            .recordSeconds(receipt.elapsedSeconds)
        let totals = receipt.totals
        let ends = [
            ("done", totals.done), ("handedOver", totals.handedOver), ("kept", totals.kept),
            ("deadLettered", totals.deadLettered), ("cut", totals.cut), ("unaccounted", totals.unaccounted),
        ]
        for (end, count) in ends {
            Counter(label: "lastcall_work_total", dimensions: [("service", name), ("end", end)]).increment(by: count)
        }
    }
}
