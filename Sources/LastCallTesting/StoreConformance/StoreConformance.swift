import LastCallWork

/// What every ``WorkStore`` has to do, as a list of small checks, each on a fresh store.
///
/// ```swift
/// @Suite struct MyStoreConformanceTests {
///     let conformance = StoreConformance { StoreConformance.Subject(store: …, advance: …, kill: …) }
///
///     @Test("a store does what every store does", arguments: StoreConformance.checks)
///     func conforms(to check: StoreConformance.Check) async throws { try await conformance.run(check) }
/// }
/// ```
///
/// No check sleeps or looks at how long something took: the store's clock is moved by ``Subject/advance``.
public struct StoreConformance: Sendable {
    /// A fresh store, and what a check cannot do through the protocol.
    public struct Subject: Sendable {
        /// The store.
        public var store: any WorkStore
        /// A second handle on the same store, as another process would have one; the same object where there is none.
        public var other: any WorkStore
        /// Whether a worker whose lock is held is given up when its lease ends.
        public var endsWithLease: Bool
        /// Moves the store's clock on.
        public var advance: @Sendable (Duration) async -> Void
        /// Lets go of a worker's lock, as its death does.
        public var kill: @Sendable (WorkerID) async throws -> Void
        /// Removes what the store left behind, such as its files.
        public var cleanUp: @Sendable () async throws -> Void

        /// Creates a subject; without a second handle there is one.
        public init(
            store: any WorkStore, other: (any WorkStore)? = nil, endsWithLease: Bool = true,
            advance: @escaping @Sendable (Duration) async -> Void,
            kill: @escaping @Sendable (WorkerID) async throws -> Void,
            cleanUp: @escaping @Sendable () async throws -> Void = {}
        ) {
            self.store = store
            self.other = other ?? store
            self.endsWithLease = endsWithLease
            self.advance = advance
            self.kill = kill
            self.cleanUp = cleanUp
        }
    }

    /// One thing that has to hold.
    public struct Check: Sendable, CustomStringConvertible {
        /// What holds, as a sentence.
        public let name: String
        /// Tries it; throws ``Violation`` where it does not hold.
        let body: @Sendable (StoreTrial) async throws -> Void

        /// Creates a check.
        init(_ name: String, _ body: @escaping @Sendable (StoreTrial) async throws -> Void) {
            self.name = name
            self.body = body
        }

        /// What holds.
        public var description: String { name }
    }

    /// Something that did not hold.
    public struct Violation: Error, Sendable, CustomStringConvertible {
        /// What was found, and what should have been.
        public let description: String
    }

    /// All checks.
    public static let checks: [Check] =
        accepting + keys + claiming + fencing + endings + output + groups + nesting + deadlines + lanes + dependents
        + outbox + schedules + people + workers + retention + queries + changes

    /// Makes a fresh store.
    private let makeSubject: @Sendable () async throws -> Subject

    /// Creates a suite for the stores that `makeSubject` makes.
    public init(_ makeSubject: @escaping @Sendable () async throws -> Subject) { self.makeSubject = makeSubject }

    /// Tries one check on a fresh store, which is closed afterwards.
    ///
    /// - Throws: ``Violation``, or what the store threw.
    public func run(_ check: Check) async throws {
        let subject = try await makeSubject()
        var failure: (any Error)?
        do { try await check.body(StoreTrial(subject)) } catch { failure = error }
        await subject.other.close()
        await subject.store.close()
        try await subject.cleanUp()
        if let failure { throw failure }
    }
}
