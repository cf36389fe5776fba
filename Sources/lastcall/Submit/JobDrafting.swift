import LastCall
import LastCallWork

/// Makes records of what was submitted: what the tasks of a configuration say, and what the submitter says otherwise.
struct JobDrafting: Sendable {
    /// The tasks, where they are known; otherwise a worker's configuration decides about all but what is stored.
    let configuration: WorkConfiguration?
    /// The directory in which commands start.
    let directory: String
    /// The job that has to end first.
    var after: WorkID?

    /// The workflow of an element.
    func workflow(_ element: WorkflowFile.Element) -> Workflow { workflow(element, after: after) }

    /// The record of an element that is a single job; `nil` for others.
    func draft(_ element: WorkflowFile.Element) -> RecordDraft? {
        switch element {
        case .task(let call): draft(call, after: after)
        case .command(let call): draft(call, after: after)
        case .chain, .group: nil
        }
    }

    /// What waits for nothing else of the workflow waits for the job that has to end first.
    private func workflow(_ element: WorkflowFile.Element, after: WorkID?) -> Workflow {
        switch element {
        case .task(let call): return .record(draft(call, after: after))
        case .command(let call): return .record(draft(call, after: after))
        case .chain(let elements):
            return .chain(elements.enumerated().map { workflow($0.element, after: $0.offset == 0 ? after : nil) })
        case .group(let group):
            return .group(
                group.members.map { workflow($0, after: after) }, then: group.callback.map { workflow($0, after: nil) },
                policy: group.policy == .all ? .all : .always,
                partialMembers: group.partialMembers == .proceed ? .proceed : .awaitRemainder, deadline: group.deadline)
        }
    }

    private func draft(_ call: WorkflowFile.TaskCall, after: WorkID?) -> RecordDraft {
        var draft = RecordDraft(kind: call.name, payload: PayloadJSON.encode(TaskPayload(arguments: call.arguments)))
        if let task = configuration?.tasks[call.name] {
            draft.queue = task.queue
            draft.priority = task.priority
            draft.attemptsMax = task.retries + 1
            draft.lossesMax = task.lossesMax
            draft.onLost = task.lossPolicy
            if let notify = task.notify { draft.followers = [Notification.draft(notify, of: call.name)] }
        }
        apply(call.options, after, to: &draft)
        return draft
    }

    private func draft(_ call: WorkflowFile.CommandCall, after: WorkID?) -> RecordDraft {
        var draft = RecordDraft(
            kind: TaskDefinition.reservedName,
            payload: PayloadJSON.encode(CommandPayload(command: call.argv, cwd: directory)))
        apply(call.options, after, to: &draft)
        return draft
    }

    private func apply(_ options: WorkflowFile.Options, _ after: WorkID?, to draft: inout RecordDraft) {
        EnqueueOptions(
            queue: options.queue, priority: options.priority, delay: options.delay,
            key: options.key.map { UniqueKey($0) },
            attemptsMax: options.retries.map { $0 + 1 }, timeout: options.timeout, after: after
        ).apply(to: &draft)
    }
}

extension WorkflowFile.Element {
    /// What a message calls it.
    var title: String {
        switch self {
        case .task(let call): call.name
        case .command(let call): call.argv.first ?? TaskDefinition.reservedName
        case .chain, .group: "workflow"
        }
    }

    /// How many jobs it holds, callbacks included.
    var jobCount: Int {
        switch self {
        case .task, .command: 1
        case .chain(let elements): elements.reduce(0) { $0 + $1.jobCount }
        case .group(let group): group.members.reduce(group.callback?.jobCount ?? 0) { $0 + $1.jobCount }
        }
    }

    /// The jobs whose end is its end, by their places among its jobs: its last ones, or a group's callback.
    var lastJobs: [Int] {
        switch self {
        case .task, .command: return [0]
        case .chain(let elements):
            guard let last = elements.last else { return [] }
            let before = elements.dropLast().reduce(0) { $0 + $1.jobCount }
            return last.lastJobs.map { $0 + before }
        case .group(let group):
            let count = group.members.reduce(0) { $0 + $1.jobCount }
            if let callback = group.callback { return callback.lastJobs.map { $0 + count } }
            var (places, before): ([Int], Int) = ([], 0)
            for member in group.members {
                places += member.lastJobs.map { $0 + before }
                before += member.jobCount
            }
            return places
        }
    }

    /// Adds what is wrong with its tasks and arguments.
    func report(to problems: ConfigurationProblems, with configuration: WorkConfiguration) {
        var rest = [self]
        while let element = rest.popLast() {
            switch element {
            case .command: continue
            case .chain(let elements): rest += elements.reversed()
            case .group(let group): rest += (group.callback.map { [$0] } ?? []) + group.members.reversed()
            case .task(let call):
                let line = call.line > 0 ? call.line : nil
                if let task = configuration.tasks[call.name] {
                    task.report(on: call.arguments, to: problems, line: line)
                } else {
                    var error = configuration.unknownTask(call.name)
                    error.line = line
                    problems.add(error)
                }
            }
        }
    }
}
