import LastCall
import LastCallConcurrency

/// A statement's text, with the place that its prepared form has in every connection's cache.
///
/// Made once, as a `static let`: each one takes a place for as long as the program runs. The place is an index, so that finding the
/// prepared form costs neither a hash nor a comparison of the text. Text that is put together at run time is prepared with
/// ``SQLiteConnection/statement(text:)`` instead.
package struct SQLiteQuery: Sendable {
    /// The statement.
    package let text: String
    /// Its place in the cache.
    let place: Int

    /// The next place that nobody has.
    private static let nextPlace = Mutex(0)

    package init(_ text: String) {
        self.text = text
        place = Self.nextPlace.withLock { next in
            defer { next += 1 }
            return next
        }
    }
}
