import LastCallConcurrency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Shows the receipt on standard error at the end, and on a terminal a line of live progress while the stop goes on.
///
/// The live line is drawn over itself only, with the cursor left at its beginning: a table that is drawn over itself would wipe
/// out what the service and its log print meanwhile.
final class ReceiptScreen: Sendable {
    private let isShown: Bool
    private let isWorthShowing: @Sendable (Receipt) -> Bool
    private let isJSON: Bool
    private let isTerminal: Bool
    private let isColoured: Bool
    /// Makes the receipt as it stands, while the stop goes on.
    private let live = Mutex<(@Sendable () -> Receipt)?>(nil)
    /// Whether a live line is on the screen; held while something is drawn, which a stopped terminal (Ctrl-S) holds up.
    private let drawing = Mutex(false)
    private let alarm = Watchdog.shared.makeAlarm()
    private let painter = SerialThread(name: "lastcall-screen")
    /// How often the live line is drawn.
    private static let interval = Duration.milliseconds(200)

    init(
        display: Lifecycle.Configuration.ReceiptDisplay, isShown isWorthShowing: @escaping @Sendable (Receipt) -> Bool,
        isColourless: Bool
    ) {
        self.isWorthShowing = isWorthShowing
        isTerminal = isatty(STDERR_FILENO) == 1
        isColoured = isTerminal && !isColourless
        isJSON = display == .json
        switch display {
        case .onTerminal: isShown = isTerminal
        case .always, .json: isShown = true
        case .never: isShown = false
        }
    }

    /// Draws the receipt as it stands from now on, until ``end()``.
    func begin(_ live: @escaping @Sendable () -> Receipt) {
        guard isShown, isTerminal, !isJSON else { return }
        self.live.withLock { $0 = live }
        tick()
    }

    private func tick() {
        // A stop that is over within the first interval is not drawn twice.
        Watchdog.shared.set(alarm, at: .now + Self.interval) { [self] in
            painter.perform { [self] in
                guard let makeReceipt = live.withLock({ $0 }) else { return }
                let line = ReceiptTable(makeReceipt()).progress
                drawing.withLock { isLineDrawn in
                    // The end may have come while a ledger was asked: nothing is drawn below the table.
                    guard live.withLock({ $0 != nil }) else { return }
                    isLineDrawn = true
                    drawLine(line)
                }
                tick()
            }
        }
    }

    /// Ends the live drawing.
    func end() {
        live.withLock { $0 = nil }
        Watchdog.shared.set(alarm, at: nil) {}
        painter.end()
    }

    /// Shows the final receipt, in place of the live line where there was one.
    func show(_ receipt: Receipt) {
        guard isShown else { return }
        drawing.withLock { isLineDrawn in
            if isLineDrawn { print("\r\u{1B}[K") }
            if isWorthShowing(receipt) { print(text(receipt)) }
        }
    }

    private func text(_ receipt: Receipt) -> String {
        guard isJSON else { return ReceiptTable(receipt, isColoured: isColoured).text }
        do {
            return try receipt.json() + "\n"
        } catch {
            return "lastcall: the receipt could not be encoded: \(error)\n"
        }
    }

    private func drawLine(_ line: String) {
        // Carriage return, erase to the end of the line (ECMA-48 EL), and back to its beginning.
        print("\r\u{1B}[K\(line.prefix(Self.columns() - 1))\r")
    }

    private func print(_ text: String) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // A closed or full standard error loses the table; the file and the log have it too.
            guard count > 0 else { return }
            written += count
        }
    }

    private static func columns() -> Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
