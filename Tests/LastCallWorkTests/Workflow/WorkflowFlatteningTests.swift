import LastCallWork
import Testing

@Suite struct WorkflowFlatteningTests {
    static func record(_ kind: String) -> Workflow { .record(RecordDraft(kind: kind)) }
    static let (a, b, c, d) = (record("a"), record("b"), record("c"), record("d"))

    /// A submission in lines: groups as `0: 2 all, in 1.0, after 2`, records as `a: in 0.1, after 2`.
    static func lines(_ workflow: Workflow) throws -> String {
        let submission = try WorkflowFlattening.flatten(workflow, with: JobEncoder())
        try submission.validate(payloadBytesMax: 10)
        func links(_ node: Int?, _ member: Int, _ before: Int?) -> String {
            (node.map { ", in \($0).\(member)" } ?? "") + (before.map { ", after \($0)" } ?? "")
        }
        let groups = submission.nodes.enumerated().map { number, node in
            "\(number): \(node.membersCount) \(node.policy)\(links(node.parent, node.member, node.waitsForNode))"
        }
        let records = submission.records.map { record in
            "\(record.kind)\(links(record.node, record.member, record.waitsForNode))"
        }
        return (groups + records).joined(separator: "\n")
    }

    /// Workflows and what they become.
    static let shapes: [(name: String, workflow: Workflow, lines: String)] = [
        ("a record", a, "a"),
        ("a chain", .chain([a, b, c]), "0: 1 all\n1: 1 all, after 0\na, in 0.0\nb, in 1.0, after 0\nc, after 1"),
        ("a group", .group([a, b]), "0: 2 always\na, in 0.0\nb, in 0.1"),
        ("a chord", .group([a, b], then: c, policy: .all), "0: 2 all\na, in 0.0\nb, in 0.1\nc, after 0"),
        ("a chain of one", .chain([a]), "a"),
        (
            "a chain in a chain", .chain([Workflow.chain([a, b]), c]),
            "0: 1 all\n1: 1 all\na, in 1.0\nb, in 0.0, after 1\nc, after 0"
        ),
        (
            "a group in a chain", .chain([a, Workflow.group([b, c]), d]),
            "0: 1 all\n1: 2 always, after 0\na, in 0.0\nb, in 1.0, after 0\nc, in 1.1, after 0\nd, after 1"
        ),
        (
            "a chord in a chain", .chain([a, Workflow.group([b], then: c), d]),
            "0: 1 all\n1: 1 all, after 0\n2: 1 always, after 0\na, in 0.0\nb, in 2.0, after 0\nc, in 1.0, after 2\nd, after 1"
        ),
        (
            "a chain in a group", .group([Workflow.chain([a, b]), c]),
            "0: 2 always\n1: 1 all\na, in 1.0\nb, in 0.0, after 1\nc, in 0.1"
        ),
        (
            "a group in a group", .group([a, Workflow.group([b, c], policy: .all)]),
            "0: 2 always\n1: 2 all, in 0.1\na, in 0.0\nb, in 1.0\nc, in 1.1"
        ),
        (
            "a chord in a group", .group([Workflow.group([a], then: b), c]),
            "0: 2 always\n1: 1 always\na, in 1.0\nb, in 0.0, after 1\nc, in 0.1"
        ),
        (
            "a chord of chords", .group([Workflow.group([a], then: b)], then: Workflow.group([c], then: d)),
            "0: 1 always\n1: 1 always\n2: 1 always, after 0\na, in 1.0\nb, in 0.0, after 1\nc, in 2.0, after 0\nd, after 2"
        ),
        (
            "a group that follows", .group([a], then: Workflow.group([b, c])),
            "0: 1 always\n1: 2 always, after 0\na, in 0.0\nb, in 1.0, after 0\nc, in 1.1, after 0"
        ),
        ("an empty group first", .group([], then: a), "0: 0 always\na, after 0"),
        (
            "an empty group in the middle", .chain([a, Workflow.group([]), b]),
            "0: 1 all\n1: 0 always, after 0\na, in 0.0\nb, after 1"
        ),
        ("an empty group last", .chain([a, Workflow.group([])]), "0: 1 all\n1: 0 always, after 0\na, in 0.0"),
        ("an empty group in a group", .group([Workflow.group([]), a]), "0: 2 always\n1: 0 always, in 0.0\na, in 0.1"),
        (
            "an empty chain in the middle", .chain([a, Workflow.chain([]), b]),
            "0: 1 all\n1: 1 all, after 0\n2: 0 always, in 1.0, after 0\na, in 0.0\nb, after 1"
        ),
        ("an empty chain in a group", .group([a, Workflow.chain([])]), "0: 2 always\n1: 0 always, in 0.1\na, in 0.0"),
        ("an empty chain last", .chain([a, Workflow.chain([])]), "0: 1 all\n1: 0 always, after 0\na, in 0.0"),
    ]

    @Test("a workflow becomes records and the groups that count them", arguments: shapes.indices)
    func shape(index: Int) throws {
        let shape = Self.shapes[index]
        #expect(try Self.lines(shape.workflow) == shape.lines, "\(shape.name)")
    }

    @Test("B5 awaiting the remainder is said to every record of the group, also within chains, not to what follows")
    func awaitsRemainder() throws {
        let workflow = Workflow.group(
            [Self.a, Workflow.chain([Self.b, Self.c])], then: Self.d, partialMembers: .awaitRemainder)
        let submission = try WorkflowFlattening.flatten(workflow, with: JobEncoder())
        #expect(submission.records.map(\.awaitsRemainder) == [true, true, true, false])
    }

    @Test("a group's deadline is its own")
    func deadline() throws {
        let workflow = Workflow.chain([Self.a, Workflow.group([Self.b], then: Self.c, deadline: .seconds(7))])
        let submission = try WorkflowFlattening.flatten(workflow, with: JobEncoder())
        #expect(submission.nodes.compactMap(\.deadline) == [.seconds(7)])
    }

    @Test(
        "a workflow without a record is refused",
        arguments: [Workflow.chain([]), .group([]), .chain([Workflow.group([])])])
    func nothing(workflow: Workflow) {
        let error = #expect(throws: WorkError.self) { try WorkflowFlattening.flatten(workflow, with: JobEncoder()) }
        #expect(error?.code == .invalidSubmission)
    }

    @Test(
        "what is nested too deep is refused, what is just deep enough is not",
        arguments: [
            { Workflow.group([$0]) }, { Workflow.chain([$0]) }, { Workflow.chain([$0, a]) },
            { Workflow.chain([Workflow.group([$0])]) }, { Workflow.chain([Workflow.group([$0]), a]) },
        ] as [@Sendable (Workflow) -> Workflow])
    func depth(nest: @Sendable (Workflow) -> Workflow) throws {
        var workflow = Self.a
        for _ in 0..<31 { workflow = nest(workflow) }
        let isFlat = try WorkflowFlattening.flatten(workflow, with: JobEncoder()).records.count
        #expect(isFlat >= 1)
        for _ in 0..<33 { workflow = nest(workflow) }
        let error = #expect(throws: WorkError.self) { try WorkflowFlattening.flatten(workflow, with: JobEncoder()) }
        #expect(error?.code == .invalidSubmission)
    }

    @Test("63 groups around a record are accepted, 64 are not")
    func depthLimit() throws {
        var workflow = Self.a
        for _ in 1..<WorkflowFlattening.depthMax { workflow = Workflow.group([workflow]) }
        _ = try WorkflowFlattening.flatten(workflow, with: JobEncoder())
        let deeper = Workflow.group([workflow])
        #expect(throws: WorkError.self) { try WorkflowFlattening.flatten(deeper, with: JobEncoder()) }
    }
}
