public import ServiceLifecycle

// As a member of a plan: put it into a stage after everything that writes to it.
extension SQLiteStore: Service {
    /// Keeps the store open until it is told to stop, and closes it then.
    public func run() async throws {
        do {
            try await gracefulShutdown()
        } catch {
            // Cancelled: it is closed all the same, and who cancelled knows.
            await close()
            throw error
        }
        await close()
    }
}
