public import LastCall
public import ServiceLifecycle

/// As a member of the last stage, a store in memory says in the receipt what dies with it.
extension MemoryStore: Service, LedgerReporting {
    /// Waits until it is told to stop; what then still waits is cut.
    public func run() async throws {
        joined()
        // Ends with the stop or with the task's cancellation, whichever comes first; both mean the same here.
        try? await gracefulShutdown()  // cancelled: the stop has come all the same
        await end()
    }

    /// What waits, what was accepted, and what became of it.
    public var ledger: Ledger { counted }

    /// What waits.
    public func heldItems(itemsMax: Int) -> [LedgerItem] { waitingItems(itemsMax: itemsMax) }

    /// What was still waiting when the store ended.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { cutAtTheEnd(itemsMax: itemsMax) }
}
