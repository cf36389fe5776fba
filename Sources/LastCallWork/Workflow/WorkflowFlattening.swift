/// Turns the tree of a workflow into the lists of records and groups that a store accepts.
///
/// A chain `a, b` becomes a group with the one member `a`, for which `b` waits. What ends a workflow within a group is counted by
/// that group: the last element of a chain, not its first.
package struct WorkflowFlattening {
    /// The deepest nesting; deeper ones are refused.
    package static let depthMax = 64

    /// What an element is a part of.
    private struct Context {
        /// The group that counts it, and its place there.
        var parent: (node: Int, member: Int)?
        /// The group whose end it waits for.
        var waitsFor: Int?
        /// Whether an eviction gives the remainder back.
        var awaitsRemainder = false
        /// How deep it is.
        var depth = 0
    }

    /// Encodes jobs.
    private let encoder: JobEncoder
    /// What came of it.
    private var submission = Submission(records: [])

    private init(encoder: JobEncoder) { self.encoder = encoder }

    /// The records and groups of a workflow.
    ///
    /// - Throws: ``WorkError/Code/invalidSubmission`` where it holds no record or is too deep; what encoding a job throws.
    package static func flatten(_ workflow: Workflow, with encoder: JobEncoder) throws -> Submission {
        var flattening = WorkflowFlattening(encoder: encoder)
        try flattening.add(workflow, Context())
        guard !flattening.submission.records.isEmpty else {
            throw WorkError(.invalidSubmission, "the workflow holds no job; give it at least one")
        }
        return flattening.submission
    }

    private mutating func add(_ workflow: Workflow, _ context: Context) throws {
        var context = context
        context.depth += 1
        guard context.depth <= Self.depthMax else {
            throw WorkError(.invalidSubmission, "the workflow is nested more than \(Self.depthMax) deep; flatten it")
        }
        switch workflow.shape {
        case .record(let draft): add(try draft(encoder), context)
        case .chain(let elements): try addChain(elements, context)
        case .group(let members, let options):
            let node = addNode(members.count, options, context)
            try addMembers(members, options, of: node, context)
        }
    }

    private mutating func add(_ draft: RecordDraft, _ context: Context) {
        var draft = draft
        draft.node = context.parent?.node
        draft.member = context.parent?.member ?? 0
        draft.waitsForNode = context.waitsFor
        draft.awaitsRemainder = draft.awaitsRemainder || context.awaitsRemainder
        submission.records.append(draft)
    }

    /// All elements but the last are counted by a group of their own, for which the next one waits.
    private mutating func addChain(_ elements: [Workflow], _ context: Context) throws {
        guard let last = elements.last else {
            // A chain of nothing is over at once, as an empty group is.
            _ = addNode(0, Workflow.GroupOptions(policy: .always, partialMembers: .proceed), context)
            return
        }
        var context = context
        for element in elements.dropLast() { context.waitsFor = try addStep(element, context) }
        try add(last, context)
    }

    /// Adds an element of a chain that others follow; returns the group whose end they wait for.
    private mutating func addStep(_ element: Workflow, _ context: Context) throws -> Int {
        if case .group(let members, let options) = element.shape {
            // The group itself is what the next element waits for, and decides whether it runs.
            var inner = context
            inner.depth += 1
            inner.parent = nil
            let node = addNode(members.count, options, inner)
            try addMembers(members, options, of: node, inner)
            return node
        }
        var inner = context
        let options = Workflow.GroupOptions(policy: .all, partialMembers: .proceed)
        inner.parent = nil
        let node = addNode(1, options, inner)
        inner.parent = (node, 0)
        try add(element, inner)
        return node
    }

    private mutating func addMembers(
        _ members: [Workflow], _ options: Workflow.GroupOptions, of node: Int, _ context: Context
    ) throws {
        var inner = context
        inner.awaitsRemainder = options.partialMembers == .awaitRemainder
        for (place, member) in members.enumerated() {
            inner.parent = (node, place)
            try add(member, inner)
        }
    }

    private mutating func addNode(
        _ count: Int, _ options: Workflow.GroupOptions, _ context: Context
    ) -> Int {
        submission.nodes.append(
            NodeDraft(
                policy: options.policy, membersCount: count, deadline: options.deadline, parent: context.parent?.node,
                member: context.parent?.member ?? 0, waitsForNode: context.waitsFor))
        return submission.nodes.count - 1
    }
}
