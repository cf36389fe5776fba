import Testing

@Suite("Every house rule can fail and can pass")
struct RuleTests {
    @Test("the breaching example is found, line by line", arguments: Rule.all)
    func breaching(rule: Rule) {
        let (example, lines) = rule.breaching
        let breaches = rule.breaches(in: SourceFile(path: example.path, text: example.text))
        #expect(breaches.map(\.line) == lines)
        #expect(
            breaches.allSatisfy { "\($0)".hasPrefix("\(example.path):\($0.line): ") && "\($0)".contains(rule.instead) })
    }

    @Test("the clean example passes", arguments: Rule.all)
    func clean(rule: Rule) {
        #expect(rule.breaches(in: SourceFile(path: rule.clean.path, text: rule.clean.text)) == [])
    }

    @Test("the file that starts unstructured tasks may")
    func unstructuredTask() {
        let file = SourceFile(path: Rule.unstructuredTaskPath, text: "Task { await operation() }\n")
        #expect(Rule.concurrency.flatMap { $0.breaches(in: file) } == [])
    }

    @Test(
        "layers forbid what the design forbids",
        arguments: [
            ("LastCall", "Foundation"), ("LastCall", "NIOPosix"), ("LastCall", "LastCallWork"),
            ("LastCall", "Hummingbird"),
            ("LastCallCommand", "LastCallSQLite"), ("LastCallCommand", "NIO"), ("LastCallCommand", "Foundation"),
            ("LastCallSQLite", "LastCallPostgres"), ("LastCallPostgres", "LastCallSQLite"),
            ("LastCallSQLite", "NIOCore"),
            ("LastCallHTTP", "LastCallWork"), ("LastCallHTTP", "LastCallCommand"), ("LastCallWork", "Subprocess"),
            ("LastCallWork", "AsyncHTTPClient"), ("LastCallTransports", "Hummingbird"),
            ("LastCallTesting", "HummingbirdCore"),
            ("LastCallTesting", "CLibPQ"), ("LastCallCommand", "CLibYAML"), ("lastcall", "Foundation"),
            ("lastcall", "LastCallTesting"),
        ])
    func forbidden(target: String, module: String) throws {
        #expect(try #require(Layering.layer(of: target)).objection(to: module) != nil)
    }

    @Test(
        "layers allow what the design allows",
        arguments: [
            ("LastCall", "CLastCall"), ("LastCall", "FoundationEssentials"), ("LastCall", "Logging"),
            ("LastCallWork", "LastCall"),
            ("LastCallHTTP", "Hummingbird"), ("LastCallHTTP", "NIOCore"), ("LastCallSQLite", "CSQLite"),
            ("LastCallPostgres", "CLibPQ"),
            ("LastCallCommand", "LastCallWork"), ("lastcall", "CLibYAML"), ("lastcall", "ArgumentParser"),
            ("LastCallTesting", "LastCall"),
        ])
    func allowed(target: String, module: String) throws {
        #expect(try #require(Layering.layer(of: target)).objection(to: module) == nil)
    }
}
