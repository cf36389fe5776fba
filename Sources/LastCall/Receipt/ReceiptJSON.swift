import FoundationEssentials

extension Receipt {
    /// The receipt as JSON with sorted keys.
    ///
    /// - Parameter isPretty: Whether it is laid out for people.
    public func json(isPretty: Bool = true) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            isPretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Reads a receipt.
    ///
    /// - Throws: ``LastCallError/Code/invalidConfiguration`` for another schema, `DecodingError` for anything else.
    public init(json: some Sequence<UInt8>) throws {
        let data = Data(json)
        let version = try JSONDecoder().decode(SchemaVersion.self, from: data).version
        guard version == 1 else {
            let remedy =
                version > 1
                ? "is newer than this program's, 1; use a newer lastcall" : "never was; look at what wrote the file"
            throw LastCallError(.invalidConfiguration, "receipt schema \(version) \(remedy)")
        }
        self = try JSONDecoder().decode(Receipt.self, from: data)
    }

    /// The receipt in at most `bytesMax` bytes of JSON: lost items go first, then members without anything to say, then all
    /// members.
    package func shortJSON(bytesMax: Int = 4096) throws -> String {
        var short = self
        var text = try short.json(isPretty: false)
        if text.utf8.count <= bytesMax { return text }
        for stage in short.stages.indices {
            for member in short.stages[stage].members.indices {
                short.stages[stage].members[member].cutItems = []
                short.stages[stage].members[member].remarks = nil
                short.stages[stage].members[member].cutItemsOmitted = short.stages[stage].members[member].cut
            }
        }
        text = try short.json(isPretty: false)
        if text.utf8.count <= bytesMax { return text }
        for stage in short.stages.indices {
            short.stages[stage].members.removeAll { member in
                let isQuiet = member.outcome == .drained || member.outcome == .ended || member.outcome == .neverStarted
                return isQuiet && member.cut == 0 && member.unaccounted == 0
            }
        }
        text = try short.json(isPretty: false)
        if text.utf8.count <= bytesMax { return text }
        // Somebody else's words may be of any length; a control character takes six bytes.
        short.name = String(short.name.prefix(100))
        let (cause, detail) = (short.cause, String(short.cause.detail.prefix(400)))
        short.cause = ShutdownCause(kind: cause.kind, detail: detail, pid: cause.pid, uid: cause.uid)
        short.platform = String(short.platform.prefix(40))
        short.stages = []
        short.laterCauses = []
        short.notes = ["too long for \(bytesMax) bytes; the log and the receipt file have it all"]
        return try short.json(isPretty: false)
    }
}

/// What has to be read of a receipt before anything else can be.
private struct SchemaVersion: Decodable {
    /// The schema's version.
    let version: Int
}
