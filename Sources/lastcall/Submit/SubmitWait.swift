import ArgumentParser
import LastCall
import LastCallConcurrency
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `submit --wait`: follows what was submitted to its end.
struct SubmitWait: Sendable {
    /// What was submitted.
    let submitted: Submitted
    /// The store.
    let work: WorkClient
    /// Whether one JSON object is printed at the end, and nothing before.
    let isJSON: Bool

    /// Waits, prints what the last job wrote, and exits with what became of it.
    func run(until interruption: Interruption) async throws {
        if !isJSON {
            for id in submitted.ids { print(id) }
            fflush(nil)
        }
        let progress = WaitProgress(ids: submitted.ids, isLive: Terminal.isError && !isJSON, isSilent: isJSON)
        await warnWhereNobodyWorks()
        let ended = try await interruption.race { [work, submitted] in
            try await work.wait(for: submitted.ids, lookingAgainAfter: .seconds(1)) { records in
                progress.show(records, now: work.store.now)
            }
        }
        progress.end()
        guard let ended else {
            if isJSON { print(JSONText.encode(submitted.json(outcome: "waiting"))) }
            leave()
            throw ArgumentParser.ExitCode(interruption.exitCode)
        }
        let last = ended.filter { submitted.last.contains($0.id) }
        let output = last.count == 1 ? try await work.resultLines(of: last[0].id) : nil
        if isJSON {
            print(JSONText.encode(submitted.json(outcome: Self.outcome(of: last), jobs: last, output: output)))
        } else {
            try tell(ended, output)
        }
        let code = Self.exitCode(for: last)
        if code != 0 { throw ArgumentParser.ExitCode(code) }
    }

    /// 0 where all succeeded, 75 where one is partial, 1 where one did not end well.
    static func exitCode(for last: [WorkRecord]) -> Int32 {
        if last.contains(where: { !$0.state.countsAsDone }) { return LastCall.ExitCode.failure }
        return last.contains { $0.state == .partial } ? LastCall.ExitCode.cut : LastCall.ExitCode.clean
    }

    /// The worst of the ends, in one word.
    static func outcome(of last: [WorkRecord]) -> String {
        let order: [WorkState] = [.dead, .failed, .cancelled, .partial]
        let worst = order.first { state in last.contains { $0.state == state } } ?? .succeeded
        return "\(worst)"
    }

    private func tell(_ ended: [WorkRecord], _ output: [WorkLine]?) throws {
        if let output {
            fflush(nil)
            do {
                try Terminal.write(
                    output.filter { $0.source == .output }.flatMap { $0.bytes + [0x0A] }, to: STDOUT_FILENO)
            } catch let error as Terminal.OutputClosed {
                guard error.code != EPIPE else { return }
                throw VerbError(
                    .refused, "standard output could not be written: \(String(cString: strerror(error.code)))")
            }
        }
        for record in ended where record.state != .succeeded {
            let why = record.detail.map { ": \($0)" } ?? ""
            Verb.complain(
                "job \(record.id) \(record.kind) \(RecordText(record: record, now: work.store.now).state)\(why)")
        }
        if ended.count > 1 { Verb.complain(WaitProgress.summary(ended)) }
    }

    /// Says what goes on without us.
    private func leave() {
        guard let first = submitted.ids.first else { return }
        let isOne = submitted.ids.count == 1
        let whole = submitted.workflow == nil ? "" : " --workflow"
        let name = isOne ? "job \(first) goes on" : "the \(submitted.ids.count) jobs go on"
        let look = submitted.last.first.map { "lastcall show \($0)" } ?? "lastcall status"
        let ids =
            submitted.workflow == nil ? submitted.ids.prefix(20).map { "\($0)" }.joined(separator: " ") : "\(first)"
        Verb.complain("\(name); look with: \(look), end with: lastcall cancel \(ids)\(whole)")
    }

    /// Says at once where waiting would be in vain.
    private func warnWhereNobodyWorks() async {
        do {
            let status = try await work.status()
            if !status.workers.contains(where: \.isAlive) {
                Verb.complain("no worker is alive; it starts as soon as lastcall serve does")
                return
            }
            let kinds = try await work.records(submitted.ids.prefix(1000)).filter { !$0.state.isTerminal }
            for kind in Set(kinds.map(\.kind)).sorted() {
                guard let record = kinds.first(where: { $0.kind == kind && !status.isHandled(kind, in: $0.queue) })
                else { continue }
                Verb.complain("no worker that is alive handles \(kind) in queue \(record.queue); it waits for one")
            }
        } catch {
            // It is advice; what is wrong with the store the wait itself will tell.
        }
    }
}

/// How far what is waited for is: a line that is drawn over itself on a terminal, otherwise a line for each end.
final class WaitProgress: Sendable {
    /// What is known.
    private struct State {
        /// The jobs as they were last seen.
        var records: [WorkID: WorkRecord] = [:]
        /// Whether a line is drawn.
        var isDrawn = false
    }

    private let count: Int
    private let isLive: Bool
    private let isSilent: Bool
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    /// Creates a progress.
    ///
    /// - Parameters:
    ///   - ids: What is waited for.
    ///   - isLive: Whether a line is drawn over itself.
    ///   - isSilent: Whether nothing is said.
    init(ids: [WorkID], isLive: Bool, isSilent: Bool) {
        count = ids.count
        self.isLive = isLive
        self.isSilent = isSilent
    }

    /// Shows jobs that were looked at again.
    func show(_ records: [WorkRecord], now: WorkInstant) {
        guard !isSilent else { return }
        let (all, news) = state.withLock { state in
            let news = records.filter { record in
                guard let before = state.records[record.id] else {
                    return record.state.isHeld || record.state.isTerminal
                }
                return before.state != record.state
            }
            for record in records { state.records[record.id] = record }
            if isLive { state.isDrawn = true }
            return (Array(state.records.values), news)
        }
        guard isLive else {
            for record in news {
                Verb.complain("job \(record.id) \(record.kind): \(RecordText(record: record, now: now).state)")
            }
            return
        }
        draw(Self.line(all, count: count, elapsed: began.duration(to: .now), now: now))
    }

    /// Ends the drawing.
    func end() {
        let isDrawn = state.withLock { state in
            defer { state.isDrawn = false }
            return state.isDrawn
        }
        guard isDrawn else { return }
        var standardError = StandardError()
        standardError.write("\r\u{1B}[K")
    }

    /// `3 of 5 over, 2 running (hash 40%), 0:12`.
    static func line(_ records: [WorkRecord], count: Int, elapsed: Duration, now: WorkInstant) -> String {
        let over = records.count { $0.state.isTerminal }
        let running = records.filter(\.state.isHeld).sorted { $0.id < $1.id }
        let waiting = records.count { $0.state.isWaiting }
        var parts = [count == 1 ? "" : "\(over) of \(count) over"]
        if let first = running.first {
            let text = RecordText(record: first, now: now)
            let progress = text.progress.isEmpty ? "" : " \(text.progress)"
            parts.append("\(running.count) running (\(first.kind)\(progress) \(text.age))")
        }
        if waiting > 0 { parts.append("\(waiting) waiting") }
        parts.append(AgeText.format(elapsed))
        return parts.filter { !$0.isEmpty }.joined(separator: ", ")
    }

    /// How many ended how: `5 jobs: 4 succeeded, 1 partial`.
    static func summary(_ records: [WorkRecord]) -> String {
        let states = WorkState.allCases.compactMap { state -> String? in
            let count = records.count { $0.state == state }
            return count == 0 ? nil : "\(count) \(state)"
        }
        return "\(records.count) jobs: \(states.joined(separator: ", "))"
    }

    private func draw(_ line: String) {
        let columns = Terminal.size(of: STDERR_FILENO).columns
        let text = TextTable.oneLine("lastcall: " + line)
        var standardError = StandardError()
        // Carriage return, erase to the end of the line (ECMA-48 EL), and back to its beginning.
        standardError.write("\r\u{1B}[K\(text.prefix(columns - 1))\r")
    }
}
