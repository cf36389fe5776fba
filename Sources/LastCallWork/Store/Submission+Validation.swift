extension Submission {
    /// The longest names, keys and kinds, in bytes.
    public static let nameBytesMax = 512
    /// The most records in one submission.
    public static let recordsMax = 100_000

    /// Says what is wrong with it, before a store is touched.
    ///
    /// - Parameter payloadBytesMax: The largest payload that the store takes.
    /// - Throws: ``WorkError/Code/invalidSubmission``, ``WorkError/Code/tooLarge``.
    public func validate(payloadBytesMax: Int) throws(WorkError) {
        guard !records.isEmpty else { throw .init(.invalidSubmission, "a submission needs at least one record") }
        guard records.count <= Self.recordsMax else {
            throw .init(
                .tooLarge,
                "a workflow of \(records.count) records; at most \(Self.recordsMax) are accepted at once, split it")
        }
        for record in records {
            try validate(record, payloadBytesMax)
            for follower in record.followers { try validate(follower: follower, payloadBytesMax) }
        }
        for (index, node) in nodes.enumerated() {
            guard [node.parent, node.waitsForNode].allSatisfy({ $0.map { (0..<index).contains($0) } ?? true }) else {
                throw .init(.invalidSubmission, "group \(index) refers to a group that does not come before it")
            }
        }
        var counts = Array(repeating: 0, count: nodes.count)
        for node in records.compactMap(\.node) + nodes.compactMap(\.parent) { counts[node] += 1 }
        for (index, node) in nodes.enumerated() where node.membersCount != counts[index] {
            throw .init(
                .invalidSubmission,
                "group \(index) says \(node.membersCount) members; the submission has \(counts[index])")
        }
    }

    private func validate(follower: RecordDraft, _ payloadBytesMax: Int) throws(WorkError) {
        guard follower.followers.isEmpty, follower.node == nil, !follower.waits, follower.key == nil else {
            throw .init(
                .invalidSubmission,
                "\"\(follower.kind)\" follows a record, so it waits for nothing else, and has no key, group or followers of its own"
            )
        }
        try validate(follower, payloadBytesMax)
    }

    private func validate(_ record: RecordDraft, _ payloadBytesMax: Int) throws(WorkError) {
        guard !record.kind.isEmpty else { throw .init(.invalidSubmission, "a record needs the name of its job") }
        guard record.payload.count <= payloadBytesMax else {
            throw .init(
                .tooLarge,
                "the payload of \"\(record.kind)\" has \(record.payload.count) bytes, at most \(payloadBytesMax) are stored; store the data elsewhere and submit its name"
            )
        }
        let names = [record.kind, record.queue, record.lane, record.key?.text].compactMap(\.self)
        for name in names {
            guard name.utf8.count <= Self.nameBytesMax else {
                throw .init(
                    .tooLarge,
                    "a job's name, queue, lane or key has \(name.utf8.count) bytes; at most \(Self.nameBytesMax) are stored"
                )
            }
            guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw .init(.invalidSubmission, "a job's name, queue, lane or key holds a control character")
            }
        }
        guard (-100...100).contains(record.priority) else {
            throw .init(
                .invalidSubmission, "priority \(record.priority) of \"\(record.kind)\"; it is a number from -100 to 100"
            )
        }
        guard record.attemptsMax >= 1, record.lossesMax.map({ $0 >= 0 }) ?? true else {
            throw .init(
                .invalidSubmission, "\"\(record.kind)\" needs at least 1 attempt and no negative number of losses")
        }
        guard record.node.map(nodes.indices.contains) ?? true, record.waitsForNode.map(nodes.indices.contains) ?? true
        else { throw .init(.invalidSubmission, "\"\(record.kind)\" refers to a group that is not in the submission") }
        guard record.waitsForNode == nil || record.waitsForNode != record.node else {
            throw .init(
                .invalidSubmission, "\"\(record.kind)\" waits for the group that counts it, which would never end")
        }
        guard record.waitsForNode == nil || record.waitsForRecord == nil else {
            throw .init(
                .invalidSubmission,
                "\"\(record.kind)\" waits for a group and for record \(record.waitsForRecord?.description ?? ""); let an earlier step wait for the record"
            )
        }
    }
}
