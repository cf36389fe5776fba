import FoundationEssentials
import LastCall

extension CheckReport {
    /// The report for programs: `{version, plan, services[], findings[], errors[], exitCode}`.
    ///
    /// Keys may be added, never changed.
    ///
    /// Durations are seconds; one that has no limit or is not known is missing.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let root = JSONRoot(
            version: 1,
            plan: options.plan.map { plan in
                JSONPlan(
                    origin: plan.origin,
                    stages: plan.requests.map { .init(name: $0.stage, budgetSeconds: $0.budget?.inSecondsRounded) }
                )
            },
            services: checks.map(JSONService.init),
            findings: (findings(.problem) + findings(.advice)).map(JSONFinding.init),
            errors: failures.map(JSONError.init),
            exitCode: exitCode
        )
        do {
            return String(decoding: try encoder.encode(root), as: UTF8.self) + "\n"
        } catch {
            preconditionFailure("strings and finite numbers can be encoded: \(error)")
        }
    }
}

private struct JSONRoot: Encodable {
    let version: Int
    let plan: JSONPlan?
    let services: [JSONService]
    let findings: [JSONFinding]
    let errors: [JSONError]
    let exitCode: Int32
}

private struct JSONPlan: Encodable {
    let origin: String
    let stages: [PlanDescription.Stage]
}

private struct JSONService: Encodable {
    let file: String
    let platform: DeploymentKind
    let name: String
    let graceSeconds: Double?
    let graceSource: GracePeriod.Source
    let preStopSeconds: Double?
    let reserveSeconds: Double?
    let leftSeconds: Double?
    let verdict: ServiceCheck.Verdict

    init(_ check: ServiceCheck) {
        file = check.service.file
        platform = check.service.platform
        name = check.service.name
        graceSeconds = check.window?.grace.inSecondsRounded
        graceSource = check.isStatedWindow ? .stated : check.service.grace.source
        preStopSeconds = check.isHookUnknown ? nil : check.window?.preStop.inSecondsRounded ?? 0
        reserveSeconds = check.window?.reserve.inSecondsRounded
        leftSeconds = check.window?.left.inSecondsRounded
        verdict = check.verdict
    }
}

private struct JSONFinding: Encodable {
    let severity: Finding.Severity
    let file: String
    let line: Int?
    let key: String
    let current: String?
    let suggested: String?
    let reason: String

    init(_ finding: Finding) {
        severity = finding.severity
        file = finding.file
        line = finding.line
        key = finding.key
        current = finding.current
        suggested = finding.suggested
        reason = finding.reason
    }
}

private struct JSONError: Encodable {
    let code: CheckError.Code
    let file: String
    let line: Int?
    let key: String?
    let value: String?
    let message: String

    init(_ error: CheckError) {
        code = error.code
        file = error.file
        line = error.line
        key = error.key
        value = error.value
        message = error.message
    }
}
