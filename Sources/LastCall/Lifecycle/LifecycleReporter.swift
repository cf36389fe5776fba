import LastCallConcurrency
import Dispatch
import Logging

/// Says what happens: log, receipt files, terminal, systemd, metrics.
///
/// Most of it may block, and none may hold up another: the log has a thread (a pipe that nobody reads), the ledgers have one
/// (one that does not answer), the disk has one, and the last receipt gets one of its own. Nobody waits for them longer than
/// the reserve. What is sent to systemd does not block.
final class LifecycleReporter: Sendable {
    private let plan: ShutdownPlan
    private let logger: Logger
    /// How loud a failure is that began the stop: a supervisor, which has an exit code of its own, says itself what there is to say.
    private let failureLevel: Logger.Level
    /// Where the log is written, and metrics.
    private let outlet = SerialThread(name: "lastcall-report")
    /// Where ledgers are asked while the stop goes on.
    private let archive = SerialThread(name: "lastcall-receipt")
    /// Where provisional receipts are written.
    private let disk = SerialThread(name: "lastcall-disk")
    /// Whether the last receipt is written, or about to be; held while a file is written.
    private let isFinal = Mutex(false)
    private let files: [ReceiptFile]
    private let terminationFile: ReceiptFile?
    private let socket: NotifySocket?
    private let screen: ReceiptScreen
    private let metrics: StopMetrics
    private let heartbeat = Mutex<Task<Void, Never>?>(nil)
    private let noteList: Mutex<[String]>
    private let signalCheck = Watchdog.shared.makeAlarm()
    /// How often the signal handlers are looked at.
    private static let signalCheckInterval = Duration.seconds(1)

    init(plan: ShutdownPlan, configuration: Lifecycle.Configuration) {
        self.failureLevel = configuration.exitCode == nil ? .error : .notice
        self.plan = plan
        self.logger = configuration.logger
        self.files = configuration.receiptPath.map { [ReceiptFile(path: $0)] } ?? []
        let settings = EnvironmentSettings(configuration.environment)
        let terminationPath = settings.text(.terminationLog) ?? plan.platform.terminationMessagePath
        self.terminationFile = terminationPath.map { ReceiptFile(path: $0, isInPlace: true) }
        self.socket = NotifySocket(environment: configuration.environment)
        self.screen = ReceiptScreen(
            display: configuration.showsReceipt, isShown: configuration.showsReceiptOf,
            isColourless: settings.text(.noColor) != nil)
        self.metrics = StopMetrics(name: configuration.name)
        self.noteList = Mutex([])
    }

    /// Remarks for the receipt.
    var notes: [String] { noteList.withLock { $0 } }

    // MARK: Start

    func starting() {
        let explanation = plan.arithmetic.explanation
        if plan.arithmetic.isScaled {
            say(
                .warning,
                "the budgets do not fit the grace period and were scaled; state a longer one with LASTCALL_GRACE and in the deployment"
            ) { [plan] in ["plan": "\(explanation)", "platform": "\(plan.platform.name)"] }
        } else {
            say(.info, "starting") { [plan] in ["plan": "\(explanation)", "platform": "\(plan.platform.name)"] }
        }
        disk.perform { [self] in
            for file in files {
                attempt("receipt cannot be written; the service runs all the same") { try file.probe() }
            }
        }
    }

    func ready() {
        watchSignals()
        if let interval = socket?.watchdogInterval { startHeartbeat(every: interval) }
        say(.info, "ready")
        socket?.send(.ready)
    }

    /// A sign of life for systemd, from the concurrency pool, whose life it proves.
    private func startHeartbeat(every interval: Duration) {
        let task = UnstructuredTask.start { [self] in
            while !Task.isCancelled {
                socket?.send(.watchdog)
                do {
                    try await Task.sleep(for: interval)
                } catch {
                    // Cancelled: the stop is over.
                    return
                }
            }
        }
        heartbeat.withLock { $0 = task }
    }

    /// Looks at the handlers now and then: a member may install its own at any time.
    private func watchSignals() {
        reclaimSignals()
        Watchdog.shared.set(signalCheck, at: .now + Self.signalCheckInterval) { [weak self] in self?.watchSignals() }
    }

    /// Takes signals back that somebody else took, and says so once.
    private func reclaimSignals() {
        let lost = SignalCenter.shared.reclaim().map(ReceivedSignal.name(of:)).joined(separator: ", ")
        guard !lost.isEmpty else { return }
        let note =
            "the handler for \(lost) was replaced, as a ServiceGroup or runService() with signals does, and was taken back"
        let isNew = noteList.withLock { notes in
            let isNew = !notes.contains(note)
            if isNew { notes.append(note) }
            return isNew
        }
        if isNew { say(.error, "\(note)") }
    }

    // MARK: Stop

    func stopBegan(
        _ cause: ShutdownCause, receipt: @escaping @Sendable () -> Receipt, remaining: Duration,
        live: @escaping @Sendable () -> Receipt
    ) {
        // Announced first: an init that is not told in time kills.
        socket?.send(.stopping(atMost: remaining + plan.arithmetic.reserve))
        archive.perform { [self] in
            let receipt = receipt()
            outlet.perform { [self] in
                // Whoever hears of errors only has to hear why there is no service.
                let isFailure = [.startFailure, .memberFailed].contains(cause.kind)
                logger.log(
                    level: isFailure ? failureLevel : .notice, "stop began",
                    metadata: [
                        "cause": "\(cause)", "held": "\(receipt.totals.heldAtStop)", "deadline": "\(receipt.deadline)",
                    ])
                for member in receipt.stages.flatMap(\.members) {
                    guard let prediction = member.prediction else { continue }
                    logger.warning(
                        "not everything will make it",
                        metadata: ["member": "\(member.name)", "prediction": "\(prediction)"])
                }
                metrics.stopBegan(receipt)
            }
            writeProvisional(receipt, at: "stopBegan")
        }
        screen.begin(live)
    }

    func noted(_ cause: ShutdownCause) { say(.info, "told to stop again") { ["cause": "\(cause)"] } }

    func stageBegan(_ stage: Int) {
        let (name, budget) = (plan.stages[stage].name, plan.arithmetic.budgets[stage])
        guard !plan.stages[stage].members.isEmpty else { return }
        socket?.send(.status("Stopping \(name)"))
        say(.info, "stage stops") { ["stage": "\(name)", "budget": "\(DurationText.format(budget))"] }
    }

    func stageEnded(_ stage: Int, receipt: @escaping @Sendable () -> Receipt, remaining: Duration) {
        socket?.send(.extendTimeout(remaining + plan.arithmetic.reserve))
        archive.perform { [self] in
            let receipt = receipt()
            let report = receipt.stages[stage]
            outlet.perform { [self] in
                metrics.stageEnded(report)
                guard !report.members.isEmpty else { return }
                let members = report.members.map { "\($0.name) \($0.outcome.rawValue)" }.joined(separator: ", ")
                logger.info(
                    "stage stopped",
                    metadata: [
                        "stage": "\(report.name)", "seconds": "\(report.elapsedSeconds)", "members": "\(members)",
                    ])
            }
            writeProvisional(receipt, at: "stageEnded \(report.name)")
        }
    }

    /// Says once which members used up their time, and what they still hold.
    func overran(_ members: [Int], runs: [MemberRun]) {
        for member in members {
            say(.warning, "member used up its time and is cancelled") { [self] in holding(runs[member]) }
        }
    }

    func abandoned(_ members: [Int], runs: [MemberRun]) {
        for member in members {
            say(.error, "member did not end and is abandoned") { [self] in holding(runs[member]) }
        }
    }

    private func holding(_ run: MemberRun) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["member": "\(run.member.name)"]
        if let stage = plan.stages.firstIndex(where: { $0.members.contains { $0.name == run.member.name } }) {
            metadata["stage"] = "\(plan.stages[stage].name)"
            metadata["budget"] = "\(DurationText.format(plan.arithmetic.budgets[stage]))"
        }
        metadata["holds"] = run.ledger.map { "\($0.ledger.held)" } ?? "unknown"
        return metadata
    }

    /// The last words.
    ///
    /// Returns when they are said, or when `limit` has passed.
    func finished(_ receipt: Receipt, within limit: Duration) {
        heartbeat.withLock { $0?.cancel() }
        Watchdog.shared.set(signalCheck, at: nil) {}
        screen.end()
        // Three steps, each with its part of the time: what was to be said before, the files, the last words. None of them
        // can hold up the next for longer; the files are what is left if the log blocks.
        let isCaughtUp = DispatchSemaphore(value: 0)
        archive.perform { [disk] in disk.perform { isCaughtUp.signal() } }
        archive.end()
        _ = isCaughtUp.wait(timeout: .now() + .milliseconds(Int(limit.inSeconds * 200)))
        BoundedWork.run(within: limit * 2 / 5, runsHere: true) { [self] in writeFinal(receipt) }
        let isSaid = DispatchSemaphore(value: 0)
        outlet.perform { [self] in
            metrics.finished(receipt)
            // The screen last: a terminal that was stopped (Ctrl-S) holds up nothing but itself.
            log(receipt)
            screen.show(receipt)
            isSaid.signal()
        }
        _ = isSaid.wait(timeout: .now() + .milliseconds(Int(limit.inSeconds * 400)))
        outlet.end()
        disk.end()
    }

    private func log(_ receipt: Receipt) {
        let totals = receipt.totals
        for member in receipt.stages.flatMap(\.members) {
            for item in member.cutItems {
                logger.debug("cut", metadata: ["member": "\(member.name)", "item": "\(item.label)"])
            }
        }
        logger.notice(
            "stopped",
            metadata: [
                "cause": "\(receipt.cause)", "outcome": "\(receipt.outcome.rawValue)",
                "seconds": "\(receipt.elapsedSeconds)",
                "exitCode": "\(receipt.exitCode)", "held": "\(totals.heldAtStop)",
                "accepted": "\(totals.acceptedDuringStop)",
                "done": "\(totals.done)", "handedOver": "\(totals.handedOver)", "kept": "\(totals.kept)",
                "deadLettered": "\(totals.deadLettered)", "cut": "\(totals.cut)",
                "unaccounted": "\(totals.unaccounted)",
            ])
    }

    // MARK: Ways out

    /// Logs in order with everything else.
    ///
    /// - Parameter metadata: Asked for where a ledger that does not answer holds up no file and no signal.
    private func say(
        _ level: Logger.Level, _ message: Logger.Message,
        _ metadata: @escaping @Sendable () -> Logger.Metadata = { [:] }
    ) {
        archive.perform { [self] in
            let metadata = metadata()
            outlet.perform { [self] in logger.log(level: level, message, metadata: metadata) }
        }
    }

    private func writeProvisional(_ receipt: Receipt, at place: String) {
        disk.perform { [self] in
            // After the last stage the final receipt follows at once; until it is written the stop is not over.
            if receipt.outcome == .unfinished {
                isFinal.withLock { isFinal in
                    // Into a pipe or a log the last one goes alone: two would be no document.
                    for file in files where !isFinal && file.isReplaced {
                        attempt("provisional receipt could not be written") {
                            try file.write(try receipt.json() + "\n")
                        }
                    }
                }
            }
            CrashPoint.reached(place)
        }
    }

    private func writeFinal(_ receipt: Receipt) {
        CrashPoint.reached("finishing")
        if let terminationFile {
            attempt("termination message could not be written") { try terminationFile.write(try receipt.shortJSON()) }
        }
        isFinal.withLock { isFinal in
            isFinal = true
            for file in files { attempt("receipt could not be written") { try file.write(try receipt.json() + "\n") } }
        }
    }

    /// A report that fails is logged, and the stop goes on.
    private func attempt(_ what: Logger.Message, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            outlet.perform { [self] in logger.error(what, metadata: ["error": "\(error)"]) }
        }
    }
}
