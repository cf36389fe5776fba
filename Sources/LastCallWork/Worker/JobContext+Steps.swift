import LastCall
import LastCallConcurrency

extension JobContext {
    /// Does something once: runs the body, remembers durably what it came to, and returns that in every later run.
    ///
    /// ```swift
    /// let invitation = try await context.step("invite") { try await github.invite(user) }
    /// ```
    ///
    /// The value is on disk before this returns. A crash between the body's end and that moment runs the body again, so let the outside
    /// system recognise a repetition where that matters (an idempotency key, ``token``).
    ///
    /// - Parameters:
    ///   - name: Unique in the job, and the same in every run.
    ///   - body: What happens at most once to completion. What it throws is not remembered.
    /// - Throws: What the body throws; ``WorkError/Code/overtaken`` where the job is somebody else's by now.
    public func step<Value: Codable & Sendable>(
        _ name: String, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        if let bytes = try await journal()[name] { return try PayloadCoding.decode(Value.self, from: bytes) }
        guard !isOvertaken else {
            throw WorkError(.overtaken, "job \(id) belongs to somebody else now; step \"\(name)\" did not run")
        }
        let value = try await body()
        let bytes = try PayloadCoding.encode(value)
        let most = store.traits.payloadBytesMax
        guard bytes.count <= most else {
            throw WorkError(
                .tooLarge,
                "step \"\(name)\" came to \(bytes.count) bytes, at most \(most) are stored; store the data elsewhere")
        }
        try await store.journal(JournalEntry(name: name, value: bytes), for: record.claim)
        state.withLock { $0.journal?[name] = bytes }
        return value
    }

    /// Does something that comes to nothing once; see ``step(_:_:)-(String,()->Value)``.
    public func step(_ name: String, _ body: @Sendable () async throws -> Void) async throws {
        _ = try await step(name) { () -> NoResult in
            try await body()
            return NoResult()
        }
    }

    /// The steps of earlier runs and of this one.
    private func journal() async throws -> [String: [UInt8]] {
        if let journal = state.withLock({ $0.journal }) { return journal }
        var journal: [String: [UInt8]] = [:]
        if record.hasJournal {
            for entry in try await store.journalEntries(of: id) { journal[entry.name] = entry.value }
        }
        state.withLock { [journal] in $0.journal = $0.journal ?? journal }
        return journal
    }

    /// What the job waited for: the members of the group before it, in the order of the workflow; empty where it waited for none.
    public func members() async throws -> [WorkMember] {
        guard let node = record.waitsForNode else { return [] }
        return try await store.members(of: node)
    }

    /// Everything that another job wrote and that belongs to its result; see ``WorkClient/resultLines(of:linesMax:)``.
    public func resultLines(of id: WorkID) async throws -> [WorkLine] {
        try await WorkClient(store).resultLines(of: id, linesMax: .max)
    }

    /// The largest checkpoint that the store takes, in bytes.
    package var payloadBytesMax: Int { store.traits.payloadBytesMax }

    /// What the store calls itself.
    package var storeName: String { store.traits.name }
}

extension WorkRecord {
    /// What a job of this type came to; `nil` where it came to nothing.
    ///
    /// - Throws: Where the result is not of this type.
    public func result<Work: Job>(of type: Work.Type) throws -> Work.Output? {
        try result.map { try PayloadCoding.decode(Work.Output.self, from: $0) }
    }
}
