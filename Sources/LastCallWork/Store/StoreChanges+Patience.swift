extension StoreChanges {
    /// What came of a wait that has an end.
    public enum Heard: Sendable, Hashable {
        /// Something changed.
        case change(StoreChange)
        /// Nothing changed for so long.
        case nothing
        /// Nothing will follow: the store was closed, or the task was cancelled.
        case over
    }

    /// What happened since the last call, once something did, or that nothing did for so long.
    ///
    /// Claims are not announced, because nobody has to act on them; whoever shows what runs looks again now and then.
    ///
    /// - Parameter patience: The longest wait; `nil` is for ever.
    public func next(within patience: Duration?) async -> Heard {
        guard let patience else { return await next().map(Heard.change) ?? .over }
        return await withTaskGroup(of: Heard.self) { group in
            group.addTask { await self.next().map(Heard.change) ?? .over }
            group.addTask {
                do {
                    try await ContinuousClock().sleep(for: patience)
                    return .nothing
                } catch {
                    return .over  // Cancelled: by the other child, or with the caller.
                }
            }
            let first = await group.next() ?? .over
            group.cancelAll()
            // A change that came together with the end of the wait is not lost.
            if case .nothing = first, case .change(let change)? = await group.next() { return .change(change) }
            return first
        }
    }
}
