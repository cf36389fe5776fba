/// The keys of one task.
enum TaskKey: String, ConfigurationKey {
    case command, description, defaults, env, cwd
    case queue, priority, timeout, memory, outputLimit, okExit
    case retries, backoff, onEviction, onLost, lossesMax, killAfter
    case notify

    static let owner = "a task"
    static let prefix = "tasks.NAME."

    var summary: String {
        switch self {
        case .command:
            "The program and its arguments, never through a shell. `{name}` is replaced by an argument, `{name...}` alone by a list of them; `{{` and `}}` are braces."
        case .description: "What the task is for; shown to people."
        case .defaults:
            "Values of arguments that a submitter may leave out, by name: a text, a number or a list of them."
        case .env:
            "Variables beside the worker's own, by name; may hold `{name}`, and no value (`~`) removes a variable."
        case .cwd: "The directory in which the program starts. A relative path counts from this file."
        case .queue: "The queue that jobs of this task wait in."
        case .priority: "Lower runs first, as with nice(1)."
        case .timeout: "How long one run may take; then it is stopped, and what it wrote is kept."
        case .memory: "How much memory its whole process tree may hold; then it is stopped, and what it wrote is kept."
        case .outputLimit:
            "How much it may write to both streams together; then it is stopped, and what it wrote is kept."
        case .okExit: "Exit codes that mean success."
        case .retries: "How often a run that failed is tried again. Evictions and lost workers do not count."
        case .backoff: "How long to wait before a retry: the wait before the first one, or a mapping."
        case .onEviction:
            "What happens when the worker is told to stop: let it finish, end it and keep what it wrote, run it again elsewhere, or go on elsewhere from its checkpoint."
        case .onLost:
            "What happens when the worker dies with it, or somebody else kills it with SIGKILL, as the kernel does when memory runs out: run it again, keep what it wrote, or fail."
        case .lossesMax: "After how many lost workers the job is given up as dead; 0 and 1 both mean after the first."
        case .killAfter: "How long after SIGTERM what is left of the process tree gets SIGKILL; 0s kills at once."
        case .notify: "Who is sent a message when a job of this task is over for good."
        }
    }

    var defaultValue: String {
        switch self {
        case .command: "required"
        case .description, .defaults, .env, .notify: "none"
        case .cwd: "the directory of this file"
        case .queue: "`default`"
        case .priority, .retries: "`0`"
        case .timeout, .memory, .outputLimit: "no limit"
        case .okExit: "`[0]`"
        case .backoff: "`1s`, doubled each time, at most `1h`"
        case .onEviction: "`finalize`"
        case .onLost: "`requeue`"
        case .lossesMax: "`3`"
        case .killAfter: "`10s`"
        }
    }

    var unit: String {
        switch self {
        case .command: ConfigurationUnit.argv
        case .description: "text"
        case .defaults: "mapping of values"
        case .env: "mapping of texts"
        case .cwd: "path"
        case .queue: ConfigurationUnit.name
        case .priority: "-100 to 100"
        case .timeout: ConfigurationUnit.duration
        case .memory: ConfigurationUnit.size + ", at least 1MiB"
        case .outputLimit: ConfigurationUnit.size
        case .okExit: "exit codes from 0 to 255, a list or one"
        case .retries: "0 to 1000"
        case .backoff: "\(ConfigurationUnit.durationOrZero), or a mapping"
        case .onEviction: ConfigurationUnit.words(TaskDefinition.EvictionPolicy.self)
        case .onLost: ConfigurationUnit.words(TaskDefinition.LossPolicy.self)
        case .lossesMax: "0 to 1000, or `unlimited`"
        case .killAfter: ConfigurationUnit.durationOrZero
        case .notify: "mapping: `{through: TRANSPORT, to: DESTINATION, on: [failed]}`"
        }
    }
}
