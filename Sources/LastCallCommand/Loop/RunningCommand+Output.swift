#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// Reading what the program writes: as fast as its reader takes it, and to the last byte.
extension RunningCommand {
    /// How many reads a ready pipe gets before the others have their turn.
    private static let readsPerTurnMax = 4
    /// How much is taken from a stopped command's pipe: its largest size by far (fcntl(2), F_SETPIPE_SZ).
    ///
    /// Beyond that somebody who got away is still writing.
    private static let drainBytesMax = 8 << 20

    /// What a read came to.
    private enum ReadOutcome {
        case bytes(Int)
        case empty
        case ended
    }

    /// A pipe can be read.
    func pipeReady(_ stream: OutputStream) {
        guard let descriptor = process.pipes[stream], !isPaused else { return }
        var lines: [OutputLine] = []
        var hasEnded = false
        for _ in 0..<Self.readsPerTurnMax where !hasEnded {
            switch readOnce(descriptor) {
            case .bytes(let count): take(count, stream, &lines)
            case .empty: break
            case .ended: hasEnded = true
            }
            // A reader that waits gets its lines before more is read.
            if !lines.isEmpty { break }
        }
        if hasEnded { endStream(stream, &lines) }
        handOn(lines)
        let now = { MonotonicTime.now }
        perform(machine.outputCounted(bytes: tally.outputBytes, at: now()))
        if hasEnded { perform(machine.pipeEnded(stream, at: now())) }
    }

    /// The reader took its lines.
    func readOn() {
        guard isPaused else { return }
        isPaused = false
        watchPipes()
    }

    /// Has the loop wait for the pipes.
    func watchPipes() {
        for (stream, descriptor) in process.pipes {
            poller.add(descriptor, owner: number, kind: Poller.Kind(stream))
        }
    }

    /// Takes what is in the pipes, however slow the reader is.
    func drainPipes() {
        for (stream, descriptor) in process.pipes {
            var lines: [OutputLine] = []
            var bytesLeft = Self.drainBytesMax
            reading: while bytesLeft > 0 {
                switch readOnce(descriptor) {
                case .bytes(let count):
                    take(count, stream, &lines)
                    bytesLeft -= count
                case .empty, .ended: break reading
                }
            }
            endStream(stream, &lines)
            handOn(lines)
        }
    }

    /// Hands on what stands behind the last line feed of streams that did not end.
    func flushSplitters() {
        for stream in process.pipes.keys {
            var lines: [OutputLine] = []
            endStream(stream, &lines)
            handOn(lines)
        }
    }

    func closePipes() {
        for stream in process.pipes.keys { closePipe(stream) }
    }

    private func readOnce(_ descriptor: Int32) -> ReadOutcome {
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .ended }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .empty : .ended
        }
    }

    /// Cuts bytes into lines, up to the output limit.
    private func take(_ count: Int, _ stream: OutputStream, _ lines: inout [OutputLine]) {
        let room = command.limits.outputBytes.map { max(0, $0 - tally.outputBytes) } ?? count
        tally.outputBytes += count
        let kept = min(room, count)
        splitters[stream]?.append(UnsafeRawBufferPointer(rebasing: buffer[..<kept]), to: &lines)
        guard kept < count else { return }
        tally.bytesDropped += count - kept
        splitters[stream]?.finish(isTruncated: true, to: &lines)
    }

    private func endStream(_ stream: OutputStream, _ lines: inout [OutputLine]) {
        splitters[stream]?.finish(isTruncated: false, to: &lines)
        closePipe(stream)
    }

    private func closePipe(_ stream: OutputStream) {
        guard let descriptor = process.pipes.removeValue(forKey: stream) else { return }
        if !isPaused { poller.remove(descriptor) }
        close(descriptor)
    }

    private func handOn(_ lines: [OutputLine]) {
        tally.lineCount += lines.count
        guard !outlet.lines.push(lines), !isPaused else { return }
        isPaused = true
        for descriptor in process.pipes.values { poller.remove(descriptor) }
    }
}
