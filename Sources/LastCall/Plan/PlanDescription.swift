import FoundationEssentials

/// A plan as a service prints it with `--print-plan`, for `lastcall check` to hold against deployment files.
///
/// The JSON form is
/// ```json
/// {"version": 1, "name": "web",
///  "stages": [{"name": "intake", "budgetSeconds": 10}, {"name": "close", "budgetSeconds": null}],
///  "preStopSeconds": 5, "reserveSeconds": 1.5}
/// ```
/// Everything but `version` and `stages` may be left out. Keys may be added within a version and are then ignored by older
/// readers; a change of meaning raises the version, and a newer version than ``currentVersion`` is refused.
public struct PlanDescription: Codable, Sendable, Hashable {
    /// One stage of the plan.
    public struct Stage: Codable, Sendable, Hashable {
        /// The stage's name.
        public let name: String
        /// The budget in seconds, or `nil` for an equal share of what the other stages leave.
        public let budgetSeconds: Double?

        /// Creates a stage.
        public init(name: String, budgetSeconds: Double?) {
            self.name = name
            self.budgetSeconds = budgetSeconds
        }
    }

    /// The version that this code writes, and the newest that it reads.
    public static let currentVersion = 1

    /// The version of the form, at present 1.
    public let version: Int
    /// The service's name, where it has one.
    public let name: String?
    /// The stages in the order in which they stop.
    ///
    /// Never empty.
    public let stages: [Stage]
    /// What a preStop hook uses of the grace period before SIGTERM, as declared to the service; `nil` where nobody did.
    public let preStopSeconds: Double?
    /// What the service keeps back for its receipt; `nil` for ``PlanArithmetic/defaultReserve(for:)``.
    public let reserveSeconds: Double?

    /// Creates a description.
    ///
    /// - Throws: ``LastCallError/Code/invalidPlan`` where there is no stage, two stages share a name, a budget is not
    ///   positive, or a duration is negative or not a number.
    public init(
        name: String? = nil, stages: [Stage], preStopSeconds: Double? = nil, reserveSeconds: Double? = nil
    ) throws(LastCallError) {
        self.version = Self.currentVersion
        self.name = name
        self.stages = stages
        self.preStopSeconds = preStopSeconds
        self.reserveSeconds = reserveSeconds
        try validate()
    }

    /// Reads a description, the version first.
    ///
    /// - Throws: ``LastCallError/Code/invalidConfiguration`` for a newer version, ``LastCallError/Code/invalidPlan`` as
    ///   ``init(name:stages:preStopSeconds:reserveSeconds:)`` does, and the decoder's own errors.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(Int.self, forKey: .version)
        guard (1...Self.currentVersion).contains(version) else {
            throw LastCallError(
                .invalidConfiguration,
                "version: \(version) is not a plan this lastcall reads (it reads 1 to \(Self.currentVersion)); "
                    + "use the lastcall that belongs to the service, or a newer one"
            )
        }
        name = try container.decodeIfPresent(String.self, forKey: .name)
        stages = try container.decode([Stage].self, forKey: .stages)
        preStopSeconds = try container.decodeIfPresent(Double.self, forKey: .preStopSeconds)
        reserveSeconds = try container.decodeIfPresent(Double.self, forKey: .reserveSeconds)
        try validate()
    }

    /// Describes a plan: what was asked for, not what this machine's grace period makes of it.
    ///
    /// - Parameters:
    ///   - plan: The plan. What the environment overrides in it counts as asked for.
    ///   - name: The service's name.
    public init(_ plan: ShutdownPlan, name: String? = nil) {
        version = Self.currentVersion
        self.name = name
        stages = plan.arithmetic.requests.map { request in
            Stage(name: request.stage, budgetSeconds: request.budget.map { max(0.001, $0.inSeconds) })
        }
        preStopSeconds = plan.arithmetic.preStop > .zero ? plan.arithmetic.preStop.inSeconds : nil
        reserveSeconds = plan.requestedReserve?.inSeconds
    }

    /// The description as JSON with sorted keys.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// The stages as the arithmetic takes them.
    public var requests: [PlanArithmetic.Request] {
        stages.map { stage in
            PlanArithmetic.Request(stage: stage.name, budget: stage.budgetSeconds.map(Self.duration))
        }
    }

    /// ``preStopSeconds`` as a duration.
    public var preStop: Duration? { preStopSeconds.map(Self.duration) }

    /// ``reserveSeconds`` as a duration.
    public var reserve: Duration? { reserveSeconds.map(Self.duration) }

    private func validate() throws(LastCallError) {
        guard !stages.isEmpty else {
            throw LastCallError(.invalidPlan, "stages: the plan has none; write at least one stage with a name")
        }
        var names: Set<String> = []
        for stage in stages {
            guard !stage.name.isEmpty, names.insert(stage.name).inserted else {
                throw LastCallError(
                    .invalidPlan, "stages: the name \"\(stage.name)\" is empty or used twice; every stage needs its own"
                )
            }
            try Self.validate(stage.budgetSeconds, key: "stages.\(stage.name).budgetSeconds", smallest: 0.001)
        }
        try Self.validate(preStopSeconds, key: "preStopSeconds", smallest: 0)
        try Self.validate(reserveSeconds, key: "reserveSeconds", smallest: 0)
    }

    private static func validate(_ seconds: Double?, key: String, smallest: Double) throws(LastCallError) {
        // A hundred years, as ``DurationText`` has it; the comparison is false for what is not a number.
        guard let seconds, !(smallest...3_153_600_000).contains(seconds) else { return }
        throw LastCallError(
            .invalidPlan, "\(key): \(seconds) is not a number of seconds from \(smallest) to 3153600000"
        )
    }

    private static func duration(_ seconds: Double) -> Duration {
        .milliseconds(Int((seconds * 1000).rounded()))
    }
}
