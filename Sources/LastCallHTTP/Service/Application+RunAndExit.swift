public import Hummingbird
public import LastCall
import Logging

extension ApplicationProtocol {
    /// Runs the application until the process is told to stop, loses no request, and exits as the receipt says.
    ///
    /// ```swift
    /// await app.runAndExit()      // instead of: try await app.runService()
    /// ```
    ///
    /// It is a plan of three stages: the application as an ``HTTPService``, the background work of its requests, and the probes. Write the
    /// plan yourself where there is more to stop. Call `ProcessSignals.take()` in the first line of `main` and pass what it returns, so
    /// that a signal during the start is heard too.
    ///
    /// - Parameters:
    ///   - signals: The process's signals.
    ///   - grace: How the grace period is found.
    ///   - listener: Where to listen; the application's own address by default.
    ///   - connectionProtocol: What to speak.
    ///   - configuration: Delays, limits, hooks.
    ///   - probes: Answers liveness and readiness, where there is one.
    /// - Returns: Never; the exit code is the receipt's, and 78 where the plan does not fit its grace period.
    public func runAndExit(
        signals: ProcessSignals = .take(), grace: ShutdownPlan.Grace = .detected(), listener: Listener = .application,
        speaking connectionProtocol: ConnectionProtocol = .application,
        configuration: HTTPService.Configuration = HTTPService.Configuration(), probes: Probes? = nil
    ) async -> Never {
        let service = HTTPService(
            self, listener: listener, speaking: connectionProtocol, configuration: configuration)
        do {
            let plan = try ShutdownPlan(grace: grace, environment: configuration.environment) {
                Stage("web") { service.named("web") }
                Stage("background") { service.background.named("background") }
                if let probes { Stage("probes") { probes.named("probes") } }
            }
            let lifecycle = Lifecycle(
                plan, configuration: .init(logger: logger, environment: configuration.environment), signals: signals)
            await lifecycle.runAndExit()
        } catch {
            logger.critical("the plan is refused", metadata: ["why": "\(error)"])
            ProcessExit.now(ExitCode.configuration)
        }
    }
}
