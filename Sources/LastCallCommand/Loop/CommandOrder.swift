import LastCall

/// One command as the tasks around it address it: its number in the loop, and where the loop answers.
struct CommandOrder: Sendable {
    /// Its number in the loop.
    let number: UInt64
    /// The loop.
    let loop: CommandLoop
    /// Where the loop answers.
    let outlet: CommandOutlet

    init(loop: CommandLoop) {
        let number = loop.nextNumber()
        self.number = number
        self.loop = loop
        outlet = CommandOutlet { loop.post(.readOn(number)) }
    }

    /// Has the loop start it.
    ///
    /// Everything below may be called from now on, also before the program runs.
    func start(_ command: Command, plan: SpawnPlan, shutdown: Shutdown?) {
        loop.post(.start(number, command, plan, outlet, shutdown))
    }

    /// The process around the command was told to stop.
    func evict(isUrgent: Bool) { loop.post(.evicted(number, isUrgent: isUrgent)) }

    /// Stops it for another reason.
    func stop(_ reason: StopReason) { loop.post(.stop(number, reason)) }

    /// Sends SIGKILL now.
    func kill(_ reason: StopReason) { loop.post(.kill(number, reason)) }

    /// Has a later stop begin with this signal.
    func beginStop(with signal: Int32) { loop.post(.stopSignal(number, signal)) }

    /// Its owner sends a signal of their own.
    func signalled(_ signal: Int32) { loop.post(.signalled(number, signal)) }
}
