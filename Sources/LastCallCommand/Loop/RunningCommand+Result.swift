import LastCall

/// What was counted while a command ran.
struct CommandTally {
    /// What it wrote.
    var outputBytes = 0
    /// What of it was not handed on because of the output limit.
    var bytesDropped = 0
    /// How many lines were handed on.
    var lineCount = 0
    /// The most memory that was seen.
    var peakMemoryBytes = 0
}

// Putting the end into words.
extension RunningCommand {
    func makeResult(_ ending: CommandEnding, status: CommandExitStatus, duration: Duration) -> CommandResult {
        var result = CommandResult(outcome: outcome(ending, status), exitStatus: status)
        result.cause = ending.reason == .eviction ? shutdown?.cause : nil
        result.duration = duration
        result.stopDuration = ending.stoppedFor
        result.wasKilled = ending.wasKilled && (ending.reason != nil || !status.isLoss)
        result.outputBytes = tally.outputBytes
        result.peakMemoryBytes = tally.peakMemoryBytes
        result.lineCount = tally.lineCount
        result.linesCut = splitters.values.reduce(0) { $0 + $1.linesCut }
        result.bytesDropped =
            tally.bytesDropped + outlet.lines.bytesDiscarded + splitters.values.reduce(0) { $0 + $1.bytesDropped }
        result.warnings = warnings(ending, result)
        return result
    }

    private func outcome(_ ending: CommandEnding, _ status: CommandExitStatus) -> CommandOutcome {
        if let reason = ending.reason { return .stopped(reason) }
        if status.isLoss { return .lost }
        return command.okExitCodes.contains(status.shellCode) ? .succeeded : .failed
    }

    private func warnings(_ ending: CommandEnding, _ result: CommandResult) -> [String] {
        var warnings: [String] = []
        if let reason = ending.reason {
            warnings.append("cut short by \(reason)" + (detail(of: reason, result).map { ": \($0)" } ?? ""))
        } else if result.exitStatus == .signalled(9) {
            warnings.append("lost: ended by a SIGKILL that was not ours, as when memory runs out")
        } else if result.exitStatus == .unknown {
            warnings.append("lost: somebody else in this process took its exit status, as waitpid(-1) does")
        }
        if ending.isAbandoned {
            warnings.append(
                "process \(process.pid) or one that it started did not end after SIGKILL and was left behind")
        } else if result.wasKilled {
            warnings.append("killed: something of it did not end in the time that it was given")
        }
        if result.linesCut > 0 {
            warnings.append("\(result.linesCut) lines were cut")
        }
        return warnings
    }

    private func detail(of reason: StopReason, _ result: CommandResult) -> String? {
        switch reason {
        case .eviction: result.cause?.description ?? "graceful shutdown"
        case .timeout: command.limits.time.map { "ran longer than \(DurationText.format($0))" }
        case .memory:
            "held \(result.peakMemoryBytes) bytes of \(command.limits.memoryBytes ?? 0) allowed"
        case .outputLimit: "wrote \(result.outputBytes) bytes of \(command.limits.outputBytes ?? 0) allowed"
        case .signalled: result.signal.map { "signal \($0)" }
        default: nil
        }
    }
}
