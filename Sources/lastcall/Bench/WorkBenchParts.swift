import Dispatch
import FoundationEssentials
import LastCall
import LastCallConcurrency
import LastCallSQLite
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A measurement that cannot be taken.
struct BenchError: Error, CustomStringConvertible {
    /// Why.
    let description: String

    init(_ description: String) { self.description = description }
}

/// The monotonic clock, which all processes of a machine share (clock_gettime(2)).
enum MonotonicNanoseconds {
    /// Now.
    static var now: Int64 {
        Int64(DispatchTime.now().uptimeNanoseconds)
    }
}

/// A folder for the files of a benchmark.
final class BenchFolder: Sendable {
    private let path: String
    private let count = Mutex(0)

    init(in directory: String) throws {
        var template = Array("\(directory)/lastcall-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchError("no folder could be made in \(directory): \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// A file that is not there yet.
    func file() -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        return "\(path)/\(number).sqlite"
    }

    /// Makes a store in which so many no-op jobs wait.
    func fill(_ file: String, with count: Int) async throws {
        let store = try await SQLiteStore.open(file)
        for start in stride(from: 0, to: count, by: 10_000) {
            _ = try await store.accept((start..<min(count, start + 10_000)).map { Submission(.noop($0)) })
        }
        await store.close()
    }

    func remove() {
        // Temporary files that cannot be removed are left to the system.
        try? FileManager.default.removeItem(atPath: path)  // see above
    }
}

/// Prints figures as they come.
struct BenchTable {
    /// A new part; `limit` names what its figures are compared with.
    func title(_ text: String, _ limit: String?) { print("\n\(text)\(limit.map { " (ratio to \($0))" } ?? "")") }

    /// A rate and its limit.
    func row(_ name: String, _ rate: Double, _ limit: Double) {
        print(
            "  \(pad(name, 46))\(pad(Int(rate), 10))   limit \(pad(Int(limit), 9))   ratio \(hundredths(rate / limit))")
    }

    /// A figure of its own.
    func figure(_ name: String, _ value: Double, _ aim: String?) {
        print("  \(pad(name, 62))\(hundredths(value))\(aim.map { "   \($0)" } ?? "")")
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func pad(_ number: Int, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - String(number).count)) + String(number)
    }

    private func hundredths(_ value: Double) -> String {
        let rounded = Int((value * 100).rounded())
        return "\(rounded / 100).\(rounded % 100 < 10 ? "0" : "")\(rounded % 100)"
    }
}

extension [Double] {
    /// The middle one.
    var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}

extension RecordDraft {
    /// A job that does nothing.
    static func noop(_ number: Int) -> RecordDraft {
        RecordDraft(kind: "noop", payload: Array("{\"number\":\(number)}".utf8))
    }

    /// A job that says when it was enqueued and when it began.
    static func stamp() -> RecordDraft {
        RecordDraft(kind: "stamp", payload: Array("\(MonotonicNanoseconds.now)".utf8))
    }

    /// A job that runs until it is told to stop; the second time it ends at once.
    static func hold() -> RecordDraft { RecordDraft(kind: "hold", payload: Array("\(MonotonicNanoseconds.now)".utf8)) }
}

extension WorkRecord {
    /// When it began, where it said so.
    var stampStart: Int64? { result.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } }

    /// The time from its enqueueing to its start.
    var stampMilliseconds: Double? {
        guard let start = stampStart, let before = Int64(String(decoding: payload, as: UTF8.self)) else { return nil }
        return Double(start - before) / 1_000_000
    }
}

/// What SQLite does with the same rows and nothing around it.
struct RawStore {
    private let connection: SQLiteConnection

    init(_ path: String) throws {
        let file = try StoreFile.open(
            path,
            migrations: [
                Migration(
                    1,
                    """
                    CREATE TABLE job (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, priority INTEGER NOT NULL,
                        state INTEGER NOT NULL, due_at INTEGER NOT NULL, epoch INTEGER NOT NULL, worker INTEGER,
                        accepted_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER, payload BLOB) STRICT;
                    CREATE INDEX job_ready ON job (queue, kind, priority, due_at, id) WHERE state = 2;
                    CREATE INDEX job_worker ON job (worker) WHERE worker IS NOT NULL;
                    CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL;
                    """)
            ])
        connection = try file.connectForWriting()
        try connection.set(.full)
    }

    private static let insert = SQLiteQuery(
        "INSERT INTO job VALUES (?, 'noop', 'default', 0, 2, 1, 0, NULL, 1, NULL, NULL, ?)")
    private static let payload = SQLiteValue.bytes(Array("{\"number\":12345}".utf8))

    /// Inserts so many rows, so many a commit; rows a second.
    func inserts(_ count: Int, batch: Int) throws -> Double {
        defer { connection.close() }
        return try measured(count) { try fill(count, batch: batch) }
    }

    private func fill(_ count: Int, batch: Int) throws {
        for start in stride(from: 0, to: count, by: batch) {
            try connection.transaction {
                for id in start..<min(count, start + batch) {
                    try connection.run(Self.insert, .integer(Int64(id + 1)), Self.payload)
                }
            }
        }
    }

    private static let turns = SQLiteQuery(
        """
        SELECT id, payload FROM job WHERE state = 2 AND queue = 'default' AND kind = 'noop' ORDER BY priority, due_at, id LIMIT ?
        """)
    private static let claim = SQLiteQuery(
        "UPDATE job SET state = 3, epoch = epoch + 1, worker = 1, started_at = 2 WHERE id = ?")
    private static let ack = SQLiteQuery(
        "UPDATE job SET state = 5, worker = NULL, finished_at = 3 WHERE id = ? AND epoch = 1 AND state IN (3, 4)")

    /// Claims and acknowledges so many rows, so many a commit: the last batch's ends and the next one's claims together.
    func claimsAndAcks(_ count: Int, batch: Int) throws -> Double {
        defer { connection.close() }
        try fill(count, batch: 10_000)
        return try measured(count) {
            var held: [Int64] = []
            repeat {
                try connection.transaction {
                    for id in held { try connection.run(Self.ack, .integer(id)) }
                    held = try connection.all(Self.turns, .integer(Int64(batch))) { row in
                        _ = row.bytes(1)
                        return row.integer(0)
                    }
                    for id in held { try connection.run(Self.claim, .integer(id)) }
                }
            } while !held.isEmpty
        }
    }

    private func measured(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return Double(count) / start.duration(to: .now).inSeconds
    }
}
