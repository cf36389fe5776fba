import FoundationEssentials
import LastCallSQLite
import LastCallWork

/// The one place in which a store is opened.
enum StoreOpening {
    /// How long a verb waits for a file that another program has locked.
    private static let verbPatience = Duration.seconds(5)

    /// Opens the store at a place, and makes it where it is not there.
    ///
    /// - Throws: ``WorkError`` with the code `storeUnusable`, which says what to do about it.
    static func open(_ location: StoreLocation) async throws -> any WorkStore {
        switch location {
        case .memory: MemoryStore()
        case .sqlite(let path): try await SQLiteStore.open(path)
        }
    }

    /// Whether a store that outlives its process is not there yet: a path that was mistyped would make an empty one.
    static func isMissing(_ location: StoreLocation) -> Bool {
        guard case .sqlite(let path) = location else { return false }
        return !FileManager.default.fileExists(atPath: path)
    }

    /// Opens the store at a place for a verb, which is over soon.
    ///
    /// - Parameters:
    ///   - location: Where it is.
    ///   - creates: Whether one that is not there is made.
    /// - Throws: ``VerbError`` where it is not there or is another process's memory; ``WorkError`` as ``open(_:)``.
    static func openBriefly(_ location: StoreLocation, creates: Bool) async throws -> any WorkStore {
        switch location {
        case .memory:
            throw VerbError(
                .configuration,
                "store memory: is seen by the process alone that serves it; write sqlite:PATH to submit and look from here"
            )
        case .sqlite(let path):
            guard creates || FileManager.default.fileExists(atPath: path) else {
                throw VerbError(
                    .configuration,
                    "\(location): there is no such store; lastcall serve and lastcall submit make it, --store names another"
                )
            }
            return try await SQLiteStore.open(path, configuration: .init(patience: verbPatience))
        }
    }
}
