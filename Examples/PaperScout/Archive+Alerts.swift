import LastCall
import LastCallSQLite
import LastCallWork

// State and notification are one: each of these is one transaction, so that a message that cannot be accepted, because a breaker is open
// or a queue is full, takes the mark with it, and the next poll finds the paper new again.
extension Archive {
    /// Marks a paper as seen and accepts its messages.
    ///
    /// - Returns: How many messages; `nil` where it was seen already.
    @discardableResult
    func announce(_ paper: Paper) async throws -> Int? {
        CrashPoint.reached("before")
        let count = try await store.transaction { transaction -> Int? in
            guard try Self.insert(paper, transaction) else { return nil }
            CrashPoint.reached("marked")
            return try send(Alert.text(for: paper), about: paper, transaction)
        }
        CrashPoint.reached("committed")
        return count
    }

    /// Marks a draft as seen and accepts its messages.
    ///
    /// - Returns: How many messages; `nil` where it was seen already.
    @discardableResult
    func announce(_ draft: Draft) async throws -> Int? {
        try await store.transaction { transaction -> Int? in
            let isNew = try transaction.execute(
                "INSERT INTO scout_draft (paper, revision, seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                .text(draft.number.paper), SQLiteValue(draft.number.revision.map { Int64($0) }),
                .integer(transaction.now.rawValue))
            guard isNew == 1 else { return nil }
            return try send(Alert.text(for: draft), about: draft.paper, transaction)
        }
    }

    /// Accepts a message for everybody who follows a paper.
    private func send(_ text: String, about paper: Paper, _ transaction: SQLiteTransaction) throws -> Int {
        // Asked for here, so that whoever was told "you follow it now" is told of this one.
        let targets = try Self.followers(transaction).targets(of: paper, everything: everything)
        for target in targets {
            try transaction.send(Alert.message(text, to: target), through: outbox)
            CrashPoint.reached("sent")
        }
        return targets.count
    }

    /// Tells the operator of trouble, once for its kind.
    func note(_ trouble: IndexTrouble) async throws {
        try await store.transaction { transaction in
            try Self.put("trouble", trouble.kind, transaction)
            try tellOperator(Alert.text(for: trouble), transaction)
        }
    }

    /// Tells the operator that all is well again.
    func noteWell() async throws {
        try await store.transaction { transaction in
            try Self.put("trouble", nil, transaction)
            try tellOperator(Alert.wellAgain, transaction)
        }
    }

    /// Notes since when the index cannot be had, or that it can.
    func noteSilence(since instant: WorkInstant?) async throws {
        try await store.transaction { try Self.put("silentSince", instant.map { "\($0.rawValue)" }, $0) }
    }

    /// Notes that everything in an index was accepted.
    func noteIndex(papers count: Int, etag: String?) async throws {
        try await store.transaction { try Self.noteIndex(papers: count, etag: etag, $0) }
    }
}
