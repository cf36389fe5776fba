import Dispatch
import Logging

/// Says what happens: log, receipt files, terminal, systemd, metrics.
///
/// All of it may block (a pipe that nobody reads, a slow disk), so all of it runs on a thread of its own, and nobody waits for
/// that thread longer than the reserve.
final class LifecycleReporter: Sendable {
    private let plan: ShutdownPlan
    private let logger: Logger
    private let outlet = SerialThread(name: "lastcall-report")
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
        let isScaled = plan.arithmetic.isScaled
        outlet.perform { [self] in
            let metadata: Logger.Metadata = ["plan": "\(explanation)", "platform": "\(plan.platform.name)"]
            if isScaled {
                logger.warning(
                    "the budgets do not fit the grace period and were scaled; state a longer one with LASTCALL_GRACE and in the deployment",
                    metadata: metadata)
            } else {
                logger.info("starting", metadata: metadata)
            }
            for file in files {
                attempt("receipt cannot be written; the service runs all the same") { try file.probe() }
            }
        }
    }

    func ready() {
        watchSignals()
        if let interval = socket?.watchdogInterval { startHeartbeat(every: interval) }
        outlet.perform { [self] in
            logger.info("ready")
            socket?.send(.ready)
        }
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

    /// Takes signals back that somebody else took, and says so.
    private func reclaimSignals() {
        let lost = SignalCenter.shared.reclaim().map(ReceivedSignal.name(of:)).joined(separator: ", ")
        guard !lost.isEmpty else { return }
        let note =
            "the handler for \(lost) was replaced, as a ServiceGroup or runService() with signals does, and was taken back"
        noteList.withLock { $0.append(note) }
        outlet.perform { [self] in logger.error("\(note)") }
    }

    // MARK: Stop

    func stopBegan(
        _ cause: ShutdownCause, receipt: @escaping @Sendable () -> Receipt, remaining: Duration,
        live: @escaping @Sendable () -> Receipt
    ) {
        outlet.perform { [self] in
            let receipt = receipt()
            // Announced first: an init that is not told in time kills.
            socket?.send(.stopping(atMost: remaining + plan.arithmetic.reserve))
            logger.notice(
                "stop began",
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
            writeProvisional(receipt)
            CrashPoint.reached("stopBegan")
        }
        screen.begin(live)
    }

    func noted(_ cause: ShutdownCause) {
        outlet.perform { [self] in logger.info("told to stop again", metadata: ["cause": "\(cause)"]) }
    }

    func stageBegan(_ stage: Int) {
        let (name, budget) = (plan.stages[stage].name, plan.arithmetic.budgets[stage])
        guard !plan.stages[stage].members.isEmpty else { return }
        outlet.perform { [self] in
            logger.info("stage stops", metadata: ["stage": "\(name)", "budget": "\(DurationText.format(budget))"])
            socket?.send(.status("Stopping \(name)"))
        }
    }

    func stageEnded(_ stage: Int, receipt: @escaping @Sendable () -> Receipt, remaining: Duration) {
        outlet.perform { [self] in
            let receipt = receipt()
            let report = receipt.stages[stage]
            if !report.members.isEmpty {
                logger.info(
                    "stage stopped",
                    metadata: [
                        "stage": "\(report.name)", "seconds": "\(report.elapsedSeconds)",
                        "members":
                            "\(report.members.map { "\($0.name) \($0.outcome.rawValue)" }.joined(separator: ", "))",
                    ])
            }
            socket?.send(.extendTimeout(remaining + plan.arithmetic.reserve))
            metrics.stageEnded(report)
            writeProvisional(receipt)
            CrashPoint.reached("stageEnded \(report.name)")
        }
    }

    /// Says once which members used up their time, and what they still hold.
    func overran(_ members: [Int], runs: [MemberRun]) {
        guard !members.isEmpty else { return }
        outlet.perform { [self] in
            for member in members {
                logger.warning("member used up its time and is cancelled", metadata: holding(runs[member]))
            }
        }
    }

    func abandoned(_ members: [Int], runs: [MemberRun]) {
        guard !members.isEmpty else { return }
        outlet.perform { [self] in
            for member in members {
                logger.error("member did not end and is abandoned", metadata: holding(runs[member]))
            }
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
        let done = DispatchSemaphore(value: 0)
        outlet.perform { [self] in
            CrashPoint.reached("finishing")
            // The files first: they are what is left if the log blocks.
            for file in files { attempt("receipt could not be written") { try file.write(try receipt.json() + "\n") } }
            if let terminationFile {
                attempt("termination message could not be written") {
                    try terminationFile.write(try receipt.shortJSON())
                }
            }
            metrics.finished(receipt)
            screen.show(receipt)
            log(receipt)
            done.signal()
        }
        outlet.end()
        _ = done.wait(timeout: .now() + .milliseconds(Int(limit.inSeconds * 1000)))
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

    private func writeProvisional(_ receipt: Receipt) {
        // After the last stage the final receipt follows at once; until it is written the stop is not over.
        guard receipt.outcome == .unfinished else { return }
        for file in files {
            attempt("provisional receipt could not be written") { try file.write(try receipt.json() + "\n") }
        }
    }

    /// A report that fails is logged, and the stop goes on.
    private func attempt(_ what: String, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            logger.error("\(what)", metadata: ["error": "\(error)"])
        }
    }
}
