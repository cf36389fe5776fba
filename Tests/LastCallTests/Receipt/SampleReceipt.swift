@testable import LastCall

/// Receipts that were never the result of a stop.
enum SampleReceipt {
    /// Three members that ended as they should.
    static var clean: Receipt {
        receipt(
            outcome: .clean, exitCode: ExitCode.clean, elapsed: 1.52,
            stages: [
                .init(
                    name: "web", budgetSeconds: 10, beganAfterSeconds: 0, elapsedSeconds: 0.02,
                    members: [member("http", took: 0.02), member("metrics", .ended)]),
                .init(
                    name: "work", budgetSeconds: 17.5, beganAfterSeconds: 0.02, elapsedSeconds: 1.5,
                    members: [
                        member("queue", took: 1.5) {
                            $0.hasLedger = true
                            $0.heldAtStop = 12
                            $0.acceptedDuringStop = 1
                            $0.done = 4
                            $0.handedOver = 9
                        }
                    ]),
                .init(name: "log", budgetSeconds: 1, beganAfterSeconds: 1.52, elapsedSeconds: 0, members: []),
            ])
    }

    /// One of each end, with every key that a receipt can have.
    static var full: Receipt {
        var receipt = receipt(
            outcome: .partial, exitCode: ExitCode.failure, elapsed: 12.345,
            stages: [
                .init(
                    name: "web", budgetSeconds: 10, beganAfterSeconds: 0, elapsedSeconds: 10,
                    members: [
                        member("http", .cancelled, took: 10) {
                            $0.hasLedger = true
                            ($0.heldAtStop, $0.acceptedDuringStop) = (312, 3)
                            ($0.done, $0.handedOver, $0.kept, $0.deadLettered, $0.cut) = (300, 2, 5, 1, 7)
                            $0.cutItems = [
                                .init(label: "GET /reports/7", ageSeconds: 61.25), .init(label: "POST /orders"),
                            ]
                            $0.cutItemsOmitted = 5
                            $0.prediction = "312 queued at 1/s need 5m12s, there are 9s: 303 will not make it"
                            $0.remarks = ["poll cancelled"]
                        }
                    ]),
                .init(
                    name: "store", budgetSeconds: 17.5, elapsedSeconds: 0,
                    members: [member("database", .failed) { $0.error = "no route to host" }]),
            ])
        receipt.laterCauses = [ShutdownCause(kind: .call, detail: "stop() was called")]
        receipt.notes = ["the handler for SIGTERM was replaced, and was taken back"]
        return receipt
    }

    /// A stop that a third Ctrl-C ended, without any ledger.
    static var forced: Receipt {
        var receipt = receipt(
            outcome: .forced, exitCode: ExitCode.forced, elapsed: 3,
            stages: [
                .init(
                    name: "web", budgetSeconds: 10, beganAfterSeconds: 0, elapsedSeconds: 3,
                    members: [member("http", .abandoned, took: 3)]),
                .init(
                    name: "store", budgetSeconds: 90, elapsedSeconds: 0,
                    members: [member("database", .running), member("cache", .neverStarted)]),
            ])
        receipt.cause = ShutdownCause(kind: .signal, detail: "SIGINT", pid: 0, uid: 0)
        receipt.laterCauses = [1, 2].map { ShutdownCause(kind: .signal, detail: "SIGINT", pid: $0 + 40, uid: 1000) }
        return receipt
    }

    /// A receipt with the sums over its members.
    static func receipt(
        outcome: Receipt.Outcome, exitCode: Int32, elapsed: Double, stages: [Receipt.Stage]
    ) -> Receipt {
        var receipt = Receipt(
            name: "shop", cause: ShutdownCause(kind: .signal, detail: "SIGTERM", pid: 1, uid: 0), laterCauses: [],
            startedAt: "2026-01-31T23:59:59.999Z", grace: .init(seconds: 30, source: .stated),
            deadline: "2026-02-01T00:00:28.499Z", elapsedSeconds: elapsed, outcome: outcome, exitCode: exitCode,
            platform: "kubernetes", stages: stages, totals: Receipt.Totals(), notes: [])
        for member in stages.flatMap(\.members) {
            receipt.totals.heldAtStop += member.heldAtStop
            receipt.totals.acceptedDuringStop += member.acceptedDuringStop
            receipt.totals.done += member.done
            receipt.totals.handedOver += member.handedOver
            receipt.totals.kept += member.kept
            receipt.totals.deadLettered += member.deadLettered
            receipt.totals.cut += member.cut
            receipt.totals.unaccounted += abs(member.unaccounted)
        }
        return receipt
    }

    /// A member without a ledger, and what is special about it.
    static func member(
        _ name: String, _ outcome: Receipt.Member.Outcome = .drained, took: Double = 0,
        _ change: (inout Receipt.Member) -> Void = { _ in }
    ) -> Receipt.Member {
        var member = Receipt.Member(
            name: name, outcome: outcome, elapsedSeconds: took, hasLedger: false, heldAtStop: 0, acceptedDuringStop: 0,
            done: 0, handedOver: 0, kept: 0, deadLettered: 0, cut: 0, unaccounted: 0, cutItems: [], cutItemsOmitted: 0)
        change(&member)
        return member
    }
}
