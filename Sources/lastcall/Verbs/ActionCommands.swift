import ArgumentParser
import LastCallWork

/// `lastcall cancel`: ends jobs.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs: what waits at once, what runs by telling its worker.",
        discussion: """
            EXAMPLES
              lastcall cancel 17 18
              lastcall cancel 12 --workflow

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(help: "The jobs' ids.")
    var ids: [String]

    @Flag(help: "Cancel all jobs of the workflows that these jobs belong to.")
    var workflow = false

    func validate() throws { _ = try WorkID.parse(ids) }

    func run() async throws {
        let ids = try WorkID.parse(ids)
        try await Verb.run {
            try await place.withStore { opened in
                guard workflow else {
                    try ActionText.report(try await opened.work.cancel(ids), .cancel, in: opened.work.store.traits.name)
                    return
                }
                var workflows: [WorkID] = []
                for id in ids {
                    let first = try await opened.work.record(id).workflow
                    if !workflows.contains(first) { workflows.append(first) }
                }
                for first in workflows {
                    let result = try await opened.work.cancelWorkflow(first)
                    print(
                        "workflow \(first): \(result.changed.count) cancelled, \(result.asked.count) told to stop, \(result.refused.count) were over"
                    )
                }
            }
        }
    }
}

/// `lastcall retry`: lets jobs that are over run again.
struct RetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Let jobs that are over run again, with all their attempts.",
        discussion: """
            A group that counted them is not told again: its callback has run, or will run without them.

            EXAMPLES
              lastcall retry 17 18

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(help: "The jobs' ids.")
    var ids: [String]

    func validate() throws { _ = try WorkID.parse(ids) }

    func run() async throws {
        let ids = try WorkID.parse(ids)
        try await Verb.run {
            try await place.withStore { opened in
                try ActionText.report(try await opened.work.retry(ids), .retry, in: opened.work.store.traits.name)
            }
        }
    }
}

/// `lastcall replay`: lets what was given up run again.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Let jobs that were given up run again.",
        discussion: """
            Dead jobs are those that kept losing their worker; dead messages those that were refused, given up or had to make room. With --failed, jobs that failed for good run again too.

            EXAMPLES
              lastcall replay
              lastcall replay --task hash --failed
              lastcall replay --task message:chat

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Option(help: "Only jobs of this task. May be repeated.")
    var task: [String] = []

    @Flag(help: "Also jobs that failed for good.")
    var failed = false

    @Option(help: "The most jobs to replay.")
    var limit = 1000

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit \(limit): write a number from 1 to 100000")
        }
    }

    func run() async throws {
        try await Verb.run {
            try await place.withStore { opened in
                let result = try await opened.work.replay(
                    kinds: task.isEmpty ? nil : Set(task), includesFailed: failed, limit: limit)
                for id in result.changed { print(id) }
                let count = result.changed.count
                let more = count == limit ? "; there may be more, run it again" : ""
                Verb.complain(count == 1 ? "1 job runs again\(more)" : "\(count) jobs run again\(more)")
                guard count == 0, !failed else { return }
                let counts = try await opened.work.store.counts()
                let rest = counts.filter { $0.state == .failed }.reduce(0) { $0 + $1.count }
                if rest > 0 { Verb.complain("\(rest) failed for good; replay them with --failed") }
            }
        }
    }
}

/// `lastcall pause`: claims nothing from a queue.
struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Start nothing from a queue until it is resumed; what runs goes on.",
        discussion: """
            EXAMPLES
              lastcall pause mail
              lastcall resume mail

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(help: "The queue.")
    var queue: String

    func run() async throws {
        try await Verb.run {
            try await place.withStore { opened in
                let names = try await opened.work.status().queues
                try await opened.work.pause(queue: queue)
                print("queue \(queue) is paused; what runs goes on")
                guard !names.contains(queue) else { return }
                let nearest = NearestName.match(queue, among: names).map { "; did you mean \($0)?" } ?? ""
                Verb.complain("no job and no worker has been seen in a queue \(queue)\(nearest)")
            }
        }
    }
}

/// `lastcall resume`: claims from a queue again.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Start jobs from a paused queue again.",
        discussion: """
            EXAMPLES
              lastcall resume mail

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Argument(help: "The queue.")
    var queue: String

    func run() async throws {
        try await Verb.run {
            try await place.withStore { opened in
                let paused = try await opened.work.store.pausedQueues()
                guard paused.contains(queue) else {
                    let nearest = NearestName.match(queue, among: paused.sorted())
                    let known = paused.isEmpty ? "no queue is" : "paused are \(paused.sorted().joined(separator: ", "))"
                    throw VerbError(
                        .refused, "queue \(queue) is not paused; \(nearest.map { "did you mean \($0)?" } ?? known)")
                }
                try await opened.work.resume(queue: queue)
                print("queue \(queue) goes on")
            }
        }
    }
}
