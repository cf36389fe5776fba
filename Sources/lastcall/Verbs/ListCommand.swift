import ArgumentParser
import LastCallWork

/// `lastcall list`: jobs, the newest first.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List jobs, the newest first.",
        discussion: """
            States are blocked (waits for others), scheduled (waits for an instant), ready, running, stopping, succeeded, partial, \
            failed, cancelled and dead.

            EXAMPLES
              lastcall list --limit 50
              lastcall list --state failed --state dead
              lastcall list --workflow 12
              lastcall list --task hash --json

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Option(help: "Only jobs in this state. May be repeated.")
    var state: [String] = []

    @Option(help: "Only jobs of this task; of commands it is \"command\". May be repeated.")
    var task: [String] = []

    @Option(help: "Only jobs in this queue. May be repeated.")
    var queue: [String] = []

    @Option(help: "Only jobs of the workflow that began with this id.")
    var workflow: String?

    @Option(help: "The most jobs to list.")
    var limit = 20

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws { _ = try query() }

    /// What is looked for: one job more than is shown, to know whether there are more.
    func query() throws -> WorkQuery {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit \(limit): write a number from 1 to 100000")
        }
        let states = try state.map { name in
            guard let state = WorkState(name: name) else {
                let names = WorkState.allCases.map(\.description)
                let remedy =
                    NearestName.match(name, among: names).map { "write \($0)" }
                    ?? "there are \(names.joined(separator: ", "))"
                throw ValidationError("--state \(name) is no state; \(remedy)")
            }
            return state
        }
        return WorkQuery(
            states: states.isEmpty ? nil : Set(states), kinds: task.isEmpty ? nil : Set(task),
            queues: queue.isEmpty ? nil : Set(queue), workflow: try workflow.map { try WorkID.parse([$0])[0] },
            newestFirst: true, limit: limit + 1)
    }

    /// What `--json` prints.
    struct JSON: Encodable {
        let version = 1
        let jobs: [RecordJSON]
        let more: Bool

        private enum CodingKeys: CodingKey {
            case version, jobs, more
        }
    }

    func run() async throws {
        try await Verb.run {
            try await place.withStore { opened in
                let found = try await opened.work.store.records(try query())
                let shown = Array(found.prefix(limit))
                if json {
                    print(JSONText.encode(JSON(jobs: shown.map(RecordJSON.init), more: found.count > limit)))
                    return
                }
                guard !shown.isEmpty else {
                    Verb.complain("no such jobs in \(opened.work.store.traits.name)")
                    return
                }
                for line in RecordText.table(shown, now: opened.work.store.now).lines(Terminal.style) { print(line) }
                if found.count > limit { Verb.complain("there are more; see them with --limit \(limit * 10)") }
            }
        }
    }
}
