extension PlanArithmetic {
    /// The smallest grace period in whole seconds that would hold these budgets if it were stated.
    ///
    /// A stage without a budget is given a second at least. The answer was put through ``init(grace:preStop:reserve:requests:)``,
    /// so writing it down is known to help.
    ///
    /// - Throws: ``LastCallError/Code/invalidPlan`` where a budget is not positive or another duration is negative.
    package static func smallestGrace(
        preStop: Duration = .zero, reserve: Duration? = nil, requests: [Request]
    ) throws(LastCallError) -> Duration {
        let needed = requests.reduce(preStop + (reserve ?? .zero)) { $0 + ($1.budget ?? .seconds(1)) }
        let first = max(1, Int(needed.inSeconds.rounded(.up)))
        // The default reserve grows with the grace, to 2 s at most.
        let last = first + 3
        for seconds in first...last {
            do {
                let grace = GracePeriod(unchecked: .seconds(seconds), source: .stated)
                let fitted = try PlanArithmetic(grace: grace, preStop: preStop, reserve: reserve, requests: requests)
                if zip(requests, fitted.budgets).allSatisfy({ $0.budget != nil || $1 >= .seconds(1) }) {
                    return grace.duration
                }
            } catch  where error.code == .planDoesNotFit {
                continue
            }
        }
        preconditionFailure("\(last)s hold \(needed) and a reserve of 2 s")
    }
}
