import ServiceLifecycle

extension AsyncSequence where Self: Sendable, Element: Sendable {
    /// This sequence, ended when the stop begins, without losing an element that was already taken from it.
    ///
    /// ```swift
    /// for try await message in subscription.endingOnShutdown() { try await handle(message) }
    /// ```
    ///
    /// When the stop begins, the pull that is under way is cancelled and its outcome awaited: if the source had an element by
    /// then it is delivered, and the sequence ends after it. A source that does not react to cancellation is waited for, until
    /// the member's time is over.
    public func endingOnShutdown() -> EndingOnShutdownSequence<Self> { EndingOnShutdownSequence(base: self) }
}

/// A sequence that ends when the stop begins; made by `endingOnShutdown()`.
public struct EndingOnShutdownSequence<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable
where Base.Element: Sendable {
    /// The source's element.
    public typealias Element = Base.Element

    /// The source.
    fileprivate let base: Base

    /// Makes an iterator.
    public func makeAsyncIterator() -> Iterator { Iterator(source: Source(base.makeAsyncIterator())) }

    /// Pulls elements until the stop begins.
    public struct Iterator: AsyncIteratorProtocol {
        /// The source's iterator.
        fileprivate let source: Source
        /// Whether the end was reached.
        private var isOver = false

        fileprivate init(source: Source) { self.source = source }

        /// The next element, or `nil` at the source's end and once the stop has begun.
        public mutating func next() async throws -> Element? {
            guard !isOver, !Task.isShuttingDownGracefully else { return nil }
            let source = source
            let pull = UnstructuredTask.startThrowing { try await source.next() }
            let element: Element?
            do {
                element = try await withTaskCancellationHandler {
                    try await withGracefulShutdownHandler {
                        // Whatever the pull came back with was taken from the source: it is delivered.
                        try await pull.value
                    } onGracefulShutdown: {
                        pull.cancel()
                    }
                } onCancel: {
                    pull.cancel()
                }
            } catch is CancellationError where Task.isShuttingDownGracefully && !Task.isCancelled {
                // A source that answers the cancelled pull with an error had no element.
                element = nil
            }
            isOver = element == nil
            return element
        }
    }

    /// The source's iterator in a box that a task can reach.
    ///
    /// Proof: an iterator is used by one task at a time by contract, `next()` above awaits its pull before it returns, and only
    /// the pull touches `iterator`. So no two tasks ever use it at once.
    fileprivate final class Source: @unchecked Sendable {
        private var iterator: Base.AsyncIterator

        init(_ iterator: Base.AsyncIterator) { self.iterator = iterator }

        func next() async throws -> Base.Element? { try await iterator.next() }
    }
}
