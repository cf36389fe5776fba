// Waiting for many jobs, and reading what one writes as it comes.
extension WorkClient {
    /// How many jobs are asked for at once.
    private static let pageLength = 500
    /// The shortest time from one look at the store to the next, however much changes.
    private static let lookEvery = Duration.milliseconds(50)

    /// Jobs, in the order of their ids; those that were forgotten are left out.
    public func records(_ ids: some Collection<WorkID>) async throws -> [WorkRecord] {
        var records: [WorkRecord] = []
        var rest = Array(ids)[...]
        while !rest.isEmpty {
            let page = rest.prefix(Self.pageLength)
            rest = rest.dropFirst(page.count)
            records += try await store.records(WorkQuery(ids: Array(page), limit: page.count))
        }
        return records.sorted { $0.id < $1.id }
    }

    /// Waits until all of these jobs are over.
    ///
    /// The store is looked at whenever something changed, at most twenty times a second, and less often where a look takes long.
    ///
    /// - Parameters:
    ///   - ids: The jobs.
    ///   - patience: After how long the store is looked at again though nothing changed, for those who show what runs; `nil` is never.
    ///   - onChange: Called with the jobs that were looked at again: all of them the first time, later those that were not over.
    /// - Returns: The jobs as they ended, in the order of their ids.
    /// - Throws: ``WorkError/Code/notFound`` where one is not there, or was forgotten meanwhile; `CancellationError` when the task is
    ///   cancelled first; ``WorkError/Code/closed``.
    @discardableResult
    public func wait(
        for ids: [WorkID], lookingAgainAfter patience: Duration? = nil,
        onChange: (@Sendable ([WorkRecord]) async -> Void)? = nil
    ) async throws -> [WorkRecord] {
        let changes = store.changes()
        var waiting = Set(ids)
        var ended: [WorkRecord] = []
        while true {
            let began = ContinuousClock.now
            let found = try await records(waiting)
            if found.count < waiting.count, let missing = waiting.subtracting(found.map(\.id)).min() {
                throw WorkError(
                    .notFound,
                    "there is no job \(missing) in \(store.traits.name); what was over for long enough is forgotten")
            }
            await onChange?(found)
            ended += found.filter(\.state.isTerminal)
            waiting.subtract(ended.map(\.id))
            if waiting.isEmpty { return ended.sorted { $0.id < $1.id } }
            let pause = max(Self.lookEvery, began.duration(to: .now) * 4) - began.duration(to: .now)
            if pause > .zero { try await ContinuousClock().sleep(for: pause) }
            if await changes.next(within: patience) == .over {
                try Task.checkCancellation()
                throw WorkError(.closed, "the store was closed while jobs were waited for")
            }
        }
    }

    /// What a job writes, from a place on and until it is over, as a sequence that is pulled.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - position: Where to begin; what belongs to its result where it is `nil`.
    ///   - follows: Whether lines that are still to come are waited for.
    public func outputPages(of id: WorkID, from position: OutputPosition? = nil, follows: Bool) -> OutputPages {
        OutputPages(store: store, id: id, position: position, follows: follows)
    }

    /// Reads what a job writes, from a place on and until it is over.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - position: Where to begin; what belongs to its result where it is `nil`.
    ///   - follows: Whether lines that are still to come are waited for.
    ///   - onPage: Called with each part, in order.
    /// - Throws: ``WorkError/Code/notFound``; `CancellationError` when the task is cancelled first; ``WorkError/Code/closed``; what
    ///   `onPage` throws.
    public func readOutput(
        of id: WorkID, from position: OutputPosition? = nil, follows: Bool, onPage: (OutputPage) async throws -> Void
    ) async throws {
        for try await page in outputPages(of: id, from: position, follows: follows) { try await onPage(page) }
    }
}

/// What a job writes, page by page; made by ``WorkClient/outputPages(of:from:follows:)``.
public struct OutputPages: AsyncSequence, Sendable {
    fileprivate let store: any WorkStore
    fileprivate let id: WorkID
    fileprivate let position: OutputPosition?
    fileprivate let follows: Bool

    /// Makes an iterator.
    public func makeAsyncIterator() -> Iterator { Iterator(pages: self, changes: store.changes(), position: position) }

    /// Pulls pages.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let pages: OutputPages
        fileprivate let changes: StoreChanges
        fileprivate var position: OutputPosition?
        private var isOver = false

        fileprivate init(pages: OutputPages, changes: StoreChanges, position: OutputPosition?) {
            self.pages = pages
            self.changes = changes
            self.position = position
        }

        /// The next page that holds lines; `nil` behind the last one.
        ///
        /// - Throws: ``WorkError/Code/notFound``; `CancellationError` when the task is cancelled first; ``WorkError/Code/closed``.
        public mutating func next() async throws -> OutputPage? {
            while !isOver {
                let page = try await look()
                position = page.next
                isOver = !page.hasMore && (!pages.follows || page.isOver)
                if !page.lines.isEmpty { return page }
                guard !page.hasMore, !isOver else { continue }
                guard await changes.next() != nil else {
                    try Task.checkCancellation()
                    throw WorkError(.closed, "the store was closed while the output of job \(pages.id) was read")
                }
            }
            return nil
        }

        private func look() async throws -> OutputPage {
            let store = pages.store
            if let position { return try await store.output(of: pages.id, from: position, linesMax: 10_000) }
            let result = try await store.output(of: pages.id, from: .start, linesMax: 0).resultFrom
            return try await store.output(of: pages.id, from: OutputPosition(epoch: result, line: 0), linesMax: 10_000)
        }
    }
}
