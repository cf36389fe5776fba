import LastCall
import LastCallConcurrency
import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#endif

/// A real program over the library, driven by real signals from the tests.
///
/// The first argument names the scenario.
@main
struct Fixture {
    static func main() async throws {
        let signals = ProcessSignals.take()
        let scenario = CommandLine.arguments.dropFirst().first ?? "idle"
        switch scenario {
        case "before-run":
            say("before")
            // What a slow connection to a database looks like: nobody runs the lifecycle yet.
            try await blockUntil(fileExists: CommandLine.arguments[2])
            await run([idle("web")], signals: signals)
        case "never-runs":
            say("before")
            try await Task.sleep(for: .seconds(600))
        case "after-run":
            let plan = try ShutdownPlan { Stage("work") { Member("job") {} } }
            let receipt = await Lifecycle(plan, signals: signals).runUntilStopped()
            say("returned \(receipt.outcome.rawValue)")
            try await Task.sleep(for: .seconds(600))
        case "stopped-first":
            let lifecycle = Lifecycle(try ShutdownPlan { Stage("work") { idle("web") } }, signals: signals)
            lifecycle.stop()
            let receipt = await lifecycle.runUntilStopped()
            say("returned \(receipt.outcome.rawValue)")
            try await Task.sleep(for: .seconds(600))
        case "stubborn-stages":
            // So many that a hand-over, which gives each a second, lasts until somebody forces it.
            let plan = try ShutdownPlan {
                Stage("work") { stubborn("web") }
                for number in 1...30 { Stage("later-\(number)") { stubborn("later-\(number)") } }
            }
            await Lifecycle(plan, configuration: configuration(), signals: signals).runAndExit()
        case "returns-when-forced":
            let later = Member("later") {
                await withTaskCancellationHandler {
                    await withCheckedContinuation { (_: CheckedContinuation<Void, Never>) in }
                } onCancel: {
                    say("told later at last")
                }
            }
            let plan = try ShutdownPlan {
                Stage("work") { stubborn("web") }; Stage("close") { later }
            }
            let receipt = await Lifecycle(plan, configuration: configuration(), signals: signals).runUntilStopped()
            say("returned \(receipt.outcome.rawValue)")
            try await Task.sleep(for: .seconds(600))
        case "blocked-log", "blocked-log-at-the-deadline":
            let isLate = scenario != "blocked-log"
            await run(
                [idle("web")], last: isLate ? stubborn("store") : idle("store"), signals: signals,
                logger: Logger(label: "blocked") { _ in BlockedLog() })
        case "crash":
            let place = CommandLine.arguments[2]
            CrashPoint.listen { if $0 == place { kill(getpid(), SIGKILL) } }
            await run([idle("web")], signals: signals)
        default:
            await run(members(of: scenario), signals: signals)
        }
    }

    /// The members of a scenario.
    static func members(of scenario: String) -> [Member] {
        switch scenario {
        case "slow": [slow("web")]
        case "waits": [waiting("web", forFile: CommandLine.arguments[2])]
        case "hang": [hanging("web")]
        case "stubborn": [stubborn("web")]
        case "blocked-pool": [blocking("first"), blocking("second"), blocking("third")]
        case "stuck-ledger": [StuckLedger().named("ledger")]
        case "late-stuck-ledger": [StuckLedger(answers: 1).named("ledger")]
        case "long-error": [Member("job") { throw FixtureError(description: String(repeating: "\u{1}", count: 9000)) }]
        case "finite": [Member("job") {}]
        case "fails": [idle("web"), Member("job") { throw FixtureError() }]
        case "fails-draining": [failsDraining("web"), hanging("stuck")]
        case "steals-signals": [SignalThief().named("thief")]
        case "holds": [Holder().named("holder")]
        case "asks": [asking("web")]
        default: [idle("web")]
        }
    }

    /// Says what happens as it happens.
    static func configuration(logger: Logger = Logger(label: "lastcall")) -> Lifecycle.Configuration {
        Lifecycle.Configuration(name: "fixture", logger: logger) { event in
            switch event.kind {
            case .ready: say("ready")
            case .memberTold(let name, _): say("told \(name)")
            case .memberCancelled(let name): say("cancelled \(name)")
            case .causeNoted(let cause): say("noted \(cause.detail)")
            default: break
            }
        }
    }

    static func run(
        _ members: [Member], last: Member = idle("store"), signals: ProcessSignals,
        logger: Logger = Logger(label: "lastcall")
    ) async {
        do {
            let plan = try ShutdownPlan(grace: .detected(or: .seconds(5))) {
                Stage("work") { members }
                Stage("close") { last }
            }
            plan.printAndExitIfAsked()
            await Lifecycle(plan, configuration: configuration(logger: logger), signals: signals).runAndExit()
        } catch {
            say("\(error)")
            exit(ExitCode.configuration)
        }
    }

    /// Ends as soon as it is told.
    static func idle(_ name: String) -> Member { Member(name) { try await gracefulShutdown() } }

    /// Ends half a second after it was told, or at once when it is cancelled.
    static func slow(_ name: String) -> Member {
        Member(name) {
            try await gracefulShutdown()
            try await Task.sleep(for: .milliseconds(500))
            say("drained \(name)")
        }
    }

    /// Once it is told it waits for a file.
    static func waiting(_ name: String, forFile path: String) -> Member {
        Member(name) {
            try await gracefulShutdown()
            try await blockUntil(fileExists: path)
            say("drained \(name)")
        }
    }

    /// Ends when it is cancelled, never when it is told.
    static func hanging(_ name: String) -> Member { Member(name) { try await Task.sleep(for: .seconds(600)) } }

    /// Ends neither when it is told nor when it is cancelled.
    static func stubborn(_ name: String) -> Member {
        Member(name) { await withCheckedContinuation { (_: CheckedContinuation<Void, Never>) in } }
    }

    /// Takes a thread out of the concurrency pool and keeps it.
    static func blocking(_ name: String) -> Member {
        Member(name) {
            say("blocking \(name)")
            sleep(600)
        }
    }

    /// Asks about the stop inside its handler, and in one that it registers late.
    static func asking(_ name: String) -> Member {
        Member(name) {
            await withGracefulShutdownHandler {
                _ = try? await gracefulShutdown()  // the cause is asked for below
                await withGracefulShutdownHandler {
                } onGracefulShutdown: {
                    say("late \(Shutdown.current?.cause?.detail ?? "nothing") \(Shutdown.current?.isStopping ?? false)")
                }
            } onGracefulShutdown: {
                say("handler \(Shutdown.current?.cause?.detail ?? "nothing") \(Shutdown.current?.isStopping ?? false)")
            }
        }
    }

    /// Throws once it is told.
    static func failsDraining(_ name: String) -> Member {
        Member(name) {
            try await gracefulShutdown()
            throw FixtureError()
        }
    }

    /// Writes a line at once, also where standard output is a pipe.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    static func blockUntil(fileExists path: String) async throws {
        while access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
    }
}

/// What the failing members throw.
struct FixtureError: Error, CustomStringConvertible {
    var description = "the fixture failed on purpose"
}

/// A log whose reader has stopped reading, from the stop on.
struct BlockedLog: LogHandler {
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        if event.level >= .notice { sleep(600) }
    }
}

/// A member whose ledger answers so many times and never again.
final class StuckLedger: Service, LedgerReporting {
    private let answers: Mutex<Int>

    init(answers: Int = 0) { self.answers = Mutex(answers) }

    func run() async throws { try await gracefulShutdown() }
    var ledger: Ledger {
        let isAnswered = answers.withLock { answers in
            defer { answers -= 1 }
            return answers > 0
        }
        if !isAnswered { sleep(600) }
        return Ledger()
    }
    func heldItems(itemsMax: Int) -> [LedgerItem] { [] }
}

/// A member that holds three things, finishes one of them during the stop, and takes one more.
struct Holder: Service, LedgerReporting {
    let gate = InFlightGate()

    func run() async throws {
        let first = try gate.enter { "report 1" }
        let second = try gate.enter { "GET /export?token=secret" }
        let third = try gate.enter { "report 3" }
        Fixture.say("holding")
        try await gracefulShutdown()
        let fourth = try gate.enter { "report 4" }
        fourth.end(.kept)
        first.end(.done)
        withExtendedLifetime(second) {}
        try await Task.sleep(for: .seconds(600))
        third.end(.done)
    }

    var ledger: Ledger { gate.ledger }
    func heldItems(itemsMax: Int) -> [LedgerItem] { gate.heldItems(itemsMax: itemsMax) }
    func cutItems(itemsMax: Int) -> [LedgerItem] { gate.cutItems(itemsMax: itemsMax) }
}

/// A member that installs signal handlers of its own, as an inner `runService()` does.
struct SignalThief: Service {
    func run() async throws {
        try await ServiceGroup(
            services: [Inner()], gracefulShutdownSignals: [.sigterm], logger: Logger(label: "inner")
        ).run()
    }

    /// The inner group's service.
    struct Inner: Service {
        func run() async throws {
            Fixture.say("inner runs")
            try await gracefulShutdown()
        }
    }
}
