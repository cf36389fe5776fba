/// Puts a receipt together from what the machine recorded and what the ledgers say.
///
/// Pure: both come in as values.
package struct ReceiptBuilder: Sendable {
    /// What a member's ledger said, once when the stop began and once now.
    package struct LedgerPair: Sendable {
        /// When the stop began.
        package var before: Ledger
        /// Now.
        package var after: Ledger
        /// What is lost, where anything is; asked of the member.
        package var items: [LedgerItem]
        /// What the member says of its stop.
        package var remarks: [String]

        package init(before: Ledger, after: Ledger, items: [LedgerItem] = [], remarks: [String] = []) {
            self.before = before
            self.after = after
            self.items = items
            self.remarks = remarks
        }
    }

    /// How many lost items of one member are listed.
    package static let cutItemsMax = 100
    /// How many remarks of one member are listed.
    package static let remarksMax = 10
    /// How much of an error's text is kept.
    package static let errorLengthMax = 500

    /// The service's name.
    package var name: String
    /// The plan's sum.
    package var arithmetic: PlanArithmetic
    /// What the process runs on.
    package var platform: String
    /// The wall clock's time, in milliseconds since 1970, at the lifecycle clock's zero.
    package var epochMilliseconds: Int64
    /// Remarks.
    package var notes: [String] = []
    /// Whether it has to be written without what belongs in it; nothing is called clean that nobody counted.
    package var isForced = false

    package init(name: String, arithmetic: PlanArithmetic, platform: String, epochMilliseconds: Int64) {
        self.name = name
        self.arithmetic = arithmetic
        self.platform = platform
        self.epochMilliseconds = epochMilliseconds
    }

    /// Writes the receipt as it stands at `now`.
    ///
    /// - Parameter ledgers: One entry a member; `nil` for a member without a ledger.
    package func receipt(machine: LifecycleStateMachine, ledgers: [LedgerPair?], at now: Duration) -> Receipt {
        var stop = machine.stop ?? StopRecord(cause: .unknown, startedAt: now, urgency: .drain)
        stop.isForced = stop.isForced || isForced
        let end = stop.finishedAt ?? now
        var stages: [Receipt.Stage] = []
        for (index, spec) in machine.stages.enumerated() {
            let record = machine.stageRecords[index]
            let members = machine.members.indices.filter { machine.members[$0].stage == index }
                .map { member($0, of: machine, ledger: ledgers[$0], stop: stop, at: end) }
            stages.append(
                Receipt.Stage(
                    name: spec.name, budgetSeconds: spec.budget.inSecondsRounded,
                    beganAfterSeconds: record.beganAt.map { ($0 - stop.startedAt).inSecondsRounded },
                    elapsedSeconds: record.beganAt.map { ((record.endedAt ?? end) - $0).inSecondsRounded } ?? 0,
                    members: members))
        }
        let totals = Self.totals(stages)
        let outcome = self.outcome(machine: machine, stop: stop, stages: stages, totals: totals)
        return Receipt(
            name: name, cause: stop.cause, laterCauses: stop.laterCauses, startedAt: instant(stop.startedAt),
            grace: .init(seconds: arithmetic.grace.duration.inSecondsRounded, source: arithmetic.grace.source),
            deadline: instant(stop.startedAt + arithmetic.available),
            elapsedSeconds: (end - stop.startedAt).inSecondsRounded, outcome: outcome,
            exitCode: exitCode(machine: machine, stop: stop, stages: stages, totals: totals, outcome: outcome),
            platform: platform, stages: stages, totals: totals, notes: notes(stop))
    }

    private func notes(_ stop: StopRecord) -> [String] {
        var notes = self.notes
        if arithmetic.isScaled { notes.append("the budgets were scaled: \(arithmetic.explanation)") }
        if stop.laterCausesDropped > 0 { notes.append("\(stop.laterCausesDropped) more signals are not listed") }
        return notes
    }

    private func member(
        _ index: Int, of machine: LifecycleStateMachine, ledger: LedgerPair?, stop: StopRecord, at now: Duration
    ) -> Receipt.Member {
        let record = machine.memberRecords[index]
        let isOver = !record.isLive
        let toldAt = record.toldAt
        var member = Receipt.Member(
            name: machine.members[index].name, outcome: Self.outcome(record),
            elapsedSeconds: toldAt.map { ((record.endedAt ?? record.abandonedAt ?? now) - $0).inSecondsRounded } ?? 0,
            hasLedger: ledger != nil, heldAtStop: 0, acceptedDuringStop: 0, done: 0, handedOver: 0, kept: 0,
            deadLettered: 0, cut: 0, unaccounted: 0, cutItems: [], cutItemsOmitted: 0,
            error: record.failure.map { String($0.prefix(Self.errorLengthMax)) })
        if record.missedStart { member.error = member.error ?? "did not become ready in time" }
        guard let ledger else { return member }
        let (before, after) = (ledger.before, ledger.after)
        member.heldAtStop = before.held
        member.acceptedDuringStop = after.accepted - before.accepted
        member.done = after.done - before.done
        member.handedOver = after.handedOver - before.handedOver
        member.deadLettered = after.deadLettered - before.deadLettered
        // What a member still holds when it is over, it will not finish; its successor does, where it is stored.
        let stranded = isOver ? after.held : 0
        let stored = min(stranded, max(0, after.stored))
        member.kept = after.kept - before.kept + stored
        member.cut = after.cut - before.cut + stranded - stored
        let ends = member.done + member.handedOver + member.kept + member.deadLettered + member.cut
        let stillHeld = isOver ? 0 : after.held
        member.unaccounted = member.heldAtStop + member.acceptedDuringStop - ends - stillHeld
        member.prediction = Self.prediction(before, available: available(for: index, of: machine, stop: stop))
        if !ledger.remarks.isEmpty {
            member.remarks = ledger.remarks.prefix(Self.remarksMax).map { String($0.prefix(Self.errorLengthMax)) }
        }
        if member.cut > 0 {
            member.cutItems = ledger.items.prefix(min(Self.cutItemsMax, member.cut)).map {
                .init(label: Self.withoutQuery($0.label), ageSeconds: $0.age?.inSecondsRounded)
            }
            member.cutItemsOmitted = max(0, member.cut - member.cutItems.count)
        }
        return member
    }

    /// The time from the beginning of the stop to the member's cancellation.
    private func available(for index: Int, of machine: LifecycleStateMachine, stop: StopRecord) -> Duration {
        machine.stageRecords[machine.members[index].stage].cancelAt.map { $0 - stop.startedAt } ?? .zero
    }

    /// Says what cannot make it, where the member knows its own speed.
    package static func prediction(_ ledger: Ledger, available: Duration) -> String? {
        guard let rate = ledger.donePerSecond, rate > 0, ledger.held > 0 else { return nil }
        // A rate that has faded to almost nothing must not become a time that no `Duration` holds.
        let needed = min(Double(ledger.held) / rate, 1e9)
        guard needed > available.inSeconds else { return nil }
        let late = ledger.held - Int(rate * available.inSeconds)
        let speed = (rate * 100).rounded() / 100
        let speedText = speed == speed.rounded() ? "\(Int(speed))" : "\(speed)"
        return
            "\(ledger.held) queued at \(speedText)/s need \(DurationText.format(.milliseconds(Int(needed * 1000)))), "
            + "there are \(DurationText.format(available)): \(late) will not make it"
    }

    private static func outcome(_ record: MemberRecord) -> Receipt.Member.Outcome {
        guard record.startedAt != nil else { return .neverStarted }
        if record.abandonedAt != nil { return .abandoned }
        if record.failure != nil { return .failed }
        if record.endedAt != nil {
            if record.cancelledAt != nil { return .cancelled }
            return record.toldAt == nil ? .ended : .drained
        }
        return record.toldAt == nil ? .running : .stopping
    }

    private static func totals(_ stages: [Receipt.Stage]) -> Receipt.Totals {
        var totals = Receipt.Totals()
        for member in stages.flatMap(\.members) {
            totals.heldAtStop += member.heldAtStop
            totals.acceptedDuringStop += member.acceptedDuringStop
            totals.done += member.done
            totals.handedOver += member.handedOver
            totals.kept += member.kept
            totals.deadLettered += member.deadLettered
            totals.cut += member.cut
            totals.unaccounted += abs(member.unaccounted)
        }
        return totals
    }

    /// A URL's query may carry a token.
    package static func withoutQuery(_ label: String) -> String {
        guard let mark = label.firstIndex(of: "?") else { return label }
        let rest = label[mark...]
        let end = rest.firstIndex(where: \.isWhitespace) ?? label.endIndex
        return String(label[..<mark]) + withoutQuery(String(label[end...]))
    }

    /// The lifecycle clock's instant as RFC 3339.
    private func instant(_ instant: Duration) -> String {
        Timestamp.rfc3339(milliseconds: epochMilliseconds + Int64((instant.inSeconds * 1000).rounded()))
    }
}

// MARK: - Verdict

extension ReceiptBuilder {
    /// Whether a member's own failure counts: reported ones of best-effort members, and those that were to be ignored, do not.
    private func failed(_ index: Int, _ machine: LifecycleStateMachine) -> Bool {
        let (spec, record) = (machine.members[index], machine.memberRecords[index])
        guard !spec.isBestEffort, record.failure != nil || record.missedStart else { return false }
        return record.toldAt != nil || spec.failurePolicy != .ignore
    }

    /// Whether a member had to be left behind, or had to be cancelled and cannot say what it held.
    private func wasCutShort(_ index: Int, _ machine: LifecycleStateMachine, _ member: Receipt.Member) -> Bool {
        guard !machine.members[index].isBestEffort else { return false }
        switch member.outcome {
        case .abandoned: return true
        case .cancelled: return machine.memberRecords[index].isOverrun && !member.hasLedger
        case .drained, .ended, .failed, .neverStarted, .stopping, .running: return false
        }
    }

    private func verdict(
        _ machine: LifecycleStateMachine, _ stages: [Receipt.Stage]
    ) -> (hasFailed: Bool, isCutShort: Bool) {
        let byName = Dictionary(
            stages.flatMap(\.members).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let indices = machine.members.indices
        return (
            indices.contains { failed($0, machine) },
            indices.contains { index in
                byName[machine.members[index].name].map { wasCutShort(index, machine, $0) } ?? false
            }
        )
    }

    private func outcome(
        machine: LifecycleStateMachine, stop: StopRecord, stages: [Receipt.Stage], totals: Receipt.Totals
    ) -> Receipt.Outcome {
        guard stop.finishedAt != nil else { return .unfinished }
        if stop.isForced { return .forced }
        let (hasFailed, isCutShort) = verdict(machine, stages)
        return hasFailed || isCutShort || totals.cut > 0 || totals.unaccounted != 0 ? .partial : .clean
    }

    /// When several apply: 70, 124, 1, 75, in this order.
    private func exitCode(
        machine: LifecycleStateMachine, stop: StopRecord, stages: [Receipt.Stage], totals: Receipt.Totals,
        outcome: Receipt.Outcome
    ) -> Int32 {
        let (hasFailed, isCutShort) = verdict(machine, stages)
        if totals.unaccounted != 0 { return ExitCode.unaccounted }
        if stop.isForced || outcome == .unfinished { return ExitCode.forced }
        if hasFailed { return ExitCode.failure }
        return isCutShort || totals.cut > 0 ? ExitCode.cut : ExitCode.clean
    }
}
