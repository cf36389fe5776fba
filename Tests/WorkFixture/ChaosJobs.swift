import LastCall
import LastCallCommand
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The jobs of the chaos: one for each eviction policy, a program, and the callback.
///
/// Each returns the epoch of the run that ended it, so that a completion by an overtaken run shows.
enum ChaosJobs {
    /// The members' names.
    static let members = ["finish", "finalize", "requeue", "continue", "program"]
    /// The callback's name.
    static let callback = "callback"

    /// Ends what dead workers left.
    static func leftovers(_ store: any WorkStore) -> any LeftoverEnding { CommandLeftovers(store) }

    /// Handlers of all of them.
    static func handlers(beside store: String) -> [JobHandler] {
        EvictionPolicy.allCases.map(member) + [program, trap, callback(log: store + ".fired")]
    }

    private static func member(_ policy: EvictionPolicy) -> JobHandler {
        JobHandler(policy.rawValue, evictionPolicy: policy) { context in
            let done = context.checkpoint.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
            for part in done..<3 {
                await context.emit("part \(part)")
                try context.saveCheckpoint(Array("\(part + 1)".utf8))
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...40)))
                if context.isEvicted, policy != .finish {
                    context.cutShort()
                    break
                }
            }
            return Array("\(context.record.epoch)".utf8)
        }
    }

    private static var program: JobHandler {
        .command("program") { _ in Command("/bin/sh", ["-c", "echo begun; sleep 0.0$$; sleep 0.05; echo done"]) }
    }

    /// Takes its worker with it.
    private static var trap: JobHandler { JobHandler("trap") { _ in fatalError("a job that traps") } }

    /// Fires, and says so in a file beside the store.
    private static func callback(log: String) -> JobHandler {
        JobHandler(callback) { context in
            let members = try await context.members()
            guard members.allSatisfy({ $0.record.state.isTerminal }) else {
                throw JobFailure("released before its members were over", isRetryable: false)
            }
            let id = context.id
            try await context.step("fire") { append("\(id)\n", to: log) }
            return Array("\(context.record.epoch)".utf8)
        }
    }

    /// Adds a line to a file; lines of several processes do not mix (open(2), O_APPEND).
    private static func append(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        _ = text.withCString { write(file, $0, strlen($0)) }
        close(file)
    }
}
