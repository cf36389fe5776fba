import ArgumentParser
import LastCallWork

/// `lastcall show`: everything that is known of a job.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show everything that is known of a job.",
        discussion: """
            Where it is and why, how often it ran, what it was given, whom it waits for, and the last lines that it wrote.

            EXAMPLES
              lastcall show 17
              lastcall show 17 --lines 50
              lastcall show 17 --json | jq -r .job.state

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(help: "The job's id.")
    var id: String

    @Option(help: "How many of the last lines of output to show.")
    var lines = 10

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        _ = try WorkID.parse([id])
        guard (0...10_000).contains(lines) else {
            throw ValidationError("--lines \(lines): write a number from 0 to 10000")
        }
    }

    func run() async throws {
        let id = try WorkID.parse([id])[0]
        try await Verb.run {
            try await place.withStore { opened in
                let details = try await RecordDetails(of: id, opened.work, linesMax: lines)
                if json {
                    print(JSONText.encode(RecordDetailsJSON(details)))
                } else {
                    for line in RecordDetailsText(details: details).lines(Terminal.style) { print(line) }
                }
            }
        }
    }
}

/// What is known of a job: the record, those that it waits for or belongs with, and the end of what it wrote.
struct RecordDetails: Sendable {
    /// The job.
    let record: WorkRecord
    /// The members of the group that it waits or waited for.
    let members: [WorkMember]
    /// The job that it waits or waited for, where it is still known.
    let dependency: WorkRecord?
    /// The jobs of its workflow, at most ``workflowMax`` and one.
    let workflow: [WorkRecord]
    /// The last lines that belong to its result.
    let lines: [WorkLine]
    /// How many lines belong to its result.
    let lineCount: Int
    /// Whether a living worker takes it, where it waits.
    let isHandled: Bool
    /// The time on the store's clock.
    let now: WorkInstant

    /// How many jobs of the workflow are looked at.
    static let workflowMax = 200

    /// Gathers what is known.
    ///
    /// - Throws: ``WorkError`` with the code `notFound`.
    init(of id: WorkID, _ work: WorkClient, linesMax: Int) async throws {
        let store = work.store
        let record = try await work.record(id)
        self.record = record
        if let node = record.waitsForNode {
            members = try await store.members(of: node)
        } else {
            members = []
        }
        if let other = record.waitsForRecord {
            dependency = try await store.records(WorkQuery(ids: [other], limit: 1)).first
        } else {
            dependency = nil
        }
        workflow = try await store.records(WorkQuery(workflow: record.workflow, limit: Self.workflowMax + 1))
        var lines: [WorkLine] = []
        var count = 0
        try await work.readOutput(of: id, follows: false) { page in
            count += page.lines.count
            lines = Array((lines + page.lines).suffix(linesMax))
        }
        self.lines = lines
        lineCount = count
        let workers = try await store.workers()
        isHandled = workers.contains {
            $0.isAlive && $0.worker.kinds.contains(record.kind) && $0.worker.queues.contains(record.queue)
        }
        now = store.now
    }
}
