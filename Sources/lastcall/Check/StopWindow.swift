import LastCall

/// The time from SIGTERM to SIGKILL, and whether the stages fit into it by the library's own arithmetic.
struct StopWindow: Sendable {
    /// The grace period.
    let grace: Duration
    /// What runs before SIGTERM.
    let preStop: Duration
    /// What is kept for the receipt.
    let reserve: Duration
    /// What the stages may use together; negative where the hook alone is too long.
    let left: Duration
    /// Whether ``PlanArithmetic`` takes the budgets as they are, neither refusing nor scaling them.
    let fits: Bool

    /// How long after SIGTERM the process is killed.
    var length: Duration { grace - preStop }

    /// Fits the stages into a grace period.
    init(
        grace: Duration, source: GracePeriod.Source, preStop: Duration, reserve: Duration?,
        requests: [PlanArithmetic.Request]
    ) {
        self.grace = grace
        self.preStop = preStop
        self.reserve = reserve ?? PlanArithmetic.defaultReserve(for: grace)
        self.left = grace - preStop - self.reserve
        do {
            let period = try GracePeriod(grace, source: source)
            let fitted = try PlanArithmetic(grace: period, preStop: preStop, reserve: reserve, requests: requests)
            self.fits = !fitted.isScaled
        } catch {
            // Not a grace period at all (0), or a stated one that the plan does not fit.
            self.fits = false
        }
    }

    /// `30s - preStop 5s - reserve 1.5s = 23.5s for the stages`.
    var explanation: String {
        let hook = preStop > .zero ? " - preStop \(DurationText.format(preStop))" : ""
        let result = left > .zero ? "= \(DurationText.format(left)) for the stages" : "leaves nothing for the stages"
        return "\(DurationText.format(grace))\(hook) - reserve \(DurationText.format(reserve)) \(result)"
    }
}
