/// Which members there are, in what order they stop, and what time each stage gets.
///
/// ```swift
/// let plan = try ShutdownPlan(grace: .detected(or: .seconds(30))) {
///     Stage("intake", budget: .seconds(10)) { web; scheduler }
///     Stage("work", budget: .seconds(12)) { worker }
///     Stage("close") { store; probes }
/// }
/// ```
///
/// Members stop from the first stage to the last and start the other way round. Stage *k* ends at the latest at stop + the sum
/// of budgets 1…*k*: time that is not used flows on to the stages after it, never back.
public struct ShutdownPlan: Sendable {
    /// How the length of the grace period is found.
    ///
    /// `LASTCALL_GRACE` in the environment wins over both.
    public struct Grace: Sendable, Hashable {
        /// The ways there are.
        enum Kind: Sendable, Hashable {
            /// The program's author says so.
            case stated(Duration)
            /// The platform's figure, or this one where no platform is recognised.
            case detected(or: Duration)
        }

        /// The way.
        let kind: Kind

        /// This long.
        ///
        /// A plan whose budgets do not fit is refused.
        public static func stated(_ duration: Duration) -> Grace { Grace(kind: .stated(duration)) }

        /// What the platform is known or assumed to grant, or `duration` where none is recognised.
        ///
        /// A plan whose budgets do not fit is scaled, with a warning in the log.
        public static func detected(or duration: Duration = .seconds(30)) -> Grace {
            Grace(kind: .detected(or: duration))
        }
    }

    /// The stages in the order in which they stop.
    public let stages: [Stage]
    /// The sum: grace, preStop, reserve, and what each stage gets.
    public let arithmetic: PlanArithmetic
    /// What the process runs on, as far as it can tell.
    public let platform: Platform
    /// How long the members of one stage may take to become ready.
    public let startTimeout: Duration
    /// The reserve that the code or the environment asked for.
    let requestedReserve: Duration?

    /// Builds a plan and fits its budgets to the grace period.
    ///
    /// - Parameters:
    ///   - grace: How the grace period is found. `LASTCALL_GRACE` wins over it.
    ///   - preStop: What a Kubernetes preStop hook uses of the grace before SIGTERM is sent. `LASTCALL_PRESTOP` wins over it.
    ///   - reserve: What is kept for the receipt and the exit; 5 % of the grace, 0.2 s to 2 s, by default. `LASTCALL_RESERVE`
    ///     wins over it.
    ///   - startTimeout: How long the members of one stage may take to become ready; 60 s by default.
    ///   - environment: The environment; the process's by default.
    ///   - stages: The stages in the order in which they stop.
    /// - Throws: ``LastCallError`` with the code ``LastCallError/Code/invalidPlan``, ``LastCallError/Code/planDoesNotFit``
    ///   (the message holds the arithmetic) or ``LastCallError/Code/invalidConfiguration``.
    public init(
        grace: Grace = .detected(), preStop: Duration = .zero, reserve: Duration? = nil,
        startTimeout: Duration = .seconds(60), environment: [String: String] = ProcessEnvironment.current,
        @StageBuilder stages: () -> [Stage]
    ) throws(LastCallError) {
        let stages = stages()
        try Self.checkNames(stages)
        guard startTimeout > .zero else {
            throw LastCallError(.invalidPlan, "startTimeout must be positive; it bounds the wait for readiness")
        }
        let settings = EnvironmentSettings(environment)
        let platform = Platform.detect(environment: environment)
        self.stages = stages
        self.platform = platform
        self.startTimeout = startTimeout
        var requests: [PlanArithmetic.Request] = []
        for stage in stages {
            let override = try settings.budget(ofStage: stage.name)
            requests.append(.init(stage: stage.name, budget: override ?? stage.budget))
        }
        let statedPreStop = try settings.duration(.preStop, orZero: true)
        let statedReserve = try settings.duration(.reserve, orZero: true)
        self.requestedReserve = statedReserve ?? reserve
        self.arithmetic = try PlanArithmetic(
            grace: Self.grace(grace, platform: platform, settings: settings),
            preStop: statedPreStop ?? preStop, reserve: requestedReserve, requests: requests
        )
    }

    /// Finds the grace period: the environment, then the code, then the platform.
    private static func grace(
        _ grace: Grace, platform: Platform, settings: EnvironmentSettings
    ) throws(LastCallError) -> GracePeriod {
        if let stated = try settings.duration(.grace) { return try GracePeriod(stated, source: .stated) }
        switch grace.kind {
        case .stated(let duration): return try GracePeriod(duration, source: .stated)
        case .detected(or: let duration):
            if let known = platform.gracePeriod { return known }
            return try GracePeriod(duration, source: .assumed)
        }
    }

    /// Refuses names that the receipt could not tell apart.
    private static func checkNames(_ stages: [Stage]) throws(LastCallError) {
        guard !stages.isEmpty else { throw LastCallError(.invalidPlan, "a plan needs at least one stage") }
        var stageNames: Set<String> = []
        var memberNames: Set<String> = []
        for stage in stages {
            guard !stage.name.isEmpty, stageNames.insert(stage.name).inserted else {
                throw LastCallError(.invalidPlan, "stage \"\(stage.name)\": give every stage a name of its own")
            }
            for member in stage.members where !memberNames.insert(member.name).inserted {
                throw LastCallError(
                    .invalidPlan,
                    "member \"\(member.name)\" is there twice; tell them apart with .named(\"…\"), the receipt needs it"
                )
            }
        }
    }
}
