/// The store was closed before it was asked.
public struct StoreClosedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Creates the error.
    public init() {}

    /// What happened and what to do.
    public var description: String {
        "The store is closed: nothing is accepted any more. Ask before it is stopped, in a stage above the store's."
    }
}
