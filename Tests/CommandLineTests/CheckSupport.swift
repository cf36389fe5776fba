@testable import lastcall

/// A report over files that exist only here.
func checking(
    _ files: [(name: String, text: String)], budgets: [String] = [], reserve: Duration? = nil, preStop: Duration? = nil,
    services: [String] = []
) throws -> CheckReport {
    var options = CheckOptions(reserve: reserve, preStop: preStop, services: services)
    if !budgets.isEmpty { options.plan = try StagePlan(budgets: budgets) }
    return CheckReport(files: files.map { InputFile(name: $0.name, bytes: Array($0.text.utf8)) }, options: options)
}

/// A report over one file.
func checking(
    _ name: String, _ text: String, budgets: [String] = [], reserve: Duration? = nil, preStop: Duration? = nil,
    services: [String] = []
) throws -> CheckReport {
    try checking([(name, text)], budgets: budgets, reserve: reserve, preStop: preStop, services: services)
}

extension CheckReport {
    /// The headlines of what must change.
    var problems: [String] { findings(.problem).map(\.headline) }
    /// The headlines of what could be better.
    var advice: [String] { findings(.advice).map(\.headline) }
    /// The errors as they are printed.
    var errors: [String] { failures.map(\.description) }
}
