import LastCallSQLite

// Who follows what.
extension Archive {
    /// The most that one channel or user follows.
    static let followsMax = 100

    /// What became of a wish to follow something.
    enum FollowOutcome: Sendable, Hashable {
        /// It is followed from now on.
        case new
        /// It was followed before.
        case known
        /// There is no room.
        case full
    }

    /// Everybody who follows something, as a transaction sees it.
    static func followers(_ transaction: SQLiteTransaction) throws -> Followers {
        Followers(follows: try transaction.query(allFollows) { Self.follow($0) })
    }

    /// Everybody who follows something.
    func followers() async throws -> Followers {
        let follows = try await store.query(Self.allFollows) { Self.follow($0) }
        return Followers(follows: follows)
    }

    /// All follows, in the order in which they are told.
    private static let allFollows = "SELECT target, kind, name FROM scout_follow ORDER BY target, kind, key"

    /// Notes that somebody follows something; it is on the disk when this returns.
    func add(_ follow: Follow) async throws -> FollowOutcome {
        try await store.transaction { transaction in
            let count = try transaction.query(
                "SELECT COUNT(*), SUM(kind = ? AND key = ?) FROM scout_follow WHERE target = ?",
                .text(follow.topic.kind), .text(follow.topic.key), .text(follow.target)
            ) { ($0.integer(0), $0.integer(1)) }[0]
            guard count.1 == 0 else { return .known }
            guard count.0 < Self.followsMax else { return .full }
            try transaction.execute(
                "INSERT INTO scout_follow (target, kind, key, name) VALUES (?, ?, ?, ?)", .text(follow.target),
                .text(follow.topic.kind), .text(follow.topic.key), .text(Self.name(of: follow.topic)))
            return .new
        }
    }

    /// Notes that somebody follows something no more.
    ///
    /// - Returns: Whether it was followed.
    func remove(_ follow: Follow) async throws -> Bool {
        try await store.transaction { transaction in
            try transaction.execute(
                "DELETE FROM scout_follow WHERE target = ? AND kind = ? AND key = ?", .text(follow.target),
                .text(follow.topic.kind), .text(follow.topic.key)) > 0
        }
    }

    /// What somebody follows.
    func topics(of target: String) async throws -> [Topic] {
        try await store.query(
            "SELECT target, kind, name FROM scout_follow WHERE target = ? ORDER BY kind DESC, key", .text(target)
        ) { Self.follow($0).topic }
    }

    /// Reads a row.
    private static func follow(_ row: SQLiteRow) -> Follow {
        let name = row.text(2)
        return Follow(target: row.text(0), topic: row.text(1) == "paper" ? .paper(name) : .author(name))
    }

    /// What a topic is stored as.
    private static func name(of topic: Topic) -> String {
        switch topic {
        case .paper(let number): number
        case .author(let name): name
        }
    }
}
