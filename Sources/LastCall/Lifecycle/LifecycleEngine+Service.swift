import LastCallConcurrency

/// What a lifecycle is to the one around it: a service with errors and a ledger.
extension LifecycleEngine {
    /// The error of the first member that failed, in the order of the stop.
    func firstError(in receipt: Receipt) -> (any Error)? {
        let failed = receipt.stages.flatMap(\.members).filter { $0.outcome == .failed }.map(\.name)
        guard receipt.exitCode == ExitCode.failure else { return nil }
        if let error = runs.first(where: { failed.contains($0.member.name) && !$0.member.isBestEffort })?.error {
            return error
        }
        guard receipt.cause.kind == .startFailure else { return nil }
        return LastCallError(.startTimedOut, receipt.cause.detail)
    }

    var ledger: Ledger {
        runs.compactMap { $0.ledger?.ledger }.reduce(into: Ledger()) { sum, next in
            sum.held += next.held
            sum.stored += next.stored
            sum.accepted += next.accepted
            sum.done += next.done
            sum.handedOver += next.handedOver
            sum.kept += next.kept
            sum.deadLettered += next.deadLettered
            sum.cut += next.cut
        }
    }

    /// What a member lost since an earlier ledger of its own.
    static func cutItems(of member: any LedgerReporting, since before: Ledger, itemsMax: Int) -> [LedgerItem] {
        let count = member.ledger.cut - before.cut
        // Labels are only asked for where something is lost.
        return count > 0 ? member.cutItems(itemsMax: itemsMax).suffix(count) : []
    }

    func cutItems(itemsMax: Int) -> [LedgerItem] {
        let before = state.withLock { $0.before }
        let items = zip(runs, before).flatMap { run, before in
            run.ledger.map { Self.cutItems(of: $0, since: before ?? Ledger(), itemsMax: itemsMax) } ?? []
        }
        return Array(items.suffix(itemsMax))
    }

    func heldItems(itemsMax: Int) -> [LedgerItem] {
        Array(runs.flatMap { $0.ledger?.heldItems(itemsMax: itemsMax) ?? [] }.prefix(itemsMax))
    }
}
