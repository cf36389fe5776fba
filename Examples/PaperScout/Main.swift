import LastCall
import LastCallWork
import Logging

#if canImport(Glibc)
    import Glibc
#endif

/// A bot that polls an index of papers and tells those who follow an author or a paper what is new, each once it was accepted, whatever
/// happens to its process.
@main
struct Main {
    /// Runs until it is told to stop.
    static func main() async {
        let signals = ProcessSignals.take()
        let logger = Logger(label: "paperscout")
        let environment = ProcessEnvironment.current
        #if DEBUG
            CrashHook.listen(environment)
        #endif
        do {
            let settings = try Settings(environment)
            let scout = try await Scout(settings, logger: logger)
            let plan = try settings.plan.shutdownPlan(scout, environment: environment)
            await Lifecycle(plan, configuration: .init(name: "paperscout", logger: logger), signals: signals)
                .runAndExit()
        } catch {
            logger.critical("cannot start", metadata: ["why": "\(error)"])
            exit(isConfiguration(error) ? ExitCode.configuration : ExitCode.failure)
        }
    }

    /// Whether only a person can mend it, so that another start would fail too; a disk that is full or a lock is over one day.
    private static func isConfiguration(_ error: any Error) -> Bool {
        switch error {
        case is Settings.Problem, is LastCallError: true
        case let error as WorkError: error.code == .invalidConfiguration
        default: false
        }
    }
}
