import Foundation
import Testing

@testable import lastcall

/// What people and editors read about the configuration, held to what the parser does.
@Suite("Documentation and schema of the configuration")
struct ConfigurationDocumentsTests {
    /// The rows of every table under this heading, cell by cell.
    private static func rows(of text: String, under heading: String) -> [[String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.indices.filter { lines[$0] == heading }.flatMap { start in
            lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
                line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: .whitespaces) }
            }
        }
    }

    private static func rows<Key: ConfigurationKey>(of type: Key.Type) -> [[String]] {
        Key.allCases.map { ["`\(Key.prefix)\($0.rawValue)`", $0.summary, $0.defaultValue, $0.unit] }
    }

    @Test("P32 every key is documented with its default and unit, and no other")
    func table() throws {
        let page = try repositoryFile("Documentation/ServeConfiguration.md")
        let expected =
            Self.rows(of: RootKey.self) + Self.rows(of: QueueKey.self) + Self.rows(of: RetentionKey.self)
            + Self.rows(of: HTTPKey.self)
            + Self.rows(of: TaskKey.self) + Self.rows(of: BackoffKey.self) + Self.rows(of: ScheduleKey.self)
            + Self.rows(of: TransportKey.self) + Self.rows(of: EndpointKey.self) + Self.rows(of: NotifyKey.self)
            + Self.rows(of: WorkflowKey.self) + Self.rows(of: EachKey.self)
        #expect(Self.rows(of: page, under: "| key | what | default | unit |") == expected)
    }

    @Test("every example of the documentation is read without an error")
    func examples() throws {
        let page = try repositoryFile("Documentation/ServeConfiguration.md")
        let blocks = page.matches(of: #/```yaml\n(?<text>[^`]*)```/#).map { String($0.output.text) }
        let flows = blocks.filter { $0.hasPrefix("# flow.yml") }
        let configurations = blocks.filter { !$0.hasPrefix("# flow.yml") }
        #expect(!flows.isEmpty)
        let whole = try configuration(try #require(configurations.first))
        for text in configurations {
            #expect(errors { () throws(ConfigurationErrors) in try configuration(text) } == [])
        }
        for text in flows {
            #expect(errors { () throws(ConfigurationErrors) in try workflow(text).validate(with: whole) } == [])
        }
    }

    // MARK: Schema

    private struct Schema {
        /// The schema, or a part of it.
        let node: YAMLNode

        /// What stands at a path of keys and, in lists, positions.
        subscript(path: String...) -> Schema {
            get throws {
                try path.reduce(self) { schema, step in
                    if let index = Int(step) { return Schema(node: try #require(schema.node.elements)[index]) }
                    return Schema(node: try #require(schema.node[step], "\(step) of \(path)"))
                }
            }
        }

        /// Holds the properties of an object to the parser's keys.
        func expectKeys<Key: ConfigurationKey>(of type: Key.Type) throws {
            let properties = try #require(node["properties"]?.pairs)
            #expect(properties.map(\.key) == Key.allCases.map(\.rawValue))
            #expect(node["additionalProperties"]?.text == "false")
            for key in Key.allCases {
                #expect(try self["properties", key.rawValue, "description"].node.text == key.summary)
            }
        }

        /// The words of an enumeration.
        var words: [String]? { node["enum"]?.elements?.compactMap(\.text) }
    }

    private func schema() throws -> Schema {
        let text = try repositoryFile("Deploy/lastcall.schema.json")
        return Schema(node: try #require(try YAMLReader.documents(in: Array(text.utf8)).first))
    }

    @Test("P32 the schema has every key of the parser, with the same words, and no other")
    func schemaKeys() throws {
        let schema = try schema()
        try schema.expectKeys(of: RootKey.self)
        try schema["properties", "queues", "additionalProperties", "anyOf", "1"].expectKeys(of: QueueKey.self)
        try schema["properties", "retention", "anyOf", "1"].expectKeys(of: RetentionKey.self)
        try schema["properties", "http", "anyOf", "1"].expectKeys(of: HTTPKey.self)
        let task = try schema["$defs", "task"]
        try task.expectKeys(of: TaskKey.self)
        try task["properties", "backoff", "anyOf", "1"].expectKeys(of: BackoffKey.self)
        try schema["$defs", "schedule"].expectKeys(of: ScheduleKey.self)
        let transport = try schema["$defs", "transport"]
        try transport.expectKeys(of: TransportKey.self)
        try transport["properties", "endpoints", "additionalProperties", "anyOf", "1"].expectKeys(of: EndpointKey.self)
        try schema["$defs", "notify"].expectKeys(of: NotifyKey.self)
    }

    @Test("P32 the schema's choices and ranges are the parser's")
    func schemaValues() throws {
        let schema = try schema()
        let task = try schema["$defs", "task", "properties"]
        #expect(try task["onEviction"].words == TaskDefinition.EvictionPolicy.allCases.map(\.rawValue))
        #expect(try task["onLost"].words == TaskDefinition.LossPolicy.allCases.map(\.rawValue))
        let schedule = try schema["$defs", "schedule", "properties"]
        #expect(try schedule["overlap"].words == ScheduleDefinition.Overlap.allCases.map(\.rawValue))
        #expect(try schedule["missed"].words == ScheduleDefinition.Missed.allCases.map(\.rawValue))
        let transport = try schema["$defs", "transport", "properties"]
        #expect(try transport["type"].words == TransportDefinition.Kind.allCases.map(\.rawValue))
        let ends = try schema["$defs", "notify", "properties", "on", "anyOf", "0"]
        #expect(ends.words == NotifyDefinition.Outcome.allCases.map(\.rawValue))
        func range(_ schema: Schema) throws -> ClosedRange<Int> {
            let bounds = try ["minimum", "maximum"].map { try #require(Int(try schema[$0].node.text ?? "")) }
            return bounds[0]...bounds[1]
        }
        #expect(try range(schema["properties", "concurrency"]) == WorkConfiguration.concurrencyRange)
        #expect(try range(task["priority"]) == TaskDefinition.priorityRange)
        #expect(try range(task["retries"]) == TaskDefinition.retriesRange)
        #expect(
            try schema["$defs", "task", "properties", "env", "propertyNames", "not"].words
                == TaskDefinition.reservedVariables.sorted())
    }

    @Test("P32 writing the schema's defaults changes nothing")
    func schemaDefaults() throws {
        /// `key: value` in JSON for every property that has a default.
        func defaults(_ schema: Schema) throws -> [String] {
            try #require(try schema["properties"].node.pairs).compactMap { pair in
                pair.value["default"].map { "\(pair.key): \(JSON.text($0))" }
            }
        }
        let schema = try schema()
        let task = try defaults(schema["$defs", "task"])
        let backoff = try defaults(schema["$defs", "task", "properties", "backoff", "anyOf", "1"])
        let retention = try defaults(schema["properties", "retention", "anyOf", "1"])
        #expect(task.count >= 9 && backoff.count == 4 && retention.count == 5)
        let plain = try configuration("tasks: {t: {command: [a]}}\n")
        let root = try defaults(schema).filter { !$0.hasPrefix("tasks:") }
        let written = try configuration(
            (root + ["tasks: {t: {command: [a], \(task.joined(separator: ", "))}}"]).joined(separator: "\n"))
        #expect(written == plain)
        let nested = try configuration(
            "retention: {\(retention.joined(separator: ", "))}\n"
                + "tasks: {t: {command: [a], backoff: {\(backoff.joined(separator: ", "))}}}\n")
        #expect(nested == plain)
    }

    @Test("an editor with the schema accepts what the parser accepts, and no more", .enabled(if: Python.hasJSONSchema))
    func sameVerdicts() throws {
        let page = try repositoryFile("Documentation/ServeConfiguration.md")
        let examples = page.matches(of: #/```yaml\n(?<text>[^`]*)```/#).map { String($0.output.text) }
            .filter { !$0.hasPrefix("# flow.yml") }
        let samples =
            examples + SchemaSamples.whole + SchemaSamples.tasks.map { "tasks: {t: {command: [a, '{x}'], \($0)}}" }
        let instances = try samples.map { JSON.text(try #require(try YAMLReader.documents(in: Array($0.utf8)).first)) }
        let accepted = samples.map { text in
            errors { () throws(ConfigurationErrors) in try configuration(text) }.isEmpty
        }
        #expect(accepted.count { $0 } > 20 && accepted.count { !$0 } > 20)
        let verdicts = try Python.verdicts(on: instances, schema: try repositoryFile("Deploy/lastcall.schema.json"))
        #expect(verdicts.count == samples.count)
        for (sample, (parser, schema)) in zip(samples, zip(accepted, verdicts)) {
            #expect(parser == schema, "\(sample) is \(parser ? "accepted" : "refused") by the parser only")
        }
    }
}
