import LastCallWork

/// What an action on jobs came to, in words.
enum ActionText {
    /// What was asked for.
    enum Action: Sendable {
        /// Ending jobs.
        case cancel
        /// Letting jobs run again.
        case retry
    }

    /// Prints what was done, one line for each job.
    ///
    /// - Throws: ``VerbError`` with everything that was not done, and why.
    static func report(_ result: WorkActionResult, _ action: Action, in store: String) throws(VerbError) {
        for line in done(result, action) { print(line) }
        let undone = refusals(result, action, in: store)
        if !undone.isEmpty { throw VerbError(.refused, undone.joined(separator: "\n")) }
    }

    /// What was done.
    static func done(_ result: WorkActionResult, _ action: Action) -> [String] {
        result.changed.sorted().map { "job \($0): \(action == .cancel ? "cancelled" : "runs again")" }
            + result.asked.sorted().map { "job \($0): told to stop; see it with: lastcall show \($0)" }
    }

    /// What was not done, and why.
    static func refusals(_ result: WorkActionResult, _ action: Action, in store: String) -> [String] {
        let refused = result.refused.sorted { $0.key < $1.key }.map { id, state in
            switch action {
            case .cancel: "job \(id) is over: \(state)"
            case .retry: "job \(id) is \(state); only what is over can run again"
            }
        }
        let missing = result.missing.sorted().map {
            "there is no job \($0) in \(store); what was over for long enough is forgotten"
        }
        return refused + missing
    }
}
