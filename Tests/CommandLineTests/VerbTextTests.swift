import LastCall
import LastCallSQLite
import LastCallWork
import Logging
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@testable import lastcall

/// What verbs print, over a store in memory.
@Suite struct VerbTextTests {
    private let store = MemoryStore()
    private var work: WorkClient { WorkClient(store) }

    private func register(_ name: String, kinds: [String], queues: [String] = ["default"]) async throws -> WorkerID {
        try await store.register(
            WorkerDescription(
                name: name, host: "h", process: ProcessIdentity(bootID: "b", pid: 42, startTime: 1), kinds: kinds,
                queues: queues))
    }

    @Test("C22 C25 status counts by queue and task, names paused queues, and what waits and nobody handles")
    func status() async throws {
        var mail = RecordDraft(kind: "mail")
        mail.queue = "mail"
        _ = try await work.enqueue([RecordDraft(kind: "hash"), RecordDraft(kind: "hash"), mail])
        let alone = StatusText(status: try await work.status(), store: "memory:").lines()
        #expect(alone.contains("no worker is alive, so nothing runs; start one with: lastcall serve"))
        _ = try await register("w1", kinds: ["hash"])
        try await work.pause(queue: "mail")
        let status = try await work.status()
        let lines = StatusText(status: status, store: "memory:").lines()
        #expect(lines[0].hasPrefix("memory:: 3 waiting"))
        #expect(lines.contains { $0.hasPrefix("default        hash        2") })
        #expect(lines.contains { $0.hasPrefix("mail (paused)  mail        1") })
        #expect(lines.contains("queue mail is paused; go on with: lastcall resume mail"))
        #expect(
            lines.contains(
                "1 mail in queue mail waits and no worker that is alive handles it; serve a configuration with that task and queue"
            ))
        #expect(status.unhandled.map(\.kind) == ["mail"])
        let json = JSONText.encode(StatusJSON(status, store: "memory:"))
        for words in [
            "\"ready\" : 3", "\"paused\" : true", "\"task\" : \"mail\"", "\"alive\" : true", "\"version\" : 1",
        ] {
            #expect(json.contains(words))
        }
    }

    @Test(
        "P22c status shows lanes with what waits and why nothing is sent, open breakers, and when schedules are due next"
    )
    func lanes() async throws {
        func draft(_ lane: String) -> RecordDraft {
            var draft = RecordDraft(kind: "message:hooks")
            draft.queue = "outbox"
            draft.lane = lane
            draft.attemptsMax = 9
            return draft
        }
        let worker = try await register("w1", kinds: ["message:hooks"], queues: ["outbox"])
        _ = try await work.enqueue([draft("hooks/a"), draft("hooks/a"), draft("hooks/b"), draft("hooks/c")])
        let demand = QueueDemand(queue: "outbox", kinds: ["message:hooks"], limit: 9)
        let claimed = try await store.exchange(ExchangeRequest(worker: worker, demands: [demand])).claimed
        for (record, place) in zip(claimed, 0...) {
            var machine = RecordStateMachine(record.facts)
            let ended = machine.ended(.failed(detail: "503", retryAfter: .zero))
            let change = try #require(ended)
            var news = LaneNews()
            if place == 0 { news.lane = .failed(failuresMax: 1, coolDown: .seconds(3600)) }
            if place == 1 { news.laneRest = .seconds(600) }
            if place == 2 { news.kind = .failed(failuresMax: 1, coolDown: .seconds(1800)) }
            _ = try await store.exchange(
                ExchangeRequest(settlements: [Settlement(claim: record.claim, change: change, news: news)]))
        }
        _ = try await store.tick(
            ScheduleTick(
                name: "nightly", definition: "30 2 * * *", instant: store.now, nextAt: store.now + .seconds(5400)))
        for (name, late) in [("removed", -7200), ("soon", -30)] {
            let due = store.now + .seconds(late)
            _ = try await store.tick(ScheduleTick(name: name, definition: "1h", instant: due, nextAt: due))
        }
        let status = try await work.status()
        let lines = StatusText(status: status, store: "memory:").lines()
        #expect(lines.contains { $0.hasPrefix("schedule removed was due 2h") })
        #expect(!lines.contains { $0.hasPrefix("schedule soon") || $0.hasPrefix("schedule nightly") })
        var alone = status
        (alone.workers, alone.counts) = ([], [])
        let words = StatusText(status: alone, store: "memory:").lines()
        #expect(words.contains { $0.hasPrefix("schedule removed was due 2h") })
        #expect(lines.contains { $0.hasPrefix("hooks/a") && $0.contains("2  keeps failing, left alone for") })
        #expect(lines.contains { $0.hasPrefix("hooks/b") && $0.contains("rests for") })
        #expect(lines.contains { $0.hasPrefix("nightly") && $0.contains("30 2 * * *") && $0.contains("1h") })
        #expect(lines.contains { $0.hasPrefix("message:hooks keeps failing and is left alone for") })
        let json = JSONText.encode(StatusJSON(status, store: "memory:"))
        for words in [
            "\"lane\" : \"hooks/a\"", "\"depth\" : 2", "\"breaker\" : \"open\"", "\"schedule\" : \"nightly\"",
            "\"due\" : \"30 2 * * *\"", "\"task\" : \"message:hooks\"",
        ] {
            #expect(json.contains(words))
        }
    }

    @Test("an empty store says so in one line")
    func empty() async throws {
        #expect(StatusText(status: try await work.status(), store: "memory:").lines() == ["memory:: empty"])
    }

    @Test(
        "C5 C8 C24 show tells state, reason, counts, what it was given and what it wrote, without what a terminal would obey"
    )
    func show() async throws {
        var draft = RecordDraft(
            kind: "hash",
            payload: PayloadJSON.encode(TaskPayload(arguments: ["path": .text("a\u{1B}[2J"), "n": .list(["1", "2"])])))
        draft.key = UniqueKey("once")
        let id = try await work.enqueue(draft).id
        let worker = try await register("w1", kinds: ["hash"])
        let claimed = try await store.exchange(
            ExchangeRequest(worker: worker, demands: [QueueDemand(queue: "default", kinds: ["hash"], limit: 1)])
        ).claimed[0]
        var machine = RecordStateMachine(claimed.facts)
        let ended = machine.ended(.evicted(.finalize, detail: "cut short by eviction: SIGTERM"))
        let change = try #require(ended)
        let output = OutputChunk([
            WorkLine("one"), WorkLine("bad\u{7}", source: .error), WorkLine("cut", source: .notice),
        ])
        _ = try await store.exchange(
            ExchangeRequest(settlements: [Settlement(claim: claimed.claim, change: change, output: output)]))
        let details = try await RecordDetails(of: id, work, linesMax: 2)
        let lines = RecordDetailsText(details: details).lines()
        #expect(lines[0] == "job 1 hash: partial (eviction)")
        #expect(lines.contains("  why         cut short by eviction: SIGTERM"))
        #expect(lines.contains("  arguments   n = [1, 2]"))
        #expect(lines.contains("              path = a\\u{1B}[2J"))
        #expect(lines.contains("  attempts    1 of 1, 1 eviction"))
        #expect(lines.contains("  key         once"))
        #expect(
            lines.suffix(3) == [
                "output, the last 2 of 3 lines; all: lastcall output 1 --stderr", "  ! bad\\u{07}", "  * cut",
            ])
        let json = JSONText.encode(RecordDetailsJSON(details))
        #expect(json.contains("\"reason\" : \"eviction\""))
        #expect(json.contains("\"outputLines\" : 3"))
        #expect(json.contains("\"arguments\" : {"))
    }

    @Test("list shows no payload")
    func list() async throws {
        let payload = PayloadJSON.encode(CommandPayload(command: ["secret-program"], cwd: "/"))
        _ = try await work.enqueue(RecordDraft(kind: "command", payload: payload))
        let records = try await store.records(WorkQuery())
        let table = RecordText.table(records, now: store.now).lines()
        #expect(table.count == 2)
        #expect(table[1].hasPrefix(" 1  command  ready  default  since"))
        #expect(!table.joined().contains("secret"))
        #expect(!JSONText.encode(records.map(RecordJSON.init)).contains("secret"))
    }

    @Test("an action tells job by job what was done, and what was not and why")
    func actions() {
        var result = WorkActionResult()
        result.changed = [WorkID(rawValue: 3)]
        result.asked = [WorkID(rawValue: 4)]
        result.refused = [WorkID(rawValue: 5): .succeeded]
        result.missing = [WorkID(rawValue: 6)]
        #expect(
            ActionText.done(result, .cancel) == [
                "job 3: cancelled", "job 4: told to stop; see it with: lastcall show 4",
            ])
        #expect(
            ActionText.refusals(result, .cancel, in: "s") == [
                "job 5 is over: succeeded", "there is no job 6 in s; what was over for long enough is forgotten",
            ])
        #expect(
            ActionText.refusals(result, .retry, in: "s")[0] == "job 5 is succeeded; only what is over can run again")
    }

    @Test(
        "ages are short",
        arguments: [
            (0, "0s"), (59, "59s"), (60, "1m00s"), (599, "9m59s"), (600, "10m"), (3600, "1h00m"), (90_000, "1d1h"),
            (-5, "0s"),
        ])
    func ages(seconds: Int, text: String) { #expect(AgeText.format(.seconds(seconds)) == text) }

    @Test("columns line up, figures to the right, and no cell breaks its line")
    func table() {
        var table = TextTable([.figures("id"), .words("what"), .words("end")])
        table.rows = [["7", "a\nb", ""], ["12", "c\u{1B}", "x"]]
        #expect(table.lines() == ["id  what     end", " 7  a b", "12  c\\u{1B}  x"])
    }

    @Test("a worker's log names the job first")
    func log() {
        let handler = WorkLogHandler()
        func line(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata) -> String {
            handler.line(
                for: LogEvent(
                    level: level, message: message, metadata: metadata, source: "s", file: "f", function: "g", line: 1))
        }
        #expect(
            line(.info, "job partial", ["job": "3", "name": "hash", "attempt": "1", "reason": "eviction"])
                == "lastcall: job 3 hash: partial (eviction)")
        #expect(
            line(.warning, "job failed", ["job": "3", "name": "hash", "attempt": "2", "reason": "error"])
                == "lastcall: job 3 hash: failed (error), attempt 2")
        #expect(line(.warning, "worker died", ["worker": "w"]) == "lastcall: warning: worker died: worker=w")
    }

    @Test("waiting tells how far it is, and its exit code is that of the last jobs")
    func waiting() async throws {
        let ids = try await work.enqueue([RecordDraft(kind: "a"), RecordDraft(kind: "a"), RecordDraft(kind: "b")]).map(
            \.id)
        var records = try await work.records(ids)
        records[0].state = .succeeded
        records[1].state = .running
        records[1].startedAt = store.now
        records[1].progress = JobProgress(fraction: 0.4, message: "reading")
        let line = WaitProgress.line(records, count: 3, elapsed: .seconds(65), now: store.now)
        #expect(line == "1 of 3 over, 1 running (a 40% reading for 0s), 1 waiting, 1m05s")
        #expect(WaitProgress.summary(records) == "3 jobs: 1 ready, 1 running, 1 succeeded")
        func code(_ states: WorkState...) -> Int32 {
            SubmitWait.exitCode(
                for: states.map { state in
                    var record = records[0]
                    record.state = state
                    return record
                })
        }
        #expect(
            [code(.succeeded), code(.succeeded, .partial), code(.partial, .failed), code(.cancelled), code(.dead)] == [
                0, 75, 1, 1, 1,
            ])
    }

    @Test("a screen shows what fits, cuts long lines, and keeps colours whole")
    func screen() {
        #expect(Screen.cut("\u{1B}[1mabcdef\u{1B}[0m", to: 3) == "\u{1B}[1mabc\u{1B}[0m")
        let frame = Screen.frame(["one", "two", "three", "four"], columns: 40, rows: 4)
        #expect(frame.contains("one\u{1B}[K\r\ntwo"))
        #expect(frame.contains("… 2 more lines"))
        #expect(!frame.contains("three"))
        #expect(frame.contains("\u{1B}[4;1Hq leaves"))
        #expect(Screen.frame(["one"], columns: 0, rows: 0).contains("one") == false)
    }

    @Test("serve exits with 69 where another start may help, and with 78 where somebody has to mend something first")
    func servingCodes() {
        func code(_ code: WorkError.Code, _ cause: (any Error)? = nil) -> Int32? {
            VerbError.ofServing(WorkError(code, "m", underlying: cause))?.kind.code
        }
        func file(_ code: StoreFileError.Code) -> StoreFileError { StoreFileError(code, path: "/q", "m") }
        for passing in [StoreFileError.Code.locked, .disk] {
            #expect(code(.storeUnusable, file(passing)) == EX_UNAVAILABLE)
        }
        #expect(code(.storeFull) == EX_UNAVAILABLE)
        for passing in [Int32(5), 10, 13] {
            #expect(code(.storeUnusable, SQLiteError(extendedCode: passing, message: "m")) == EX_UNAVAILABLE)
        }
        for lasting in [Int32(8), 11, 14, 26] {
            #expect(code(.storeUnusable, SQLiteError(extendedCode: lasting, message: "m")) == ExitCode.configuration)
        }
        func lock(_ number: Int32) -> WorkerLockError {
            WorkerLockError(.systemRefused, name: "w", systemCode: number, "m")
        }
        #expect(code(.storeUnusable, lock(ENOSPC)) == EX_UNAVAILABLE)
        #expect(code(.storeUnusable, lock(EACCES)) == ExitCode.configuration)
        for lasting in [
            StoreFileError.Code.badPath, .notAFile, .notWritable, .notADatabase, .damaged, .foreign, .newer,
            .fileSystem,
        ] {
            #expect(code(.storeUnusable, file(lasting)) == ExitCode.configuration)
        }
        #expect(code(.nameTaken) == ExitCode.configuration)
        #expect(code(.invalidConfiguration) == ExitCode.configuration)
    }
}
