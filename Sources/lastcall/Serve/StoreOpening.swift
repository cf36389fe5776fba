import FoundationEssentials
import LastCallWork

/// The one place in which a store is opened.
enum StoreOpening {
    /// Opens the store at a place.
    ///
    /// - Parameters:
    ///   - location: Where it is.
    ///   - creates: Whether one that is not there is made.
    /// - Throws: ``WorkError`` with the code `storeUnusable`, which says what to do about it.
    static func open(_ location: StoreLocation, creates: Bool = true) async throws -> any WorkStore {
        switch location {
        case .memory: return MemoryStore()  // Only lastcall serve may: nobody else would see what is in it.
        case .sqlite(let path):
            guard creates || FileManager.default.fileExists(atPath: path) else {
                throw VerbError(
                    .configuration,
                    "\(location): there is no such store; start lastcall serve or submit something, which make it, or name another with --store"
                )
            }
            throw WorkError(.storeUnusable, "\(location): this build has no SQLite store; write \"memory:\"")
        }
    }
}
