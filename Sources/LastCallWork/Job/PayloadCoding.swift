import FoundationEssentials

/// Payloads and results as JSON.
package enum PayloadCoding {
    /// Encodes a value; keys are sorted, so that equal values have equal payloads.
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// Decodes a value.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}

/// Makes records of jobs, with the trace context of whoever enqueues them.
package struct JobEncoder: Sendable {
    /// The trace context that every record carries.
    package var trace: [String: String]

    /// Creates an encoder.
    package init(trace: [String: String] = [:]) { self.trace = trace }

    /// The record of a job.
    package func draft<Work: Job>(_ job: Work, _ options: EnqueueOptions) throws -> RecordDraft {
        var draft = RecordDraft(kind: Work.name, payload: try PayloadCoding.encode(job))
        draft.payloadVersion = Work.payloadVersion
        draft.attemptsMax = Work.retryPolicy.attemptsMax
        draft.trace = trace
        options.orElse(Work.defaults).apply(to: &draft)
        return draft
    }
}
