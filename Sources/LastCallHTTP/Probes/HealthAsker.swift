import LastCall
import LastCallConcurrency

/// Asks one provider, and never while it still works on an earlier question: a provider that hangs is asked once.
final class HealthAsker: Sendable {
    private let provider: HealthProvider
    private let clock: any Clock<Duration>
    /// The answer that is being waited for.
    private let outstanding = Mutex<Latch<HealthEntry>?>(nil)

    init(_ provider: HealthProvider, clock: any Clock<Duration>) {
        self.provider = provider
        self.clock = clock
    }

    /// The name of its entry.
    var name: String { provider.name }

    /// Asks, or waits for the answer that somebody else asked for; never longer than the provider's timeout.
    func ask() async -> HealthEntry {
        let answer = start()
        let result = Latch<HealthEntry>()
        let (clock, timeout) = (clock, provider.timeout)
        let waiting = UnstructuredTask.start {
            if let entry = try? await answer.wait() { result.open(entry) }  // cancelled: the time is over
        }
        let alarm = UnstructuredTask.start {
            try? await clock.sleep(for: timeout)  // cancelled once there is an answer, which came first then
            result.open(.failed("no answer within \(DurationText.format(timeout))"))
        }
        defer {
            waiting.cancel()
            alarm.cancel()
        }
        return await result.waitThroughCancellation()
    }

    private func start() -> Latch<HealthEntry> {
        let (answer, isNew) = outstanding.withLock { outstanding in
            if let outstanding { return (outstanding, false) }
            let answer = Latch<HealthEntry>()
            outstanding = answer
            return (answer, true)
        }
        guard isNew else { return answer }
        UnstructuredTask.start { [self] in
            let entry: HealthEntry
            do {
                entry = HealthEntry(isHealthy: true, values: try await provider.report())
            } catch {
                // What an error says may hold what nobody should read here.
                entry = .failed("\(type(of: error))")
            }
            outstanding.withLock { $0 = nil }
            answer.open(entry)
        }
        return answer
    }
}
