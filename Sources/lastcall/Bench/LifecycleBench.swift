import ArgumentParser
import LastCall
import LastCallCommand

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall bench lifecycle`: what a gate costs beside a lock and an actor, and what a stop costs beside other init programs.
///
/// Every figure has its rival measured in the same run; what counts is the ratio.
struct LifecycleBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lifecycle",
        abstract: "The in-flight gate beside a lock and an actor; a supervised stop beside tini and dumb-init.")

    @Option(help: "How many entries a round measures for each thread.")
    var entries = 200_000

    @Option(help: "How many rounds are measured; the median counts.")
    var rounds = 9

    @Option(help: "How many stops are measured; the median counts.")
    var stops = 15

    func run() async throws {
        guard entries > 0, rounds > 0, stops > 0 else {
            throw ValidationError("--entries, --rounds and --stops must be above 0")
        }
        await gate()
        try await supervisors()
    }

    // MARK: Gate

    /// An actor as the rival: what most code would use.
    private actor Counter {
        private var held = 0

        func enter() { held += 1 }
        func leave() { held -= 1 }
    }

    /// The least that a lock can cost, as the rival to beat: the system's own.
    // Proof: `held` is touched with the mutex taken only, and both live as long as the object.
    private final class LockedCounter: @unchecked Sendable {
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        private var held = 0

        init() { pthread_mutex_init(mutex, nil) }

        deinit {
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
        }

        func add(_ count: Int) {
            pthread_mutex_lock(mutex)
            held += count
            pthread_mutex_unlock(mutex)
        }
    }

    private func gate() async {
        say("entering and leaving, nanoseconds a pair, the median of \(rounds) rounds (ratio to the pthread mutex)")
        for threads in [1, 2] {
            let (lock, gate, actor) = (LockedCounter(), InFlightGate(), Counter())
            var times: [[Double]] = [[], [], []]
            // In turns, so that whatever else the machine does falls on all of them; the first round only warms up.
            for round in 0...rounds {
                let lockTime = measure(threads: threads) {
                    lock.add(1)
                    lock.add(-1)
                }
                let gateTime = measure(threads: threads) {
                    guard let token = try? gate.enter() else { return }  // nobody closes this gate
                    token.end(.done)
                }
                let actorTime = await measureTasks(threads) {
                    await actor.enter()
                    await actor.leave()
                }
                guard round > 0 else { continue }
                for (index, time) in [lockTime, gateTime, actorTime].enumerated() { times[index].append(time) }
            }
            let medians = times.map { Self.median($0) }
            let figures = zip(["mutex", "gate", "actor"], medians).map { name, time in
                "\(name) \(Self.rounded(time)) (\(Self.rounded(time / medians[0])))"
            }
            say("  \(threads) thread\(threads == 1 ? " " : "s")  \(figures.joined(separator: "   "))")
        }
    }

    /// Nanoseconds a call, over so many threads at once.
    private func measure(threads: Int, _ body: @escaping @Sendable () -> Void) -> Double {
        let entries = entries
        let start = ContinuousClock.now
        let done = (0..<threads).map { _ in
            let worker = SerialThread(name: "bench")
            let latch = Latch<Void>()
            worker.perform {
                for _ in 0..<entries { body() }
                latch.open()
            }
            worker.end()
            return latch
        }
        while !done.allSatisfy({ $0.value != nil }) { usleep(200) }
        return start.duration(to: .now).inSeconds * 1e9 / Double(entries)
    }

    /// Nanoseconds a call, over so many tasks at once.
    private func measureTasks(_ tasks: Int, _ body: @escaping @Sendable () async -> Void) async -> Double {
        let start = ContinuousClock.now
        await withDiscardingTaskGroup { group in
            for _ in 0..<tasks { group.addTask { for _ in 0..<entries { await body() } } }
        }
        return start.duration(to: .now).inSeconds * 1e9 / Double(entries)
    }

    // MARK: Supervisors

    /// What one supervisor took.
    private struct Figures {
        /// From SIGTERM to its end, in milliseconds.
        var stop = 0.0
        /// From its start to the end of `true` under it, in milliseconds.
        var start = 0.0
        /// The most memory it held, in KiB.
        var memory = 0.0
    }

    private func supervisors() async throws {
        let own = try Self.ownPath()
        let rivals: [(name: String, prefix: [String])] = [
            ("bare", []), ("tini", ["tini", "--"]), ("dumb-init", ["dumb-init"]),
            ("lastcall", [own, "run", "--quiet", "--"]),
        ]
        say("supervising `sleep 1000`: SIGTERM to exit, start-up with `true`, peak memory (ratio to tini)")
        var base: Figures?
        for (name, prefix) in rivals {
            let figures: Figures
            do {
                figures = try await measure(prefix)
            } catch let error as CommandError where error.code == .notFound {
                say("  \(name): not installed (apt-get install \(name))")
                continue
            }
            if name == "tini" { base = figures }
            let ratio = { (value: Double, other: Double?) -> String in
                other.map { $0 > 0 ? " (\(Self.rounded(value / $0)))" : "" } ?? ""
            }
            say(
                "  \(name): stop \(Self.rounded(figures.stop)) ms\(ratio(figures.stop, base?.stop)), "
                    + "start \(Self.rounded(figures.start)) ms\(ratio(figures.start, base?.start)), "
                    + "memory \(Int(figures.memory)) KiB\(ratio(figures.memory, base?.memory))")
        }
    }

    private func measure(_ prefix: [String]) async throws -> Figures {
        var stopTimes: [Double] = []
        var startTimes: [Double] = []
        var figures = Figures()
        for _ in 0..<stops {
            let sleeper = Self.command(prefix + ["sleep", "1000"])
            let (time, memory) = try await sleeper.withProcess { process in
                // Long enough for any of them to have installed its handlers.
                try await Task.sleep(for: .milliseconds(150))
                let memory = Self.peakMemory(of: process.pid)
                let begin = ContinuousClock.now
                process.signal(SIGTERM)
                _ = await process.result
                return (begin.duration(to: .now).inSeconds * 1000, memory)
            }
            stopTimes.append(time)
            figures.memory = max(figures.memory, memory)
            let begin = ContinuousClock.now
            _ = try await Self.command(prefix + ["true"]).withProcess { await $0.result }
            startTimes.append(begin.duration(to: .now).inSeconds * 1000)
        }
        figures.stop = Self.median(stopTimes)
        figures.start = Self.median(startTimes)
        return figures
    }

    private static func command(_ words: [String]) -> Command {
        Command(words[0], Array(words.dropFirst()), standardOutput: .null, standardError: .null)
    }

    /// `VmHWM` of proc(5), in KiB.
    private static func peakMemory(of pid: pid_t) -> Double {
        guard let file = fopen("/proc/\(pid)/status", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if line.hasPrefix("VmHWM:") { return Double(line.filter(\.isNumber)) ?? 0 }
        }
        return 0
    }

    private static func ownPath() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw ValidationError("/proc is not mounted: the bench cannot find its own program") }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Prints a line, at once: whoever reads from a pipe waits for it too.
    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func rounded(_ value: Double) -> String {
        let scaled = (value * 10).rounded() / 10
        return "\(scaled)"
    }
}
