import LastCall

/// One service held against a plan: its line in the table and what to change.
struct ServiceCheck: Sendable {
    /// What came out.
    enum Verdict: String, Sendable, Codable {
        /// The stages fit into what the platform leaves them.
        case fits
        /// They fit, unless a preStop hook whose length nobody knows takes too long.
        case fitsUnlessHookIsLong
        /// They do not, or the service is told something else than the platform does.
        case doesNotFit
        /// There was no plan, and nothing in the file contradicts itself.
        case noPlan

        /// The word in the table.
        var text: String {
            switch self {
            case .fits: "fits"
            case .fitsUnlessHookIsLong: "fits, but see preStop"
            case .doesNotFit: "does not fit"
            case .noPlan: "no plan"
            }
        }
    }

    /// The service.
    let service: DeclaredService
    /// What came out.
    let verdict: Verdict
    /// The window that binds the stages; `nil` where the platform waits for ever and nothing else is stated.
    let window: StopWindow?
    /// Whether ``window`` comes from `LASTCALL_GRACE` and is narrower than the platform's.
    let isStatedWindow: Bool
    /// Whether the preStop hook's length is unknown.
    let isHookUnknown: Bool
    /// The sum of the stages, for the table; `nil` without a plan.
    let stages: String?
    /// What to change, problems first.
    let findings: [Finding]

    /// Holds a service against a plan.
    init(_ service: DeclaredService, options: CheckOptions) {
        var examination = ServiceExamination(service, options: options)
        examination.examine()
        let problems = examination.findings.filter { $0.severity == .problem }
        self.service = service
        self.window = examination.bindingWindow
        self.isStatedWindow = examination.isStatedWindowNarrower
        self.isHookUnknown = examination.isHookUnknown
        self.stages = options.plan?.needText
        self.findings = problems + examination.findings.filter { $0.severity == .advice }
        self.verdict =
            if !problems.isEmpty {
                .doesNotFit
            } else if options.plan == nil {
                .noPlan
            } else {
                examination.isHookUnknown ? .fitsUnlessHookIsLong : .fits
            }
    }
}
