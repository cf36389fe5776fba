/// What `lastcall submit FILE` reads: tasks and commands, one after another and side by side.
///
/// A plain value; whoever submits it turns it into work.
struct WorkflowFile: Sendable, Hashable {
    /// A part of a workflow.
    indirect enum Element: Sendable, Hashable {
        /// A task of the configuration.
        case task(TaskCall)
        /// A program with its arguments.
        case command(CommandCall)
        /// Elements that run one after another; at least one.
        case chain([Element])
        /// Elements that run side by side.
        case group(Group)
    }

    /// A task with its arguments.
    struct TaskCall: Sendable, Hashable {
        /// The task's name.
        var name: String
        /// Its arguments by name, without the task's defaults.
        var arguments: [String: ArgumentValue] = [:]
        /// How it is treated.
        var options = Options()
        /// The line it begins on.
        var line: Int
    }

    /// A program with its arguments.
    struct CommandCall: Sendable, Hashable {
        /// The program and its arguments; at least the program.
        var argv: [String]
        /// How it is treated.
        var options = Options()
        /// The line it begins on.
        var line: Int
    }

    /// How one job is treated; `nil` is as its task says.
    struct Options: Sendable, Hashable {
        /// What keeps it from being submitted twice.
        var key: String?
        /// The queue it waits in.
        var queue: String?
        /// From -100 to 100; lower runs first.
        var priority: Int?
        /// How long it waits before it may start.
        var delay: Duration?
        /// How many retries follow the first attempt.
        var retries: Int?
        /// How long one run may take.
        var timeout: Duration?
    }

    /// Elements that run side by side, and what follows them.
    struct Group: Sendable, Hashable {
        /// The elements; a group without any ends at once.
        var members: [Element]
        /// What runs when all of them have ended, and is told their results.
        var callback: Element?
        /// When the callback runs.
        var policy = Policy.always
        /// What a member that was cut short counts as.
        var partialMembers = PartialMembers.proceed
        /// How long the members are waited for.
        var deadline: Duration?
    }

    /// When a group goes on.
    enum Policy: String, CaseIterable, Sendable {
        /// Whatever became of its members.
        case always
        /// Only where all of them succeeded or are partial.
        case all
    }

    /// What a member that was cut short counts as.
    enum PartialMembers: String, CaseIterable, Sendable {
        /// It has ended.
        case proceed
        /// It is waited for until it is whole.
        case awaitRemainder
    }

    /// The file, as it was named.
    let file: String
    /// The whole of it.
    let root: Element
    /// How many jobs it holds, callbacks included.
    let jobCount: Int
    /// Who is told when all of it is over.
    var notify: NotifyDefinition?

    /// The most levels that elements may be nested.
    static let depthMax = 32
    /// The most jobs of one file.
    static let jobsMax = 100_000
}
