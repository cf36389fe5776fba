import LastCallConcurrency
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// What was seen in one drill.
struct DrillResult: Sendable {
    /// The kinds of clients.
    enum Class: String, CaseIterable, Sendable {
        case reused, fresh, slow, stream, upload = "late body", halfHead = "half head", idle, silent
    }

    /// What one class saw.
    struct Tally: Sendable {
        /// Requests that were answered.
        var answered = 0
        /// Of these, those whose request was sent after the signal.
        var sentAfter = 0
        /// Of those, answers that said that the connection closes.
        var told = 0
        /// Requests of which nothing was sent.
        var refused = 0
        /// Requests that the server disclaimed.
        var turnedAway = 0
        /// Requests that were lost.
        var lost: [Outcome.Loss: Int] = [:]

        /// How many were lost.
        var lostCount: Int { lost.values.reduce(0, +) }
    }

    /// By class.
    var tallies: [Class: Tally] = [:]
    /// How long after the signal a new connection was still answered.
    var takenFor = Duration.zero
    /// How long after the signal the process was gone.
    var exitAfter: Duration?
    /// Its exit code.
    var exitCode: Int32?

    /// Adds another run's.
    mutating func add(_ other: DrillResult) {
        for (key, tally) in other.tallies {
            var sum = tallies[key] ?? Tally()
            sum.answered += tally.answered
            sum.sentAfter += tally.sentAfter
            sum.told += tally.told
            sum.refused += tally.refused
            sum.turnedAway += tally.turnedAway
            sum.lost.merge(tally.lost, uniquingKeysWith: +)
            tallies[key] = sum
        }
        takenFor = max(takenFor, other.takenFor)
        exitAfter = max(exitAfter ?? .zero, other.exitAfter ?? .zero)
        if exitCode == nil || other.exitCode != 0 { exitCode = other.exitCode }
    }
}

/// Loads a server with every class of clients while somebody stops it.
final class Drill: Sendable {
    /// How many clients, and where they go.
    struct Load: Sendable {
        var keepAlive = 64
        var fresh = 16
        /// The target of the busy ones.
        var path = "/"
        /// Targets that only the drill's own server has.
        var hasOwnRoutes = true
        /// Whether a refused connection is a loss, because somebody else should listen.
        var refusedIsLost = false
    }

    private struct State {
        var result = DrillResult()
        var signalAt: ContinuousClock.Instant?
        var isOver = false
        /// The waiting clients that are where they should be when the signal comes, or failed before.
        var ready: Set<DrillResult.Class> = []
    }

    private let client: DrillClient
    private let load: Load
    private let state = Mutex(State())

    init(_ client: DrillClient, load: Load) {
        self.client = client
        self.load = load
    }

    /// Runs the clients until they are done; `act` is called once they are busy, and says when they shall end.
    func run(_ act: @Sendable @escaping (_ signalled: @Sendable @escaping () -> Void) async throws -> Void) async throws
        -> DrillResult
    {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<load.keepAlive { group.addTask { await self.reuse() } }
            for _ in 0..<load.fresh { group.addTask { await self.freshly() } }
            var waiting = 2
            group.addTask { await self.idle() }
            group.addTask { await self.silent() }
            if load.hasOwnRoutes {
                group.addTask { await self.slow() }
                group.addTask { await self.stream() }
                group.addTask { await self.lateBody() }
                waiting += 3
            }
            if client.speaks == .http1 {
                group.addTask { await self.halfHead() }
                waiting += 1
            }
            let expected = waiting
            group.addTask {
                while self.state.withLock({ $0.ready.count < expected }) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                try await Task.sleep(for: .milliseconds(300))
                try await act { self.state.withLock { $0.signalAt = .now } }
                self.state.withLock { $0.isOver = true }
            }
            try await group.waitForAll()
        }
        return state.withLock { $0.result }
    }

    // MARK: Clients

    private var isOver: Bool { state.withLock { $0.isOver } }
    private var isSignalled: Bool { state.withLock { $0.signalAt != nil } }
    private func isReady(_ kind: DrillResult.Class) { state.withLock { _ = $0.ready.insert(kind) } }

    /// - Returns: Whether the connection can be used again.
    private func exchange(
        _ kind: DrillResult.Class, isNew: Bool = false, _ send: () async -> Outcome
    ) async -> Bool {
        let wasSignalled = isSignalled
        return note(await send(), kind, isNew: isNew, sentAfter: wasSignalled)
    }

    private func note(
        _ outcome: Outcome, _ kind: DrillResult.Class, isNew: Bool = false, sentAfter: Bool = false
    ) -> Bool {
        state.withLock { state in
            var tally = state.result.tallies[kind] ?? .init()
            defer { state.result.tallies[kind] = tally }
            switch outcome {
            case .answered(_, let saysClose):
                tally.answered += 1
                guard let signalAt = state.signalAt else { return !saysClose }
                if sentAfter {
                    tally.sentAfter += 1
                    // Who shares the load with a successor is not always the one who was told.
                    if saysClose { tally.told += 1 }
                }
                if isNew { state.result.takenFor = max(state.result.takenFor, .now - signalAt) }
                return !saysClose
            case .refused where !load.refusedIsLost: tally.refused += 1
            case .refused: tally.lost[.reset, default: 0] += 1
            case .turnedAway: tally.turnedAway += 1
            case .lost(let loss): tally.lost[loss, default: 0] += 1
            }
            return false
        }
    }

    /// Nobody listens any more, and nobody will: the client is done.
    private func isDone(after error: any Error, _ kind: DrillResult.Class) -> Bool {
        let outcome = (error as? ConnectionGone)?.outcome ?? .of(error, hasBegun: false)
        _ = note(outcome, kind)
        return isSignalled && !load.refusedIsLost
    }

    private func reuse() async {
        while !isOver {
            do {
                try await client.withConnection { connection in
                    while !self.isOver, await self.exchange(.reused, { await connection.get(self.load.path) }) {}
                }
            } catch  where isDone(after: error, .reused) {
                return
            } catch { continue }
        }
    }

    private func freshly() async {
        while !isOver {
            do {
                try await client.withConnection { connection in
                    _ = await self.exchange(.fresh, isNew: true) { await connection.get(self.load.path) }
                }
            } catch  where isDone(after: error, .fresh) {
                return
            } catch { continue }
        }
    }

    private func once(_ kind: DrillResult.Class, _ body: (any DrillConnection) async throws -> Void) async {
        do { try await client.withConnection(body) } catch { _ = isDone(after: error, kind) }
    }

    private func slow() async {
        isReady(.slow)
        // One after the other, so that one is always under way.
        while !isSignalled {
            await once(.slow) { connection in
                while !self.isSignalled, await self.exchange(.slow, { await connection.get("/slow") }) {}
            }
        }
    }

    private func stream() async {
        isReady(.stream)
        await once(.stream) { connection in _ = self.note(await connection.get("/stream"), .stream) }
    }

    private func lateBody() async {
        defer { isReady(.upload) }
        await once(.upload) { connection in
            let first: @Sendable () async throws -> String = { "first" }
            let second: @Sendable () async throws -> String = {
                // The first part is on its way.
                self.isReady(.upload)
                while !self.isSignalled { try await Task.sleep(for: .milliseconds(10)) }
                try await Task.sleep(for: .milliseconds(300))
                return "second"
            }
            _ = self.note(await connection.send("/upload", body: [first, second]), .upload)
        }
    }

    /// One request, and then nothing: whatever happens to the connection later, nothing is lost.
    private func idle() async {
        defer { isReady(.idle) }
        await once(.idle) { connection in
            _ = self.note(await connection.get(self.load.path), .idle)
            self.isReady(.idle)
            while !self.isOver { try await Task.sleep(for: .milliseconds(20)) }
        }
    }

    /// Connects and never says a word.
    private func silent() async {
        defer { isReady(.silent) }
        await withRawConnection { _, _ in
            self.isReady(.silent)
            while !self.isOver { try await Task.sleep(for: .milliseconds(20)) }
        }
    }

    /// Half of a request's head before the signal, and the rest after it.
    private func halfHead() async {
        defer { isReady(.halfHead) }
        await withRawConnection { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET \(self.load.path) HTTP/1.1\r\nHos"))
            self.isReady(.halfHead)
            while !self.isSignalled { try await Task.sleep(for: .milliseconds(10)) }
            try await Task.sleep(for: .milliseconds(300))
            var text = ""
            do {
                try await outbound.write(ByteBuffer(string: "t: 127.0.0.1\r\n\r\n"))
                for try await part in inbound {
                    text += String(buffer: part)
                    if text.contains("\r\n\r\n") && text.lowercased().contains("connection: close") { break }
                }
            } catch {
                _ = self.note(.of(error, hasBegun: !text.isEmpty), .halfHead)
                return
            }
            let saysClose = text.lowercased().contains("connection: close")
            _ = self.note(
                text.hasPrefix("HTTP/1.1 200") ? .answered(status: 200, saysClose: saysClose) : .lost(.closed),
                .halfHead)
        }
    }

    private func withRawConnection(
        _ body:
            @Sendable @escaping (
                NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>
            ) async throws -> Void
    ) async {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: client.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            try await channel.executeThenClose { try await body($0, $1) }
        } catch {
            // What a server does to somebody who says nothing is its own business.
            return
        }
    }
}
