import LastCall

/// What must hold for every stop, however it went.
struct LifecycleInvariants {
    /// The stop that was played.
    let rehearsal: Rehearsal
    /// Its members.
    let scripts: [Rehearsal.Script]
    /// Its stages.
    let stages: [StageSpec]
    /// How late alarms may have come.
    let lateness: Duration
    /// Whether somebody asked to hand over or to exit.
    let isInterrupted: Bool

    /// What was violated.
    var violations: [String] { ending + order + startOrder + times + deadline }

    private var machine: LifecycleStateMachine { rehearsal.machine }

    /// Whether anything but the schedule took time away: a signal, or a member whose end hands over.
    private var isHurried: Bool { isInterrupted || machine.stop?.urgency == .handOver }

    /// Exactly one end, nothing after it, and nobody left.
    private var ending: [String] {
        var violations: [String] = []
        let ends = rehearsal.actions.indices.filter { rehearsal.actions[$0].action == .finish }
        if ends.count != 1 { violations.append("\(ends.count) final receipts") }
        if let end = ends.first, end != rehearsal.actions.count - 1 {
            violations.append("\(rehearsal.actions[end + 1].action) after the final receipt")
        }
        for (script, record) in zip(scripts, machine.memberRecords) where record.isLive {
            violations.append("\(script.name) still lives after the end")
        }
        return violations
    }

    /// A stage is told only when all before it are over; the members of a stage are told together.
    private var order: [String] {
        var violations: [String] = []
        var stagesOver = 0
        for (_, action) in rehearsal.actions {
            switch action {
            case .stageBegan(let stage) where stage != stagesOver:
                violations.append("stage \(stage) began after \(stagesOver) were over")
            case .stageEnded: stagesOver += 1
            case .tell(let members, urgency: _, cancelAt: _, endAt: _):
                for member in members where scripts[member].stage != stagesOver {
                    violations.append("\(scripts[member].name) was told out of order")
                }
            case .cancel(let members):
                for member in members where scripts[member].stage != stagesOver {
                    violations.append("\(scripts[member].name) was cancelled out of order")
                }
            case .start, .ready, .stopBegan, .noted, .stageBegan, .abandon, .wake, .finish: continue
            }
        }
        for stage in stages.indices {
            let told = zip(scripts, machine.memberRecords).filter { $0.0.stage == stage }.compactMap(\.1.toldAt)
            if Set(told).count > 1 { violations.append("the members of stage \(stage) were told at different times") }
        }
        return violations
    }

    /// A stage starts only when all members of the later ones are ready, or have ended.
    private var startOrder: [String] {
        var violations: [String] = []
        for (script, record) in zip(scripts, machine.memberRecords) {
            guard let startedAt = record.startedAt else { continue }
            for (other, before) in zip(scripts, machine.memberRecords) where other.stage > script.stage {
                guard let ready = before.readyAt, ready <= startedAt else {
                    violations.append("\(script.name) started before \(other.name) was ready")
                    continue
                }
            }
        }
        return violations
    }

    /// Nobody is cancelled or abandoned before the time that the plan promised.
    private var times: [String] {
        guard let stop = machine.stop, !isHurried else { return [] }
        var violations: [String] = []
        for (script, record) in zip(scripts, machine.memberRecords) {
            let endAt = stop.startedAt + stages[...script.stage].reduce(.zero) { $0 + $1.budget }
            let cancelAt = endAt - PlanArithmetic.cancellingAllowance(of: stages[script.stage].budget)
            if let cancelledAt = record.cancelledAt, cancelledAt < cancelAt {
                violations.append("\(script.name) was cancelled at \(cancelledAt), promised until \(cancelAt)")
            }
            if let abandonedAt = record.abandonedAt, abandonedAt < endAt {
                violations.append("\(script.name) was abandoned at \(abandonedAt), promised until \(endAt)")
            }
            if record.cancelledAt != nil, record.toldAt == nil {
                violations.append("\(script.name) was cancelled without having been told")
            }
        }
        return violations
    }

    /// Every stage is over by the sum of the budgets up to it, and so is the whole.
    private var deadline: [String] {
        guard let stop = machine.stop else { return ["nobody stopped it"] }
        var violations: [String] = []
        var limit = stop.startedAt
        for (stage, spec) in stages.enumerated() {
            limit += spec.budget
            // One late alarm to cancel, one to abandon; the second is counted from its own instant.
            if let endedAt = machine.stageRecords[stage].endedAt, endedAt > limit + lateness {
                violations.append("\(spec.name) ended at \(endedAt), its time was over at \(limit)")
            }
        }
        if let finishedAt = stop.finishedAt, finishedAt > limit + lateness {
            violations.append("finished at \(finishedAt), the deadline was \(limit)")
        }
        return violations
    }
}
