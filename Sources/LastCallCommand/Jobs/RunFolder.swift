import FoundationEssentials
import LastCall
import LastCallConcurrency
import LastCallWork
import Logging

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A folder for one run of a job's program: its checkpoint, and what it reads.
final class RunFolder: Sendable {
    /// How often the checkpoint is looked at while the program runs.
    private static let lookEvery = Duration.milliseconds(500)

    /// The folder.
    private let path: String
    /// What was stored last.
    private let stored: Mutex<[UInt8]?>
    /// The largest checkpoint that is read.
    private let checkpointBytesMax: Int
    /// Whether a checkpoint that cannot be stored was told of.
    private let isTold = Mutex(false)

    /// Makes the folder, with the checkpoint of an earlier run in it.
    ///
    /// - Throws: `JobNotStarted` where it cannot be made; later or elsewhere there may be room.
    init(checkpoint: [UInt8]?, checkpointBytesMax: Int) throws {
        self.checkpointBytesMax = checkpointBytesMax
        let base = ProcessEnvironment.current["TMPDIR"] ?? "/tmp"
        // mkdtemp(3) makes it for this user alone.
        var template = Array("\(base)/lastcall-job.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw JobNotStarted(
                "no folder could be made in \(base): \(String(cString: strerror(errno))); free space there or set TMPDIR"
            )
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        stored = Mutex(checkpoint)
        if let checkpoint { try write(checkpoint, to: checkpointPath) }
    }

    /// The file that the program may write.
    var checkpointPath: String { "\(path)/checkpoint" }

    /// Removes the folder and everything in it.
    func remove() {
        try? FileManager.default.removeItem(atPath: path)  // it is temporary all the same
    }

    /// Stores the checkpoint whenever it changed, until the task is cancelled.
    func storeCheckpoints(_ context: JobContext) async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.lookEvery) } catch { return }  // The program ended.
            storeCheckpoint(context)
        }
    }

    /// Stores the checkpoint where it changed.
    func storeCheckpoint(_ context: JobContext) {
        guard let bytes = readCheckpoint(context) else { return }
        let isNew = stored.withLock { stored in
            defer { stored = bytes }
            return stored != bytes
        }
        guard isNew else { return }
        do {
            try context.saveCheckpoint(bytes)
        } catch {
            context.logger.warning("the checkpoint was not stored", metadata: ["error": "\(error)"])
        }
    }

    /// The checkpoint, where there is one that can be stored.
    ///
    /// It is the program's file and may be anything: what is no regular file, or too large, is left alone.
    private func readCheckpoint(_ context: JobContext) -> [UInt8]? {
        let file = open(checkpointPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            tell(context, "the checkpoint is no regular file and is not stored")
            return nil
        }
        guard status.st_size <= checkpointBytesMax else {
            tell(context, "the checkpoint has \(status.st_size) bytes, at most \(checkpointBytesMax) are stored")
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    /// Says once what keeps the checkpoint from being stored.
    private func tell(_ context: JobContext, _ message: Logger.Message) {
        let isFirst = isTold.withLock { isTold in
            defer { isTold = true }
            return !isTold
        }
        if isFirst { context.logger.warning(message) }
    }

    /// Writes the members of the group that the job waited for, one line each; returns the file's path.
    func writeMembers(of context: JobContext) async throws -> String {
        let file = "\(path)/members"
        do {
            try write([], to: file)
            // One member at a time: together they may be larger than memory.
            for (place, member) in try await context.members().enumerated() {
                let lines = try await context.resultLines(of: member.record.id)
                try append(try MemberLine(place: place, member: member, lines: lines).json + [0x0A], to: file)
            }
        } catch let error as JobNotStarted {
            throw error
        } catch {
            throw JobNotStarted("what the job waited for could not be read: \(error)")
        }
        return file
    }

    private func append(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "ae") else { throw unwritable(path) }
        let count = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, count == bytes.count else { throw unwritable(path) }
    }

    private func unwritable(_ path: String) -> JobNotStarted {
        JobNotStarted(
            "\(path) could not be written: \(String(cString: strerror(errno))); free space there or set TMPDIR")
    }

    private func write(_ bytes: [UInt8], to file: String) throws {
        do {
            try Data(bytes).write(to: URL(filePath: file))
        } catch {
            throw JobNotStarted("\(file) could not be written: \(error); free space there or set TMPDIR")
        }
    }
}
