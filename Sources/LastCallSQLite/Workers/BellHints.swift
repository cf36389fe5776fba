/// What changed in a store, in one byte: enough to know who has to look.
package struct BellHints: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// There is something to claim.
    package static let work = BellHints(rawValue: 1)
    /// Something came to its end.
    package static let outcome = BellHints(rawValue: 2)
    /// Something running is to be cancelled or was asked of its worker.
    package static let control = BellHints(rawValue: 4)
    /// Workers came, left or died.
    package static let workers = BellHints(rawValue: 8)
    /// Something changed, and nobody said what.
    package static let anything = BellHints(rawValue: 0xFF)
}
