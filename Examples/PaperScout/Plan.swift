import LastCall

/// How long the stop may take, and what each stage gets of that.
///
/// Intake stops first: the poll is cancelled and commands are refused, so that nothing new comes while the queue is sent. The outbox
/// follows with most of the time, and the store last, because the others write to it to their end.
struct Plan: Sendable, Hashable {
    /// The grace period.
    var grace = Duration.seconds(45)
    /// For commands in flight and the poll.
    var intake = Duration.seconds(5)
    /// For sending what is queued.
    var outbox = Duration.seconds(30)
    /// For the probes and the store.
    var close = Duration.seconds(5)

    /// The plan of a bot.
    ///
    /// - Throws: `LastCallError` where the stages do not fit the grace period, with the arithmetic.
    func shutdownPlan(
        _ scout: Scout, environment: [String: String] = ProcessEnvironment.current
    ) throws(LastCallError) -> ShutdownPlan {
        try ShutdownPlan(grace: .stated(grace), environment: environment) {
            Stage("intake", budget: intake) {
                scout.web.named("commands")
                scout.scheduler.named("scheduler")
            }
            Stage("outbox", budget: outbox) { scout.outbox.named("outbox") }
            Stage("close", budget: close) {
                scout.store.named("store")
                if let probes = scout.probes { probes.named("probes") }
            }
        }
    }
}
