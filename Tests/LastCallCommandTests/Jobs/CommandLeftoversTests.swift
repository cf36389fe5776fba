import Glibc
import LastCall
@testable import LastCallCommand
import LastCallTesting
import LastCallWork
import Testing

/// What a dead worker left running is ended before its jobs run again.
@Suite(.timeLimit(.minutes(1))) struct CommandLeftoversTests {
    private func worker(bootID: String = ProcessIdentity.bootID) -> WorkerDescription {
        WorkerDescription(
            name: "dead", host: "here", process: ProcessIdentity(bootID: bootID, pid: 1, startTime: 0), kinds: [],
            queues: [])
    }

    private func lost(_ id: Int64, process: ProcessIdentity? = nil) -> LostRecord {
        LostRecord(
            claim: ClaimKey(id: WorkID(rawValue: id), epoch: 1), kind: "job", facts: RecordFacts(state: .running),
            process: process)
    }

    @Test("B6 a program and what it left in another session are found by their marker and gone when the rescue goes on")
    func byMarker() async throws {
        let store = JobRun.makeStore()
        var command = Command(
            "bash", ["-c", "setsid bash -c 'echo grandchild $BASHPID; sleep 1000' & echo leader $$; wait"])
        command.id = CommandJob.marker(store: store.traits.name, id: WorkID(rawValue: 7), epoch: 1)
        try await command.withProcess { process in
            var lines: [String] = []
            for await line in process.lines {
                lines.append(line.text)
                if lines.count == 2 { break }
            }
            let grandchild = try #require(lines.pid("grandchild"))
            let leader = try #require(lines.pid("leader"))
            await CommandLeftovers(store).endLeftovers(of: worker(), [lost(7)])
            #expect(ProcessProbe.waitUntilDead(grandchild))
            #expect(ProcessProbe.waitUntilDead(leader))
        }
    }

    @Test("B6 a process is ended by pid and start time, with its group and its children") func byProcess() async throws
    {
        let store = JobRun.makeStore()
        let command = Command("bash", ["-c", "bash -c 'echo child $BASHPID; sleep 1000' & echo leader $$; wait"])
        try await command.withProcess { process in
            var lines: [String] = []
            for await line in process.lines {
                lines.append(line.text)
                if lines.count == 2 { break }
            }
            let child = try #require(lines.pid("child"))
            let start = try #require(ProcessIdentity.startTime(of: process.pid))
            let identity = ProcessIdentity(bootID: ProcessIdentity.bootID, pid: process.pid, startTime: start)
            await CommandLeftovers(store).endLeftovers(of: worker(), [lost(7, process: identity)])
            #expect(ProcessProbe.waitUntilDead(child))
            #expect(ProcessProbe.waitUntilDead(process.pid))
        }
    }

    @Test("B6 parents are ended before their children, so that no shell goes on to its next line") func order()
        async throws
    {
        let store = JobRun.makeStore()
        let marker = CommandJob.marker(store: store.traits.name, id: WorkID(rawValue: 7), epoch: 1)
        // Each shell waits for the one in it, and has something left to do.
        var command = Command("bash", ["-c", "( ( ( ( ( sleep 1000 & echo ready; wait; : ); : ); : ); : ); : ); :"])
        command.id = marker
        try await command.withProcess { process in
            for await line in process.lines where line.text == "ready" { break }
            let left = CommandLeftovers.left(markers: [marker], processes: [])
            let pids = left.map(\.pid)
            #expect(pids.first == process.pid)
            #expect(pids.count == 7)
            for (place, entry) in left.enumerated() {
                #expect(!pids[place...].contains(entry.parent), "\(left)")
            }
        }
    }

    @Test("B6 an innocent process with the same pid and another start time is spared, and one of another boot too")
    func innocent() async throws {
        let store = JobRun.makeStore()
        try await Command("sleep", ["1000"]).withProcess { process in
            let start = try #require(ProcessIdentity.startTime(of: process.pid))
            let other = ProcessIdentity(bootID: ProcessIdentity.bootID, pid: process.pid, startTime: start + 1)
            let leftovers = CommandLeftovers(store)
            await leftovers.endLeftovers(of: worker(), [lost(7, process: other)])
            let same = ProcessIdentity(bootID: "another", pid: process.pid, startTime: start)
            await leftovers.endLeftovers(of: worker(bootID: "another"), [lost(7, process: same)])
            #expect(ProcessProbe.isAlive(process.pid))
            #expect(process.resultIfEnded == nil)
        }
    }

    @Test("B6 a program of another job, another run or another store is spared") func otherMarkers() async throws {
        let store = JobRun.makeStore()
        var command = Command("sleep", ["1000"])
        command.id = CommandJob.marker(store: store.traits.name, id: WorkID(rawValue: 7), epoch: 2)
        try await command.withProcess { process in
            await CommandLeftovers(store).endLeftovers(of: worker(), [lost(7), lost(8)])
            await CommandLeftovers(JobRun.makeStore()).endLeftovers(of: worker(), [lost(7)])
            #expect(process.resultIfEnded == nil)
            #expect(ProcessProbe.isAlive(process.pid))
        }
    }

    @Test("B6 C27 a dead worker's program is ended and its job runs again in a survivor, as a loss") func rescue()
        async throws
    {
        let store = JobRun.makeStore()
        let handler = JobHandler.shell("job", .shell("echo pid $$; [ $LASTCALL_EPOCH = 0.2 ] || sleep 1000"))
        let first = try JobRun([handler], in: store)
        let id = try await first.enqueue("job")
        try await first.run { run in
            let pid = try await run.pid("pid", of: id)
            // The survivor has no other way to know than the lock of the first.
            let second = try JobRun([handler], in: store, leftovers: CommandLeftovers(store))
            try await second.run { _ in
                let dead = try #require(try await store.workers().first { $0.worker.name == run.worker.name })
                try await store.declareDead(dead.id)
                let record = try await run.client.wait(for: id)
                #expect(record.state == .succeeded)
                #expect(record.losses == 1)
                #expect(record.attempt == 1)
                #expect(ProcessProbe.waitUntilDead(pid))
            }
        }
    }
}
