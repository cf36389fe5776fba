import LastCall
import LastCallWork

// What people submit and ask for.
extension WorkSimulation {
    static let queues = ["q", "r"]

    /// Somebody submits a record, or a workflow.
    mutating func submit() {
        let workflow = random.chance(35) ? Workflow.record(draft(isSingle: true)) : self.workflow(depth: 3)
        let submission: Submission
        do { submission = try WorkflowFlattening.flatten(workflow, with: JobEncoder()) } catch {
            // A workflow without any record is refused.
            return
        }
        let before = tables.lastID
        let accepted: Acceptance? = transact(mayHaveChanged: { $0 != nil }) { tables, now in
            do throws(WorkError) {
                return try tables.accept([submission], payloadBytesMax: 100, at: now).first
            } catch { return nil }
        }
        guard let accepted else {
            count("refused")
            if tables.lastID != before { outcome.violations.append("what was refused was accepted") }
            return
        }
        note("submitted \(accepted.ids)\(accepted.isDuplicate ? ", a duplicate" : "")")
        if !accepted.dropped.isEmpty { count("dropped") }
        guard !accepted.isDuplicate else { return count("duplicate keys") }
        remember(submission, accepted.ids)
    }

    /// Remembers what has to be over before what.
    private mutating func remember(_ submission: Submission, _ ids: [WorkID]) {
        let first = groupCount + 1
        groupCount += Int64(submission.nodes.count)
        func node(_ place: Int) -> NodeID { NodeID(rawValue: first + Int64(place)) }
        for (place, draft) in submission.nodes.enumerated() {
            groups[node(place), default: Group()].before = draft.waitsForNode.map(node)
            groups[node(place), default: Group()].hasDeadline = draft.deadline != nil
            if let parent = draft.parent { groups[node(parent), default: Group()].groups.append(node(place)) }
        }
        for (id, draft) in zip(ids, submission.records) {
            if let parent = draft.node { groups[node(parent), default: Group()].records.append(id) }
        }
    }

    private mutating func workflow(depth: Int) -> Workflow {
        guard depth > 0, random.chance(75) else { return .record(draft(isSingle: false)) }
        let count = random.chance(12) ? 0 : Int.random(in: 1...3, using: &random)
        let elements = (0..<count).map { _ in workflow(depth: depth - 1) }
        if random.chance(45) { return .chain(elements) }
        let then = random.chance(65) ? workflow(depth: depth - 1) : nil
        return .group(
            elements, then: then, policy: random.chance(50) ? .all : .always,
            partialMembers: random.chance(30) ? .awaitRemainder : .proceed,
            deadline: random.chance(20) ? .seconds(Int.random(in: 1...60, using: &random)) : nil)
    }

    private mutating func draft(isSingle: Bool) -> RecordDraft {
        var draft = RecordDraft(kind: random.chance(60) ? "a" : "b")
        draft.queue = Self.queues[random.chance(60) ? 0 : 1]
        draft.priority = Int.random(in: -1...1, using: &random)
        if random.chance(20) { draft.delay = .seconds(Int.random(in: 1...20, using: &random)) }
        if random.chance(isSingle ? 75 : 4) {
            let scope = random.chance(80) ? UniqueKey.Scope.unfinished : .retained
            draft.key = UniqueKey("k\(Int.random(in: 0...1, using: &random))", scope: scope)
        }
        if random.chance(50) {
            draft.lane = random.chance(60) ? "l" : "m"
            if random.chance(50) {
                draft.laneTerms = LaneTerms(
                    waitingMax: Int.random(in: 1...2, using: &random), dropsOldest: random.chance(75),
                    refusesWhileOpen: random.chance(30))
            }
        }
        draft.attemptsMax = Int.random(in: 1...3, using: &random)
        draft.lossesMax = random.chance(20) ? nil : Int.random(in: 0...3, using: &random)
        draft.onLost = random.chance(70) ? .requeue : random.chance(50) ? .finalize : .fail
        if random.chance(isSingle ? 40 : 4), tables.lastID.rawValue > 0 {
            draft.waitsForRecord = randomID()
            draft.runsAfterFailure = random.chance(30)
        }
        return draft
    }

    private mutating func randomID() -> WorkID {
        WorkID(rawValue: Int64.random(in: 1...max(1, tables.lastID.rawValue), using: &random))
    }

    /// Somebody asks for something.
    mutating func personActs() {
        let id = randomID()
        let queue = Self.queues.randomElement(using: &random) ?? "q"
        let action: WorkAction =
            switch Int.random(in: 0..<100, using: &random) {
            case ..<25: .cancel([id])
            case ..<28: .cancelWorkflow(id)
            case ..<75: .retry([id])
            case ..<83: .pause(queue: queue)
            default: .resume(queue: queue)
            }
        if case .retry = action { perform(retryOf: id) } else { perform(action) }
    }

    private mutating func perform(_ action: WorkAction) {
        let result = transact { tables, now in tables.perform(action, at: now) }
        note("\(action): changed \(result.changed), asked \(result.asked)")
        if !result.changed.isEmpty || !result.asked.isEmpty { count("cancelled") }
    }

    private mutating func perform(retryOf id: WorkID) {
        // Known before it is checked, because what is over may go on only then.
        let isOver = tables.glimpse(id)?.facts.state.isTerminal ?? false
        if isOver { retries[id, default: 0] += 1 }
        let result = transact(mayHaveChanged: { !$0.changed.isEmpty }) { tables, now in
            tables.perform(.retry([id]), at: now)
        }
        if isOver != (result.changed == [id]) { outcome.violations.append("another try of \(id): \(result)") }
        if isOver { count("retried") }
        note("retry \(id): \(result.changed)")
    }
}
