/// What `lastcall check` was asked, apart from the files.
struct CheckOptions: Sendable {
    /// The plan, where one was given.
    var plan: StagePlan?
    /// `--reserve`, which wins over the plan's.
    var reserve: Duration?
    /// `--prestop`, which wins over the file's hook.
    var preStop: Duration?
    /// `--service`: only these, or all where it is empty.
    var services: [String] = []
}
