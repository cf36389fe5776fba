import LastCall

/// Compares what a platform grants a service with what the service is told and what its stages need.
///
/// There are two windows: the real one, from the file's grace period and hook, and the stated one, from `LASTCALL_GRACE`
/// and `LASTCALL_PRESTOP`, which the process believes. The stages must fit both, and the stated one must not end later.
struct ServiceExamination {
    private let service: DeclaredService
    private let plan: StagePlan?
    private let reserve: Duration?
    /// What the service believes the hook takes, where anybody told it.
    private let toldPreStop: Duration?
    /// What the hook takes, as far as it is known.
    private let preStop: Duration
    /// Whether the hook's length is unknown and nobody stated it.
    let isHookUnknown: Bool
    /// What the platform does; `nil` where it waits for ever.
    private let real: StopWindow?
    /// What the process is told; `nil` without `LASTCALL_GRACE`.
    private let stated: StopWindow?
    /// What to change.
    private(set) var findings: [Finding]

    init(_ service: DeclaredService, options: CheckOptions) {
        let requests = options.plan?.requests ?? []
        let reserve = options.reserve ?? options.plan?.reserve
        let told = service.statedPreStop?.value ?? options.plan?.preStop
        let hook: Duration? =
            switch service.preStop {
            case .none: .zero
            case .takes(let length): length
            case .unknown: told
            }
        let preStop = options.preStop ?? hook ?? .zero
        self.service = service
        self.plan = options.plan
        self.reserve = reserve
        self.toldPreStop = told
        self.preStop = preStop
        self.isHookUnknown = options.preStop == nil && hook == nil
        self.findings = service.remarks
        self.real = service.grace.length.duration.map {
            StopWindow(grace: $0, source: service.grace.source, preStop: preStop, reserve: reserve, requests: requests)
        }
        self.stated = service.statedGrace.map {
            StopWindow(grace: $0.value, source: .stated, preStop: told ?? .zero, reserve: reserve, requests: requests)
        }
    }

    private func window(grace: Duration, source: GracePeriod.Source, preStop: Duration) -> StopWindow {
        StopWindow(grace: grace, source: source, preStop: preStop, reserve: reserve, requests: plan?.requests ?? [])
    }

    /// Whether the process is told less than the platform grants.
    var isStatedWindowNarrower: Bool {
        guard let stated else { return false }
        return real.map { stated.left < $0.left } ?? true
    }

    /// The narrower of the two windows.
    var bindingWindow: StopWindow? { isStatedWindowNarrower ? stated : real }

    /// Finds what to change.
    mutating func examine() {
        if service.grace.source == .fixed {
            examineFixedGrace()
        } else {
            let grace = examineGrace()
            adviseToStateGrace(grace)
        }
        adviseOnPreStop()
    }

    // MARK: The grace period

    /// Where nobody can change the grace period, the budgets and what the process is told have to give way.
    private mutating func examineFixedGrace() {
        guard let real else { return }
        if let plan, !real.fits {
            add(
                .problem, key: "\(service.grace.key) budgets", line: service.grace.line, current: plan.needText,
                suggested: "\(DurationText.format(max(real.left, .zero))) in total, or less",
                "\(real.explanation); the platform grants everybody the same, and at start the budgets would be scaled down to it."
            )
        }
        if let stated, stated.length > real.length, let variable = service.statedGrace {
            add(
                .problem,
                key: variable.option == nil ? "\(service.environmentKey) LASTCALL_GRACE" : service.statedGraceKey,
                line: variable.line,
                current: DurationText.format(variable.value), suggested: DurationText.format(real.grace),
                "SIGKILL comes \(DurationText.format(real.length)) after SIGTERM, before the service's own deadline."
            )
        }
    }

    /// Examines both windows, and returns the grace period that should be written in the end; `nil` for no limit.
    private mutating func examineGrace() -> Duration? {
        let isLate = isStatedDeadlineLate
        let isPreStopWrong = isLate && (service.statedGrace?.value ?? .zero) <= (real?.grace ?? .zero)
        let toldNext = isPreStopWrong ? preStop : toldPreStop ?? .zero

        // What the process should be told, where its stages do not fit what it is told (once that is right about the hook).
        let told = service.statedGrace.map { window(grace: $0.value, source: .stated, preStop: toldNext) }
        var statedNext = told?.grace
        if let told, !told.fits { statedNext = max(smallestGrace(preStop: toldNext), told.grace) }
        // The platform's grace must hold the stages, and must not end before what the process is told.
        var graceNext = real?.grace
        if let real, !real.fits { graceNext = max(smallestGrace(preStop: preStop), real.grace) }
        if let statedNext, let grace = graceNext { graceNext = max(grace, statedNext - toldNext + preStop) }

        if let real, let graceNext, graceNext > real.grace {
            addGraceProblem(real, next: graceNext, isPromisedMore: isLate && !isPreStopWrong)
        }
        if let told, let statedNext, statedNext > told.grace {
            add(
                .problem, key: service.statedGraceKey, line: service.statedGrace?.line,
                current: DurationText.format(told.grace), suggested: "\(secondsText(statedNext)) or more",
                "\(told.explanation)\(needClause); told this, the service refuses to start."
            )
        }
        if isPreStopWrong, let real { addPreStopProblem(real) }
        return graceNext
    }

    /// Whether the process believes in a deadline after SIGKILL.
    private var isStatedDeadlineLate: Bool {
        guard let real, stated != nil || toldPreStop != nil else { return false }
        return (stated?.grace ?? real.grace) - (toldPreStop ?? .zero) > real.length
    }

    private mutating func addGraceProblem(_ real: StopWindow, next: Duration, isPromisedMore: Bool) {
        let isDefault = service.grace.source != .stated
        let current =
            service.platform == .kubernetes ? "\(Int(real.grace.inSeconds))" : DurationText.format(real.grace)
        var reasons: [String] = []
        if real.grace == .zero {
            reasons.append("0 means SIGKILL at once: nothing drains and there is no receipt.")
        } else if !real.fits {
            reasons.append("\(real.explanation)\(needClause)\(shorteningClause(real)).")
        }
        if isPromisedMore, let told = service.statedGrace {
            reasons.append("\(service.statedGraceName) promises the service \(DurationText.format(told.value)).")
        } else if !real.fits, service.statedGrace == nil, plan != nil {
            reasons.append(
                "Without LASTCALL_GRACE the service can only assume its grace: at start it would scale the budgets and warn, not refuse."
            )
        } else if real.fits {
            reasons.append("\(service.statedGraceName) has to grow, and the platform must grant as much.")
        }
        add(
            .problem, key: service.grace.key, line: service.grace.line,
            current: isDefault ? "\(current), the default" : current,
            suggested: "\(service.platform.written(next)) or more", grace: next, reasons.joined(separator: " ")
        )
    }

    private mutating func addPreStopProblem(_ real: StopWindow) {
        let variable = service.statedPreStop
        let current =
            toldPreStop.map { DurationText.format($0) + (variable == nil ? ", in the plan" : "") } ?? "not set"
        add(
            .problem, key: "\(service.environmentKey)LASTCALL_PRESTOP", line: variable?.line ?? service.environmentLine,
            current: current, suggested: DurationText.format(preStop),
            "The hook uses \(DurationText.format(preStop)) of the grace period, so SIGKILL comes "
                + "\(DurationText.format(max(real.length, .zero))) after SIGTERM, before the service's own deadline."
        )
    }

    // MARK: Advice

    /// A process that is not told its grace period assumes the platform's default.
    private mutating func adviseToStateGrace(_ grace: Duration?) {
        guard service.statedGrace == nil else { return }
        let assumed = service.platform.defaultGrace.duration
        guard grace != assumed else { return }
        let isUnlimited = grace == nil
        let value = grace ?? max(plan.map { _ in smallestGrace(preStop: toldPreStop ?? .zero) } ?? assumed, assumed)
        add(
            .advice, key: "\(service.environmentKey)LASTCALL_GRACE", line: service.environmentLine,
            current: service.hasUnseenEnvironment ? "not set in this file" : "not set", suggested: secondsText(value),
            isUnlimited
                ? "There is no limit here, and the service assumes \(DurationText.format(assumed)) unless it is told one."
                : "The platform does not tell a process its grace period; not told, it assumes \(DurationText.format(assumed))."
        )
    }

    private mutating func adviseOnPreStop() {
        if isHookUnknown, case .unknown(let what, let key, let line) = service.preStop {
            let slack: Duration? = plan.flatMap { plan in
                guard let real, real.fits else { return nil }
                return real.left - plan.stated
            }
            let limit = slack.map { "; the plan fits if it takes less than \(DurationText.format($0))" } ?? ""
            add(
                .advice, key: key, line: line,
                "\(what) of unknown length runs before SIGTERM and uses the same grace period\(limit). "
                    + "Say how long it takes with --prestop, and tell the service with LASTCALL_PRESTOP."
            )
            return
        }
        if toldPreStop == nil, preStop > .zero, service.statedGrace == nil {
            add(
                .advice, key: "\(service.environmentKey)LASTCALL_PRESTOP", line: service.environmentLine,
                current: service.hasUnseenEnvironment ? "not set in this file" : "not set",
                suggested: DurationText.format(preStop),
                "Not told of the hook, the service sets its deadline \(DurationText.format(preStop)) too late."
            )
        }
        if let variable = service.statedPreStop, variable.value > preStop {
            add(
                .advice, key: "\(service.environmentKey)LASTCALL_PRESTOP", line: variable.line,
                current: DurationText.format(variable.value), suggested: DurationText.format(preStop),
                "The service gives away \(DurationText.format(variable.value - preStop)) that no hook uses."
            )
        }
    }

    // MARK: Words and sums

    private func smallestGrace(preStop: Duration) -> Duration {
        do {
            return try PlanArithmetic.smallestGrace(preStop: preStop, reserve: reserve, requests: plan?.requests ?? [])
        } catch {
            preconditionFailure("budgets are checked where they are read: \(error)")
        }
    }

    private func secondsText(_ duration: Duration) -> String { "\(Int(duration.inSeconds.rounded(.up)))s" }

    private var needClause: String { plan.map { ", which need \($0.needText)" } ?? "" }

    private func shorteningClause(_ window: StopWindow) -> String {
        guard let plan, plan.sharing.isEmpty, window.left > .zero else { return "" }
        return "; or shorten the budgets by \(DurationText.format(plan.stated - window.left))"
    }

    private mutating func add(
        _ severity: Finding.Severity, key: String, line: Int?, current: String? = nil, suggested: String? = nil,
        grace: Duration? = nil, _ reason: String
    ) {
        findings.append(
            Finding(
                severity: severity, file: service.file, line: line, key: key, current: current, suggested: suggested,
                reason: reason, suggestedGrace: grace
            )
        )
    }
}
