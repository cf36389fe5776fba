/// The sum behind a plan: grace − preStop − reserve, shared out among the stages.
///
/// This is the one place where budgets are fitted to a grace period; ``ShutdownPlan`` uses it at start and
/// `lastcall check` uses it on deployment files.
///
/// - A stage without a budget gets an equal share of what the stated budgets leave.
/// - Budgets that do not fit a *stated* grace period are refused.
/// - Against a *fixed* or *assumed* one they are scaled, because a crash loop is worse than a short drain.
public struct PlanArithmetic: Sendable, Hashable {
    /// One stage's name and the budget that was asked for it; `nil` asks for a share.
    public struct Request: Sendable, Hashable {
        /// The stage's name.
        public let stage: String
        /// The budget asked for, or `nil` for an equal share of what is left.
        public let budget: Duration?

        /// Creates a request.
        public init(stage: String, budget: Duration?) {
            self.stage = stage
            self.budget = budget
        }
    }

    /// The grace period, and how we know it.
    public let grace: GracePeriod
    /// What the platform's preStop hook uses of the grace period before SIGTERM is sent.
    public let preStop: Duration
    /// What is kept back for the receipt and the exit.
    public let reserve: Duration
    /// What is left for the stages: grace − preStop − reserve, but at least a tenth of a grace that nobody stated.
    public let available: Duration
    /// What was asked for, in the order of the stages.
    public let requests: [Request]
    /// What each stage gets, in the order of the stages.
    public let budgets: [Duration]
    /// Whether budgets were shortened to fit.
    public let isScaled: Bool

    /// The reserve that is kept where none is given: 5 % of the grace, at least 0.2 s and at most 2 s.
    public static func defaultReserve(for grace: Duration) -> Duration {
        (grace / 20).clamped(to: .milliseconds(200)...(.seconds(2)))
    }

    /// The part of a budget that is kept for cancelling: its last tenth, at most a second.
    public static func cancellingAllowance(of budget: Duration) -> Duration {
        min(budget / 10, .seconds(1))
    }

    /// How long a member has to hand over, where its stage has as long: quick or not at all.
    package static let handOverMax = Duration.seconds(1)

    /// Fits the budgets to the grace period.
    ///
    /// - Parameters:
    ///   - grace: The grace period.
    ///   - preStop: What a preStop hook uses of it, 0 by default.
    ///   - reserve: What is kept for the receipt; ``defaultReserve(for:)`` by default.
    ///   - requests: The stages' budgets, in order.
    /// - Throws: ``LastCallError/Code/invalidPlan`` for a negative or zero budget, ``LastCallError/Code/planDoesNotFit``
    ///   where the grace was stated and the budgets exceed it.
    public init(
        grace: GracePeriod, preStop: Duration = .zero, reserve: Duration? = nil, requests: [Request]
    ) throws(LastCallError) {
        let reserve = reserve ?? Self.defaultReserve(for: grace.duration)
        guard preStop >= .zero, reserve >= .zero else {
            throw LastCallError(.invalidPlan, "preStop and reserve cannot be negative")
        }
        for request in requests {
            guard let budget = request.budget, budget <= .zero else { continue }
            throw LastCallError(
                .invalidPlan,
                "stage \(request.stage): a budget of \(DurationText.format(budget)) leaves no time; write a positive duration, or none for a share"
            )
        }

        let left = grace.duration - preStop - reserve
        let stated = requests.compactMap(\.budget).reduce(.zero, +)
        let sharing = requests.count { $0.budget == nil }
        let fits = left > .zero && stated <= left && (sharing == 0 || stated < left)
        if !fits && grace.source == .stated {
            throw LastCallError(
                .planDoesNotFit,
                Self.refusal(
                    grace: grace, preStop: preStop, reserve: reserve, left: left, stated: stated, requests: requests
                )
            )
        }

        let available = left > .zero ? left : grace.duration / 10
        self.grace = grace
        self.preStop = preStop
        self.reserve = reserve
        self.available = available
        self.requests = requests
        self.isScaled = !fits
        if fits {
            let share = sharing == 0 ? .zero : (available - stated) / sharing
            self.budgets = requests.map { $0.budget ?? share }
        } else {
            // A stage that asked for a share gets what an equal division would give it, at most; the others shrink alike.
            let share = sharing == 0 ? .zero : available / max(requests.count * 2, 1)
            let factor = stated > .zero ? (available - share * sharing).inSeconds / stated.inSeconds : 1
            self.budgets = requests.map { $0.budget?.scaled(by: factor) ?? share }
        }
    }

    /// What all stages get together.
    ///
    /// At most ``available``.
    public var total: Duration { budgets.reduce(.zero, +) }

    /// The sum in one line, for the log and for people: `30s (stated) - reserve 1.5s = 28.5s; intake 10s + …`.
    public var explanation: String {
        let stages = zip(requests, budgets).map { "\($0.stage) \(DurationText.format($1))" }.joined(separator: " + ")
        let verdict = isScaled ? "scaled down to fit" : "fits"
        let sum = stages.isEmpty ? "no stages" : "\(stages) = \(DurationText.format(total))"
        return "\(Self.left(of: grace, preStop, reserve, available)); \(sum): \(verdict)"
    }

    private static func left(
        of grace: GracePeriod, _ preStop: Duration, _ reserve: Duration, _ left: Duration
    ) -> String {
        let preStopText = preStop > .zero ? " - preStop \(DurationText.format(preStop))" : ""
        return "grace \(DurationText.format(grace.duration)) (\(grace.source.rawValue))\(preStopText)"
            + " - reserve \(DurationText.format(reserve)) = \(DurationText.format(left)) for the stages"
    }

    private static func refusal(
        grace: GracePeriod, preStop: Duration, reserve: Duration, left: Duration, stated: Duration, requests: [Request]
    ) -> String {
        let sum = requests.map { "\($0.stage) \($0.budget.map(DurationText.format) ?? "(a share)")" }
            .joined(separator: " + ")
        let needed = preStop + reserve + stated
        return "the plan does not fit: \(Self.left(of: grace, preStop, reserve, left)), but \(sum) = "
            + "\(DurationText.format(stated)); shorten a budget, or grant a grace period of at least "
            + "\(DurationText.format(Self.atLeast(needed, sharing: requests.contains { $0.budget == nil })))"
    }

    /// The smallest whole number of seconds of grace that would fit, reserve included.
    private static func atLeast(_ needed: Duration, sharing: Bool) -> Duration {
        // The default reserve grows with the grace, by at most 2 s: a twentieth on top covers it.
        let seconds = needed.inSeconds
        return .seconds(Int((seconds + min(seconds / 20, 2) + (sharing ? 1 : 0)).rounded(.up)))
    }
}
