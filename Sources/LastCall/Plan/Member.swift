public import ServiceLifecycle

/// A service with a name and with a rule for when it ends: what a stage is made of.
///
/// ```swift
/// Stage("intake") {
///     web.named("web")
///     poller.named("poller").onEnd(.ignore)
///     legacyChat.named("chat").bestEffort()
/// }
/// ```
public struct Member: Sendable {
    /// What the lifecycle does when a member ends while nobody had asked it to.
    public struct EndPolicy: Sendable, Hashable {
        /// The rules there are.
        package enum Kind: Sendable, Hashable {
            /// Begin the stop.
            case stop
            /// Begin the stop and hand over at once.
            case handOver
            /// Go on.
            case ignore
        }

        /// The rule.
        package let kind: Kind

        /// Begin an orderly stop.
        ///
        /// The default.
        public static let stop = EndPolicy(kind: .stop)
        /// Begin the stop and cancel every member at once, stage by stage.
        public static let handOver = EndPolicy(kind: .handOver)
        /// Go on with the others.
        ///
        /// The stop begins when the last member has ended.
        public static let ignore = EndPolicy(kind: .ignore)
    }

    /// The service that runs.
    public let service: any Service
    /// The name in logs and in the receipt; unique in a plan.
    public let name: String
    /// What happens when `run` returns while nobody had asked it to.
    package var endPolicy = EndPolicy.stop
    /// What happens when `run` throws while nobody had asked it to stop.
    package var failurePolicy = EndPolicy.stop
    /// Whether a failure to stop is reported only.
    package var isBestEffort = false

    /// Creates a member from a service.
    ///
    /// - Parameters:
    ///   - service: What to run.
    ///   - name: The name in logs and in the receipt; the service's type by default.
    public init(_ service: any Service, name: String? = nil) {
        self.service = service
        self.name = name ?? String(describing: type(of: service))
    }

    /// Creates a member from a closure.
    ///
    /// - Parameters:
    ///   - name: The name in logs and in the receipt.
    ///   - run: What to run. It hears of the stop through `withGracefulShutdownHandler` or ``Shutdown/current``.
    public init(_ name: String, run: @escaping @Sendable () async throws -> Void) {
        self.init(ClosureMember(body: run), name: name)
    }

    /// This member with another rule for returning early.
    public func onEnd(_ policy: EndPolicy) -> Member {
        var copy = self
        copy.endPolicy = policy
        return copy
    }

    /// This member with another rule for throwing early.
    public func onFailure(_ policy: EndPolicy) -> Member {
        var copy = self
        copy.failurePolicy = policy
        return copy
    }

    /// This member with its failure to stop reported, but not counted: it cannot make the stop unclean.
    ///
    /// For third-party components that have no clean stop.
    public func bestEffort() -> Member {
        var copy = self
        copy.isBestEffort = true
        return copy
    }
}

extension Service {
    /// This service as a member with a name.
    public func named(_ name: String) -> Member { Member(self, name: name) }
}

/// A closure as a service.
private struct ClosureMember: Service {
    /// What runs.
    let body: @Sendable () async throws -> Void

    func run() async throws { try await body() }
}

/// Collects the members of a stage.
@resultBuilder
public enum MemberBuilder {
    /// A service under its type's name.
    public static func buildExpression(_ service: any Service) -> [Member] { [Member(service)] }
    /// A member.
    public static func buildExpression(_ member: Member) -> [Member] { [member] }
    /// Members made elsewhere.
    public static func buildExpression(_ members: [Member]) -> [Member] { members }
    /// All members of a block.
    public static func buildBlock(_ members: [Member]...) -> [Member] { members.flatMap { $0 } }
    /// A member that may be absent.
    public static func buildOptional(_ members: [Member]?) -> [Member] { members ?? [] }
    /// One of two.
    public static func buildEither(first members: [Member]) -> [Member] { members }
    /// One of two.
    public static func buildEither(second members: [Member]) -> [Member] { members }
    /// Members from a loop.
    public static func buildArray(_ members: [[Member]]) -> [Member] { members.flatMap { $0 } }
}
