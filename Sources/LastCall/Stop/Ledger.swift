public import ServiceLifecycle

/// What a member holds and what became of everything it ever accepted.
///
/// All counts but ``held`` are totals since the member started. The lifecycle reads the ledger when the stop begins and when the
/// member ended; the differences are the receipt's line for the member, and
/// held + accepted = done + handed over + kept + dead-lettered + cut must come out of them.
public struct Ledger: Sendable, Hashable {
    /// What the member has in hand right now, counted, not derived from the totals.
    public var held: Int
    /// How much of ``held`` is stored, and is continued by whoever comes next even where this process ends now.
    ///
    /// What a member still holds when it is abandoned counts as kept as far as this goes, and as cut beyond it. 0 by default.
    public var stored = 0
    /// Everything the member took on.
    public var accepted: Int
    /// What it finished.
    public var done: Int
    /// What another worker has, or may claim now.
    public var handedOver: Int
    /// What is stored, and continued at the next start.
    public var kept: Int
    /// What was given up with its payload stored.
    public var deadLettered: Int
    /// What the member itself knows to be lost.
    public var cut: Int
    /// How many items a second the member finishes, where it knows.
    ///
    /// The receipt predicts from it what cannot make it.
    public var donePerSecond: Double?

    /// Creates a ledger.
    public init(
        held: Int = 0, accepted: Int = 0, done: Int = 0, handedOver: Int = 0, kept: Int = 0, deadLettered: Int = 0,
        cut: Int = 0, donePerSecond: Double? = nil
    ) {
        self.held = held
        self.accepted = accepted
        self.done = done
        self.handedOver = handedOver
        self.kept = kept
        self.deadLettered = deadLettered
        self.cut = cut
        self.donePerSecond = donePerSecond
    }
}

/// One thing in a member's hands, as the receipt lists it when it is cut.
public struct LedgerItem: Sendable, Hashable {
    /// What it is, without payload, secrets or a URL's query: `GET /reports/7`, `job 512 hash`.
    public let label: String
    /// How long the member has had it, where it knows.
    public let age: Duration?

    /// Creates an item.
    public init(_ label: String, age: Duration? = nil) {
        self.label = label
        self.age = age
    }
}

/// A member that counts its work.
///
/// Conform a `Service` to it, and the receipt shows what it held, what came in during the stop and what became of it.
public protocol LedgerReporting: Sendable {
    /// The counts, read in one go so that they belong together. Called from any thread; it must not block.
    var ledger: Ledger { get }

    /// What the member holds, asked for only when something is cut.
    ///
    /// - Parameter itemsMax: How many items the receipt has room for.
    func heldItems(itemsMax: Int) -> [LedgerItem]

    /// What was lost, in the member's own words, the newest last; empty by default.
    ///
    /// The receipt takes those from the end that were lost in the stop, by the count of ``Ledger/cut``.
    ///
    /// - Parameter itemsMax: How many items the receipt has room for.
    func cutItems(itemsMax: Int) -> [LedgerItem]

    /// What the receipt is to say of the member's stop beside the counts, in a few short sentences without secrets; nothing by default.
    var remarks: [String] { get }
}

extension LedgerReporting {
    /// Nothing was lost that ``heldItems(itemsMax:)`` does not list.
    public func cutItems(itemsMax: Int) -> [LedgerItem] { [] }

    /// The counts say it all.
    public var remarks: [String] { [] }
}

/// A member that says when it is ready.
///
/// The lifecycle starts the next stage once all members of this one are ready. A `Service` that does not conform counts as
/// ready as soon as its `run` was entered.
public protocol ReadinessReporting: Service {
    /// Returns when the member is ready; throws when it never will be.
    func waitUntilReady() async throws
}
