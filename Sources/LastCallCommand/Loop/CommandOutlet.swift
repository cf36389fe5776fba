/// What the loop tells the task that runs a command.
final class CommandOutlet: Sendable {
    /// The leader's number, or why there is none; set once the program runs.
    let started = OneShot<Result<Int32, CommandError>>()
    /// The result, once the command has ended and is reaped.
    let result = OneShot<CommandResult>()
    /// The lines on their way.
    let lines: LineQueue

    init(readOn: @escaping @Sendable () -> Void) { lines = LineQueue(readOn: readOn) }

    /// Says that there is no program.
    func failedToStart(_ error: any Error) {
        let error = error as? CommandError ?? CommandError(.systemRefused, "\(error)")
        lines.end()
        started.set(.failure(error))
    }
}
