/// The keys of one element of a workflow file.
enum WorkflowKey: String, ConfigurationKey {
    case task, command, chain, group
    case arguments, each
    case key, queue, priority, delay, retries, timeout
    case then, policy, partialMembers, deadline
    case notify

    static let owner = "an element"
    static let prefix = ""

    /// The keys that say what an element is; exactly one of them is written.
    static let kinds: [WorkflowKey] = [.task, .command, .chain, .group]

    /// The keys that may stand beside this one, which says what the element is.
    ///
    /// - Parameter isEach: Whether `each` makes a group of a task.
    func companions(isEach: Bool) -> [WorkflowKey] {
        let job: [WorkflowKey] = [.key, .queue, .priority, .delay, .retries, .timeout]
        let group: [WorkflowKey] = [.then, .policy, .partialMembers, .deadline]
        return switch self {
        case .task: [.arguments, .each] + job + (isEach ? group : []) + [.notify]
        case .command: job + [.notify]
        case .group: group + [.notify]
        case .chain: [.notify]
        case .arguments, .each, .key, .queue, .priority, .delay, .retries, .timeout, .then, .policy,
            .partialMembers, .deadline, .notify:
            []
        }
    }

    var summary: String {
        switch self {
        case .task: "The task to run, by its name in the configuration."
        case .command: "A program and its arguments to run as they are: braces are braces."
        case .chain: "Elements that run one after another, each when the one before has succeeded or is partial."
        case .group: "Elements that run side by side."
        case .arguments: "The task's arguments by name."
        case .each: "Makes a group of the task: one member for each value of one argument."
        case .key: "Work with a key that is already waiting or running is not submitted a second time."
        case .queue: "The queue to wait in."
        case .priority: "Lower runs first."
        case .delay: "How long to wait before it may start, from the moment in which it could."
        case .retries: "How often a run that failed is tried again."
        case .timeout: "How long one run may take."
        case .then: "The element that runs when every member of the group has ended, and is told their results."
        case .policy:
            "When `then` runs: whatever became of the members, or only where every one succeeded or is partial."
        case .partialMembers: "Whether a member that was cut short counts as ended, or is waited for until it is whole."
        case .deadline: "How long the group waits for its members before it goes on with what there is."
        case .notify: "Who is sent a message when the whole workflow is over; beside its outermost element alone."
        }
    }

    var defaultValue: String {
        switch self {
        case .task, .command, .chain, .group: "exactly one of the four is required"
        case .arguments: "the task's defaults"
        case .each, .key, .then, .notify: "none"
        case .queue, .priority, .retries, .timeout: "the task's"
        case .delay: "`0s`"
        case .policy: "`always`"
        case .partialMembers: "`proceed`"
        case .deadline: "no limit"
        }
    }

    var unit: String {
        switch self {
        case .task, .queue: ConfigurationUnit.name
        case .command: ConfigurationUnit.argv
        case .chain: "list of at least one element"
        case .group: "list of elements"
        case .arguments: "mapping of values"
        case .each: "mapping"
        case .key: "text of at most 255 bytes"
        case .priority: "-100 to 100"
        case .delay: ConfigurationUnit.durationOrZero
        case .retries: "0 to 1000"
        case .timeout, .deadline: ConfigurationUnit.duration
        case .then: "element"
        case .policy: ConfigurationUnit.words(WorkflowFile.Policy.self)
        case .partialMembers: ConfigurationUnit.words(WorkflowFile.PartialMembers.self)
        case .notify: "mapping: `{through: TRANSPORT, to: DESTINATION, on: [failed]}`"
        }
    }
}

/// The keys below `each`.
enum EachKey: String, ConfigurationKey {
    case argument, values

    static let owner = "each"
    static let prefix = "each."

    var summary: String {
        switch self {
        case .argument: "The argument that differs from member to member."
        case .values: "Its values, one a member."
        }
    }

    var defaultValue: String { "required" }
    var unit: String { self == .argument ? "name of an argument" : "list of values" }
}
