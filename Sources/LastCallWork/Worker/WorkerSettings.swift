import LastCall
import LastCallConcurrency
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What a worker was told, validated once.
struct WorkerSettings: Sendable {
    /// How it makes itself known.
    let description: WorkerDescription
    /// The queues with their limits.
    let queues: [WorkerStateMachine.Queue]
    /// How many jobs run at once in all.
    let concurrency: Int
    /// How long the store remembers what is over.
    let retention: Retention?
    /// How long a job that timed out or was cancelled may take to end.
    let abandonsAfter: Duration
    /// What measures the time of a stop that cancels.
    let handOverClock: any Clock<Duration>
    /// The kinds that have a gate.
    let gates: [KindGate]
    /// Waits until nothing new comes from this process, where the worker goes on claiming while it drains.
    let drainsAfter: (@Sendable () async -> Void)?
    /// How long it goes on claiming at most while it drains.
    let drainMax: Duration?
    /// The same where nobody tells it how long it has.
    let drainMaxAlone: Duration?
    /// Whether it forgets only what is over of its own kinds.
    let forgetsOwnKindsOnly: Bool
    /// Ends what dead workers left running.
    let leftovers: (any LeftoverEnding)?
    /// Where it logs.
    let logger: Logger

    init(_ configuration: Worker.Configuration, _ handlers: [JobHandler]) throws(WorkError) {
        var names: Set<String> = []
        for handler in handlers where !names.insert(handler.name).inserted {
            throw .init(
                .invalidConfiguration, "two handlers for jobs named \"\(handler.name)\"; a name has one handler")
        }
        guard configuration.concurrency >= 1 else {
            throw .init(.invalidConfiguration, "concurrency is \(configuration.concurrency); it is at least 1")
        }
        guard configuration.lease >= .seconds(1) else {
            throw .init(
                .invalidConfiguration, "a lease of \(DurationText.format(configuration.lease)); it is at least 1s")
        }
        for queue in configuration.queues where queue.concurrency.map({ $0 < 1 }) ?? false {
            throw .init(.invalidConfiguration, "the concurrency of queue \"\(queue.name)\" is less than 1")
        }
        guard Set(configuration.queues.map(\.name)).count == configuration.queues.count, !configuration.queues.isEmpty
        else { throw .init(.invalidConfiguration, "a worker needs at least one queue, and each of them once") }
        let name = configuration.name ?? Self.defaultName
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(Self.isNameByte), !name.hasPrefix(".") else {
            throw .init(
                .invalidConfiguration,
                "the worker's name \"\(name)\" is not 1 to 64 of letters, digits, \".\", \"_\" and \"-\", not beginning with \".\""
            )
        }
        description = WorkerDescription(
            name: name, host: Self.host, process: .current, kinds: names.sorted(),
            queues: configuration.queues.map(\.name), lease: configuration.lease)
        let concurrency = configuration.concurrency
        queues = configuration.queues.map { .init(name: $0.name, concurrency: $0.concurrency ?? concurrency) }
        self.concurrency = concurrency
        retention = configuration.retention
        abandonsAfter = configuration.abandonsAfter
        handOverClock = configuration.handOverClock
        gates = configuration.gates
        drainMax = configuration.drainMax
        drainMaxAlone = configuration.drainMaxAlone
        forgetsOwnKindsOnly = configuration.forgetsOwnKindsOnly
        drainsAfter = configuration.drainsAfter
        leftovers = configuration.leftovers
        logger = configuration.logger
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The host's name, as gethostname(2) tells it.
    private static var host: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The number of the next worker; the first is any, since every container's process may have pid 1.
    private static let nextNumber = Mutex(Int.random(in: 0..<numbersMax))
    private static let numbersMax = 10_000

    /// The host's name, the pid, and a number, so that several workers of a process have names of their own.
    private static var defaultName: String { defaultName(for: nil) }

    /// The same, with what the worker is for.
    static func defaultName(for purpose: String?) -> String {
        let host = String(decoding: host.utf8.filter(isNameByte).prefix(40), as: UTF8.self)
        let number = nextNumber.withLock { next in
            defer { next = (next + 1) % numbersMax }
            return next
        }
        let name = "\(host.isEmpty ? "worker" : host)-\(getpid())-\(number)"
        return purpose.map { "\(name)-\($0)" } ?? name
    }
}

extension ProcessIdentity {
    /// This process.
    package static var current: ProcessIdentity {
        ProcessIdentity(bootID: bootID, pid: getpid(), startTime: startTime(of: getpid()) ?? 0)
    }

    /// The boot of this host; empty where the system does not tell.
    package static var bootID: String { (read("/proc/sys/kernel/random/boot_id") ?? "").filter { !$0.isWhitespace } }

    /// When a process of this host began, in clock ticks since the boot; `nil` where it is not there.
    package static func startTime(of pid: Int32) -> UInt64? {
        // The name in parentheses may hold anything, so the fields are counted from the last one (proc_pid_stat(5)).
        guard let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
