/// One step of a store's schema, forward only.
package struct Migration: Sendable {
    /// The schema's version after it; 1 is the first.
    package let number: Int
    /// Its statements.
    package let sql: String

    package init(_ number: Int, _ sql: String) {
        self.number = number
        self.sql = sql
    }
}
