/// Members that stop together, and the time they get for it.
public struct Stage: Sendable {
    /// The name in logs and in the receipt; unique in a plan.
    public let name: String
    /// The time the stage gets; `nil` for an equal share of what the other stages leave of the grace period.
    public let budget: Duration?
    /// The members, which start together and stop together.
    public let members: [Member]

    /// Creates a stage.
    ///
    /// - Parameters:
    ///   - name: The name in logs and in the receipt.
    ///   - budget: The time for stopping. Its last tenth, at most a second, is for cancelling.
    ///   - members: The members; may be empty, for a component that is absent in this configuration.
    public init(_ name: String, budget: Duration? = nil, @MemberBuilder members: () -> [Member]) {
        self.name = name
        self.budget = budget
        self.members = members()
    }
}

/// Collects the stages of a plan, in the order in which they stop.
@resultBuilder
public enum StageBuilder {
    /// A stage.
    public static func buildExpression(_ stage: Stage) -> [Stage] { [stage] }
    /// Stages made elsewhere.
    public static func buildExpression(_ stages: [Stage]) -> [Stage] { stages }
    /// All stages of a block.
    public static func buildBlock(_ stages: [Stage]...) -> [Stage] { stages.flatMap { $0 } }
    /// A stage that may be absent.
    public static func buildOptional(_ stages: [Stage]?) -> [Stage] { stages ?? [] }
    /// One of two.
    public static func buildEither(first stages: [Stage]) -> [Stage] { stages }
    /// One of two.
    public static func buildEither(second stages: [Stage]) -> [Stage] { stages }
    /// Stages from a loop.
    public static func buildArray(_ stages: [[Stage]]) -> [Stage] { stages.flatMap { $0 } }
}
