import ArgumentParser
import LastCall
import LastCallConcurrency
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `lastcall watch`: a live screen of what waits, what runs and what ended last.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Watch the store live: what waits, what runs, what ended last.",
        discussion: """
            Drawn again whenever something changes, and every second. q or Ctrl-C leaves; the work goes on. Without a terminal, \
            use lastcall status.

            EXAMPLES
              lastcall watch
              NO_COLOR=1 lastcall watch --store sqlite:queue.sqlite

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    func run() async throws {
        try await Verb.run {
            guard Terminal.isOutput, Terminal.isInput else {
                throw VerbError(
                    .usage,
                    "watch draws on a terminal, and this is none; use lastcall status, or lastcall status --json")
            }
            try await place.withStore { opened in
                let screen = Screen()
                defer { screen.leave() }
                let code = try await WatchLoop(work: opened.work, screen: screen, style: Terminal.style).run()
                if let code { throw ArgumentParser.ExitCode(code) }
            }
        }
    }
}

/// Draws a store's state again and again until somebody leaves.
struct WatchLoop: Sendable {
    /// The store.
    let work: WorkClient
    /// Where it is drawn.
    let screen: Screen
    /// How it is painted.
    let style: TextStyle

    /// The longest and the shortest time between two drawings.
    private static let interval = (longest: Duration.seconds(1), shortest: Duration.milliseconds(100))
    /// How many jobs are looked at.
    private static let listedMax = 100

    /// Draws until a key or a signal ends it; returns the exit code after a signal but Ctrl-C.
    func run() async throws -> Int32? {
        screen.enter()
        return try await withThrowingTaskGroup(of: Int32??.self) { group in
            group.addTask { try await draw() }
            group.addTask { .some(try await screen.left.wait()) }
            defer { group.cancelAll() }
            return try await group.next().flatMap(\.self) ?? nil
        }
    }

    private func draw() async throws -> Int32?? {
        let changes = work.store.changes()
        while true {
            let began = ContinuousClock.now
            let lines = try await Self.lines(work, style: style)
            screen.draw(lines)
            // A store that takes long to answer is not asked all the time.
            try await ContinuousClock().sleep(for: max(Self.interval.shortest, began.duration(to: .now) * 4))
            if await changes.next(within: Self.interval.longest) == .over {
                try Task.checkCancellation()
                throw WorkError(.closed, "the store was closed")
            }
        }
    }

    /// Everything that is shown, the most important first: what is too much for the screen is left out below.
    static func lines(_ work: WorkClient, style: TextStyle) async throws -> [String] {
        let status = try await work.status()
        var lines = StatusText(status: status, store: work.store.traits.name).lines(style)
        let running = try await work.store.records(WorkQuery(states: [.running, .stopping], limit: listedMax))
        let ended = try await work.store.records(
            WorkQuery(states: [.succeeded, .partial, .failed, .cancelled, .dead], newestFirst: true, limit: 20))
        for (title, records) in [("running", running), ("ended last", ended)] where !records.isEmpty {
            lines += ["", style.bold(title)] + RecordText.table(records, now: status.now).lines(style)
        }
        return lines
    }
}

/// A terminal's other screen, with keys read one by one; the first one is restored in every way out.
final class Screen: Sendable {
    /// What is kept under the lock.
    private struct State {
        /// The terminal's settings before; `nil` while the first screen is shown.
        var before: termios?
        /// What is shown.
        var lines: [String] = []
    }

    private let state = Mutex(State())
    /// Opens when somebody leaves: `nil` by a key or Ctrl-C, otherwise with an exit code.
    let left = Latch<Int32?>()

    /// Shows the other screen and begins to listen to keys and signals.
    func enter() {
        let signals = ProcessSignals.take()
        signals.take([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) { [self] signal in
            guard left.open(signal.number == SIGINT ? nil : 128 + signal.number) else {
                leave()
                ProcessExit.now(128 + signal.number)
            }
        }
        signals.take([SIGWINCH]) { [self] _ in redraw() }
        signals.take([SIGTSTP]) { [self] _ in suspend() }
        signals.take([SIGCONT]) { [self] _ in
            show()
            redraw()
        }
        show()
        DedicatedThread.start(name: "lastcall-keys") { [self] in readKeys() }
    }

    private func show() {
        state.withLock { state in
            guard state.before == nil else { return }
            var settings = termios()
            guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
            state.before = settings
            // Keys come one by one and unseen; Ctrl-C and Ctrl-Z stay signals (termios(3)).
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
            tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
            // The alternate screen, no cursor (xterm control sequences, DECSET 1049 and 25).
            Self.write("\u{1B}[?1049h\u{1B}[?25l")
        }
    }

    /// Shows the first screen again; harmless when it is shown.
    func leave() {
        state.withLock { state in
            guard var before = state.before else { return }
            state.before = nil
            Self.write("\u{1B}[?25h\u{1B}[?1049l")
            tcsetattr(STDIN_FILENO, TCSADRAIN, &before)
        }
    }

    /// Ctrl-Z: the shell gets its screen back, and this process stands still until SIGCONT.
    private func suspend() {
        leave()
        kill(getpid(), SIGSTOP)
    }

    /// Shows lines; those that do not fit are left out.
    func draw(_ lines: [String]) {
        state.withLock { $0.lines = lines }
        redraw()
    }

    private func redraw() {
        state.withLock { state in
            guard state.before != nil else { return }
            let size = Terminal.size(of: STDOUT_FILENO)
            Self.write(Self.frame(state.lines, columns: size.columns, rows: size.rows))
        }
    }

    /// What is written to show lines: each over what was there, then nothing below, and how to leave in the last row.
    static func frame(_ lines: [String], columns: Int, rows: Int) -> String {
        let room = max(0, rows - 1)
        var shown = lines
        if lines.count > room, room > 1 { shown = lines.prefix(room - 1) + ["… \(lines.count - room + 1) more lines"] }
        var text = "\u{1B}[H"
        for line in shown.prefix(room) { text += cut(line, to: columns) + "\u{1B}[K\r\n" }
        return text + "\u{1B}[J\u{1B}[\(rows);1H" + cut("q leaves; the work goes on", to: columns) + "\u{1B}[K"
    }

    /// The first columns of a line; sequences that paint take no room and are all kept.
    static func cut(_ line: String, to columns: Int) -> String {
        var (text, width, isSequence) = ("", 0, false)
        for character in line {
            if character == "\u{1B}" { isSequence = true }
            if isSequence || width < columns { text.append(character) }
            if !isSequence { width += 1 }
            if isSequence && character.isLetter { isSequence = false }
        }
        return text
    }

    private func readKeys() {
        var key: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &key, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else {
                // The terminal went away.
                left.open(nil)
                return
            }
            if key == UInt8(ascii: "q") || key == UInt8(ascii: "Q") || key == 0x04 { left.open(nil) }
        }
    }

    private static func write(_ text: String) {
        do {
            try Terminal.write(Array(text.utf8), to: STDOUT_FILENO)
        } catch {
            // The terminal went away; the next key or signal ends the watch.
        }
    }
}
