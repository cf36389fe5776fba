import LastCall
import LastCallSQLite
import LastCallWork

/// What the bot has seen and who follows what: tables of its own in the file of the store, so that state and messages are one.
struct Archive: Sendable {
    /// The tables; their names begin with the bot's.
    private static let tables = [
        """
        CREATE TABLE IF NOT EXISTS scout_paper (
            id TEXT PRIMARY KEY, paper TEXT, revision INTEGER, title TEXT NOT NULL, authors TEXT NOT NULL,
            date TEXT NOT NULL, seen_at INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        "CREATE INDEX IF NOT EXISTS scout_paper_revision ON scout_paper (paper, revision)",
        """
        CREATE TABLE IF NOT EXISTS scout_draft (
            paper TEXT, revision INTEGER, seen_at INTEGER NOT NULL, PRIMARY KEY (paper, revision)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE IF NOT EXISTS scout_follow (
            target TEXT, kind TEXT, key TEXT, name TEXT NOT NULL, PRIMARY KEY (target, kind, key)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE IF NOT EXISTS scout_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ]
    /// How many rows one transaction writes; others wait for it.
    static let batch = 1000

    /// Where the tables are.
    let store: SQLiteStore
    /// What sends the messages.
    let outbox: Outbox
    /// The channel that hears of everything.
    let everything: String?
    /// The channel that hears of trouble.
    let operatorChannel: String?

    /// The time by the store's clock.
    var now: WorkInstant { store.now }

    /// Makes the tables where they are missing.
    func prepare() async throws {
        try await store.transaction { transaction in
            for table in Self.tables { try transaction.execute(table) }
        }
    }

    // MARK: what is known

    /// What is known from earlier polls.
    func known() async throws -> Known {
        let rows = try await store.query("SELECT key, value FROM scout_state") { ($0.text(0), $0.text(1)) }
        let state = Dictionary(uniqueKeysWithValues: rows)
        return Known(
            isSeeded: state["seeded"] != nil, papers: state["papers"].flatMap { Int($0) } ?? 0, etag: state["etag"],
            trouble: state["trouble"],
            silentSince: state["silentSince"].flatMap { Int64($0) }.map { WorkInstant(rawValue: $0) })
    }

    /// The names of all papers that were seen.
    func seen() async throws -> Set<String> {
        Set(try await store.query("SELECT id FROM scout_paper") { $0.text(0) })
    }

    /// The latest revision of each paper that has revisions, by the paper's number.
    func latest() async throws -> [String: Paper] {
        // Beside MAX, SQLite takes the other columns from the row that has it (sqlite.org/lang_select.html#bareagg).
        let rows = try await store.query(
            """
            SELECT paper, MAX(revision), id, title, authors, date FROM scout_paper
            WHERE revision IS NOT NULL GROUP BY paper
            """
        ) { row in
            let authors = row.text(4).split(separator: ",").map(String.init)
            return (row.text(0), Paper(id: row.text(2), title: row.text(3), authors: authors, date: row.text(5)))
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// The latest draft of each paper that one was seen of.
    func drafts() async throws -> [String: Int] {
        let rows = try await store.query("SELECT paper, MAX(revision) FROM scout_draft GROUP BY paper") {
            ($0.text(0), Int($0.integer(1)))
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    // MARK: the first look

    /// Marks papers as seen and tells nobody.
    func seed(_ papers: ArraySlice<Paper>) async throws {
        try await store.transaction { transaction in
            for paper in papers { try Self.insert(paper, transaction) }
        }
    }

    /// Ends the first look: from now on what is new is told of.
    func endSeeding(papers count: Int, etag: String?) async throws {
        try await store.transaction { transaction in
            try Self.put("seeded", "\(transaction.now)", transaction)
            try Self.noteIndex(papers: count, etag: etag, transaction)
            try tellOperator(Alert.text(forSeeding: count), orEverybody: true, transaction)
        }
    }

    /// Marks a paper as seen.
    ///
    /// - Returns: Whether it was new.
    @discardableResult
    static func insert(_ paper: Paper, _ transaction: SQLiteTransaction) throws -> Bool {
        let number = paper.number
        let count = try transaction.execute(
            """
            INSERT INTO scout_paper (id, paper, revision, title, authors, date, seen_at)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
            """, .text(paper.id), SQLiteValue(number?.paper), SQLiteValue(number?.revision.map { Int64($0) }),
            .text(paper.title), .text(paper.authors.joined(separator: ",")), .text(paper.date),
            .integer(transaction.now.rawValue))
        return count == 1
    }

    // MARK: the state

    /// Sets a value of the state, or removes it.
    static func put(_ key: String, _ value: String?, _ transaction: SQLiteTransaction) throws {
        guard let value else {
            try transaction.execute("DELETE FROM scout_state WHERE key = ?", .text(key))
            return
        }
        try transaction.execute(
            "INSERT INTO scout_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            .text(key), .text(value))
    }

    /// Notes what the last good index was.
    static func noteIndex(papers count: Int, etag: String?, _ transaction: SQLiteTransaction) throws {
        try put("papers", "\(count)", transaction)
        try put("etag", etag, transaction)
    }

    /// Sends a line to the operator's channel, where there is one.
    func tellOperator(_ text: String, orEverybody: Bool = false, _ transaction: SQLiteTransaction) throws {
        guard let channel = operatorChannel ?? (orEverybody ? everything : nil) else { return }
        try transaction.send(Alert.message(text, to: channel), through: outbox)
    }
}
