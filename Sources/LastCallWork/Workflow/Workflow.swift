/// What can be a part of a workflow: a job, or a workflow.
public protocol WorkflowElement: Sendable {
    /// It as a workflow.
    var workflow: Workflow { get }
}

/// Jobs that belong together: one after the other, side by side, or side by side with one that waits for all.
///
/// ```swift
/// let report = Workflow.group([Hash(path: "a"), Hash(path: "b")], then: Summarise(), partialMembers: .proceed)
/// try await work.submit(.chain([Fetch(), report, Publish()]))
/// ```
///
/// A workflow is accepted whole or not at all, and needs nobody to drive it: each step is taken in the transaction in which what it
/// waits for ends.
public struct Workflow: WorkflowElement {
    /// The shapes there are.
    package indirect enum Shape: Sendable {
        /// A record of its own; its links are filled in when the workflow is flattened.
        case record(@Sendable (JobEncoder) throws -> RecordDraft)
        /// One after the other.
        case chain([Workflow])
        /// Side by side.
        case group([Workflow], GroupOptions)
    }

    /// How a group's end is decided.
    package struct GroupOptions: Sendable {
        /// When what waits for it runs.
        package var policy: GroupPolicy
        /// What it does about members that an eviction cuts short.
        package var partialMembers: PartialMembers
        /// The time from its acceptance to the end of its members.
        package var deadline: Duration?
    }

    /// The shape.
    package let shape: Shape

    /// Itself.
    public var workflow: Workflow { self }

    /// A workflow of one record, as it is.
    public static func record(_ draft: RecordDraft) -> Workflow { Workflow(shape: .record { _ in draft }) }

    /// A workflow of one job.
    ///
    /// - Parameters:
    ///   - job: The job.
    ///   - options: What differs from the job's own defaults.
    public static func job(_ job: some Job, _ options: EnqueueOptions = EnqueueOptions()) -> Workflow {
        Workflow(shape: .record { encoder in try encoder.draft(job, options) })
    }

    /// One after the other.
    ///
    /// Each element starts when the one before it ended well or partial; otherwise it and all that follow are cancelled.
    public static func chain(_ elements: [any WorkflowElement]) -> Workflow {
        Workflow(shape: .chain(elements.map(\.workflow)))
    }

    /// Side by side; with `then`, a chord: it runs once all members are over, and can read what they came to.
    ///
    /// - Parameters:
    ///   - members: What runs side by side; none is allowed, and is over at once.
    ///   - then: What runs when all are over.
    ///   - policy: When `then` runs: however the members ended (the default), or only where all ended well or partial.
    ///   - partialMembers: What happens to members that an eviction cuts short.
    ///   - deadline: The time from acceptance to the end of all members; those that are not over then are ended.
    public static func group(
        _ members: [any WorkflowElement], then: (any WorkflowElement)? = nil, policy: GroupPolicy = .always,
        partialMembers: PartialMembers = .proceed, deadline: Duration? = nil
    ) -> Workflow {
        let options = GroupOptions(policy: policy, partialMembers: partialMembers, deadline: deadline)
        let group = Workflow(shape: .group(members.map(\.workflow), options))
        guard let then else { return group }
        return Workflow(shape: .chain([group, then.workflow]))
    }
}
