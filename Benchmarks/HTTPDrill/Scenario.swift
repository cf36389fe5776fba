import LastCall
import LastCallConcurrency
import LastCallTesting

#if canImport(Glibc)
    import Glibc
#endif

/// One program that is stopped under load.
struct Scenario: Sendable {
    /// Its name in the table.
    let name: String
    /// What it speaks.
    var speaks = DrillProtocol.http1
    /// The target of the busy clients.
    var path = "/"
    /// Whether it has the drill's own routes.
    var hasOwnRoutes = true
    /// The signal that begins its graceful stop.
    var signal = SIGTERM
    /// Starts it on a port.
    var start: @Sendable (_ port: Int) throws -> ProgramUnderTest
    /// Starts what it needs behind it, which is not stopped.
    var backend: (@Sendable () throws -> ProgramUnderTest)?
    /// Starts its successor before it is stopped, where there is one.
    var successor: (@Sendable (_ port: Int) throws -> ProgramUnderTest)?
    /// Starts its successor only once it is gone, with the same socket.
    var startsSuccessorAfter = false

    /// How long a server may take to answer for the first time.
    private static let startMax = Duration.seconds(20)
    /// How long it may take to stop.
    private static let stopMax = Duration.seconds(25)

    /// Runs the drill once.
    func run(port: Int, keepAlive: Int, fresh: Int) async throws -> DrillResult {
        let backend = try backend?()
        defer { backend?.signalGroup(SIGKILL) }
        let program = try start(port)
        defer { program.signalGroup(SIGKILL) }
        let client = DrillClient(port: port, speaks: speaks)
        try await waitUntilServed(client, program)
        let next = startsSuccessorAfter ? nil : try successor?(port)
        defer { next?.signalGroup(SIGKILL) }
        if successor != nil && !startsSuccessorAfter { try await next?.line("listening") }
        let drill = Drill(
            client,
            load: .init(
                keepAlive: keepAlive, fresh: fresh, path: path, hasOwnRoutes: hasOwnRoutes,
                refusedIsLost: successor != nil))
        let exit = Exit()
        let later = Holder()
        var result = try await drill.run { signalled in
            let stopAt = ContinuousClock.now
            program.signal(signal)
            // Behind it: what is sent from now on is sent to a server that was told.
            signalled()
            let code = try await Self.exitCode(of: program)
            exit.set(after: .now - stopAt, code: code)
            guard let successor else { return }
            if startsSuccessorAfter {
                // The connections of this moment wait in the socket's queue.
                try await Task.sleep(for: .milliseconds(100))
                let next = try successor(port)
                later.set(next)
                try await next.line("listening")
            }
            try await Task.sleep(for: .milliseconds(700))
            if let next {
                // Rolling on: the first one's place is taken again, then the second one goes.
                let third = try start(port)
                later.set(third)
                try await third.line("listening")
                next.signal(signal)
                _ = try await Self.exitCode(of: next)
                try await Task.sleep(for: .milliseconds(500))
            }
        }
        later.stop()
        if ProcessEnvironment.current["DRILL_LOG"] != nil { say(program.output) }
        (result.exitAfter, result.exitCode) = exit.get()
        return result
    }

    private static func exitCode(of program: ProgramUnderTest) async throws -> Int32? {
        try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask { try await program.exit() }
            group.addTask {
                try await Task.sleep(for: stopMax)
                program.signalGroup(SIGKILL)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func waitUntilServed(_ client: DrillClient, _ program: ProgramUnderTest) async throws {
        let end = ContinuousClock.now + Self.startMax
        while ContinuousClock.now < end {
            var isServed = false
            do {
                try await client.withConnection { connection in
                    if case .answered = await connection.get(path) { isServed = true }
                }
            } catch is ConnectionGone {
                isServed = false
            }
            if isServed { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw DrillFailure("\(name) does not answer on port \(client.port):\n\(program.output)")
    }
}

/// How a program ended.
private final class Exit: Sendable {
    private let value = Mutex<(Duration?, Int32?)>((nil, nil))

    func set(after: Duration, code: Int32?) { value.withLock { $0 = (after, code) } }
    func get() -> (Duration?, Int32?) { value.withLock { $0 } }
}

/// A program that is started later.
private final class Holder: Sendable {
    private let value = Mutex<ProgramUnderTest?>(nil)

    func set(_ program: ProgramUnderTest) { value.withLock { $0 = program } }
    func stop() { value.withLock { $0 }?.signalGroup(SIGKILL) }
}
