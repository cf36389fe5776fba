import LastCall
import LastCallCommand
import LastCallTesting
import LastCallWork
import Testing

@testable import lastcall

/// What `lastcall serve` makes of a configuration.
@Suite struct ServeSettingsTests {
    private func settings(_ text: String, store: String? = nil, concurrency: Int? = nil) throws -> ServeSettings {
        let folder = try ScratchDirectory()
        let file = try folder.write(text, to: "lastcall.yml")
        return try ServeSettings(file: file, config: nil, store: store, concurrency: concurrency)
    }

    @Test("a worker works on all queues that tasks name, the configured ones, and default")
    func queues() throws {
        let settings = try settings(
            "concurrency: 6\nqueues: {mail: 2, idle: 1}\ntasks: {a: {command: [a], queue: scans}, b: {command: [b], queue: mail}}"
        )
        #expect(
            settings.queues == [
                .init("default"), .init("idle", concurrency: 1), .init("mail", concurrency: 2), .init("scans"),
            ])
        #expect(TaskHandlers.all(for: settings.configuration).map(\.name) == ["a", "b", "command"])
    }

    @Test("--concurrency wins, and no queue exceeds it")
    func concurrency() throws {
        let settings = try settings("concurrency: 6\nqueues: {mail: 5}\n", concurrency: 2)
        #expect(settings.configuration.concurrency == 2)
        #expect(settings.queues == [.init("default"), .init("mail", concurrency: 2)])
    }

    @Test("a queue that wants more than all together may have is a mistake; without a figure at the top it raises that")
    func queueAboveConcurrency() throws {
        let found = errors { () throws(ConfigurationErrors) in try configuration("concurrency: 4\nqueues: {mail: 5}\n")
        }
        #expect(
            found == [
                "2: queues.mail: \"5\" is more than concurrency, which is 4 for all queues together; raise that, or lower this"
            ])
        #expect(try configuration("queues: {mail: 5000}\n").concurrency == 5000)
    }

    @Test("the greeting says what is served, where from, and how to submit")
    func greeting() throws {
        let settings = try settings("concurrency: 2\ntasks: {hash: {command: [sha256sum, \"{path}\"]}}")
        let lines = settings.greeting(workerName: "w1")
        #expect(lines[0] == "serving 1 task of \(settings.configuration.file), 2 at a time: hash")
        #expect(lines[2] == "submit with: lastcall submit --config \(settings.configuration.file) hash path=VALUE")
        let ephemeral = settings.greeting(workerName: "w1", durability: .ephemeral("kept until noon"))
        #expect(ephemeral[2].hasPrefix("warning: store sqlite:") && ephemeral[2].hasSuffix("kept until noon"))
        let memory = try self.settings("{concurrency: 2}", store: "memory:").greeting(workerName: "w1")
        #expect(memory[1].contains("all work dies with the process"))
    }

    @Test(
        "C18 C19 a task's command carries its limits, its directory and its variables, and none that speak to the worker alone"
    )
    func command() throws {
        let task = try task(
            """
            command: [run, "{n}"]
            timeout: 5s
            memory: 64MiB
            outputLimit: 1kB
            okExit: [0, 3]
            killAfter: 2s
            env: {A: "{n}", B: ~}
            cwd: sub
            onEviction: requeue
            retries: 2
            """)
        let command = try task.command(for: ["n": .text("1")])
        #expect([command.executable] + command.arguments == ["run", "1"])
        #expect(command.workingDirectory == "/work/sub")
        #expect(command.limits.time == .seconds(5))
        #expect(command.limits.memoryBytes == 64 << 20)
        #expect(command.limits.outputBytes == 1000)
        #expect(command.okExitCodes == [0, 3])
        #expect(command.stopPolicy.killAfter == .seconds(2))
        guard case .updating(let variables) = command.environment else {
            Issue.record("\(command.environment)")
            return
        }
        #expect(variables["A"] == .some("1"))
        #expect(variables["B"] == .some(nil))
        #expect(variables["LASTCALL_RECEIPT"] == .some(nil))
        #expect(variables["NOTIFY_SOCKET"] == .some(nil))
        #expect(task.handler.evictionPolicy == .requeue)
        #expect(task.handler.retryPolicy.attemptsMax == 3)
    }

    @Test("a program is looked for where its job would find it")
    func inspection() throws {
        let folder = try ScratchDirectory()
        let inspection = TaskInspection(environment: ["PATH": "/usr/bin:/bin"])
        func warnings(_ keys: String) throws -> [String] {
            let task = try task("\(keys)\ncwd: \(folder.path)")
            return inspection.warnings(for: task)
        }
        #expect(try warnings("command: [sh]").isEmpty)
        #expect(try warnings("command: [/bin/sh]").isEmpty)
        #expect(try warnings("command: [\"{program}\"]").isEmpty)
        #expect(try warnings("command: [no-such]")[0].contains("\"no-such\" was not found on PATH"))
        #expect(try warnings("command: [./no-such]")[0].contains("was not found in \(folder.path)"))
        #expect(try warnings("command: [sh]\nenv: {PATH: /nowhere}").count == 1)
        let lost = try task("cwd: /nowhere")
        #expect(inspection.warnings(for: lost)[0].contains("cwd /nowhere does not exist"))
    }

    @Test("what waits when a worker stops is told, with how long it is kept")
    func rest() {
        let counts = [
            WorkCount(queue: "q", kind: "a", state: .blocked, count: 1),
            WorkCount(queue: "q", kind: "a", state: .failed, count: 9),
        ]
        let durable = StoreTraits(name: "sqlite:/q", durability: .durable)
        #expect(StoreMember.rest(counts, in: durable) == "1 job waits in sqlite:/q; the next lastcall serve goes on")
        #expect(StoreMember.rest([], in: durable) == nil)
        let memory = StoreTraits(name: "memory:", durability: .process)
        #expect(StoreMember.rest(counts, in: memory) == "1 job waits in memory and is lost with this process")
    }
}
