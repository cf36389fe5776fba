import FoundationEssentials
import LastCall
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

    /// Makes the folder, with the checkpoint of an earlier run in it.
    ///
    /// - Throws: ``JobFailure`` where it cannot be made; another attempt may find room.
    init(checkpoint: [UInt8]?) throws {
        let base = ProcessEnvironment.current["TMPDIR"] ?? "/tmp"
        // mkdtemp(3) makes it for this user alone.
        var template = Array("\(base)/lastcall-job.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw JobFailure(
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
        guard let data = FileManager.default.contents(atPath: checkpointPath) else { return }
        let bytes = Array(data)
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

    /// Writes the members of the group that the job waited for, one line each; returns the file's path.
    func writeMembers(of context: JobContext) async throws -> String {
        let file = "\(path)/members"
        var text: [UInt8] = []
        for (place, member) in try await context.members().enumerated() {
            let lines = try await context.resultLines(of: member.record.id)
            text += try MemberLine(place: place, member: member, lines: lines).json
            text.append(0x0A)
        }
        try write(text, to: file)
        return file
    }

    private func write(_ bytes: [UInt8], to file: String) throws {
        do {
            try Data(bytes).write(to: URL(filePath: file))
        } catch {
            throw JobFailure("\(file) could not be written: \(error); free space there or set TMPDIR")
        }
    }
}
