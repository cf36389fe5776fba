import Testing

@testable import lastcall

@Suite("Finding the configuration")
struct ConfigurationSearchTests {
    private func search(
        store: String? = nil, config: String? = nil, variable: String? = nil, files: Set<String> = []
    ) throws(ConfigurationErrors) -> ConfigurationSearch {
        try ConfigurationSearch(
            store: store, config: config, environment: variable.map { ["LASTCALL_CONFIG": $0] } ?? [:],
            directory: BaseDirectory("/here"), isFile: { files.contains($0) })
    }

    private func error(
        store: String? = nil, config: String? = nil, variable: String? = nil, files: Set<String> = []
    ) -> [String] {
        errors { () throws(ConfigurationErrors) in
            try search(store: store, config: config, variable: variable, files: files)
        }
    }

    @Test("--config wins over the variable, the variable over lastcall.yml, and that over lastcall.yaml")
    func order() throws {
        let all: Set = ["/here/a.yml", "/b.yml", "/here/lastcall.yml", "/here/lastcall.yaml"]
        #expect(try search(config: "a.yml", variable: "/b.yml", files: all).file == "a.yml")
        #expect(try search(variable: "/b.yml", files: all).file == "/b.yml")
        #expect(try search(files: all).file == "lastcall.yml")
        #expect(try search(variable: "", files: ["/here/lastcall.yaml"]).file == "lastcall.yaml")
        #expect(try search(config: "-").file == "-")
    }

    @Test("--store wins over the file's store, and needs no file")
    func store() throws {
        let alone = try search(store: "sqlite:q")
        #expect(alone.store == .sqlite(path: "/here/q"))
        #expect(alone.file == nil)
        let both = try search(store: "memory:", files: ["/here/lastcall.yml"])
        #expect(both.store == .memory)
        #expect(both.file == "lastcall.yml")
        #expect(error(store: "q.db") == ["--store: \"q.db\" is a path without its kind; write sqlite:q.db"])
    }

    @Test("where nothing is found, the error says everything that was looked for")
    func nothing() {
        #expect(
            error() == [
                "no configuration was found: name a store with --store sqlite:PATH, or a file with --config FILE or $LASTCALL_CONFIG, or write ./lastcall.yml (or .yaml) in /here"
            ])
    }

    @Test("a name that leads nowhere is an error and not passed over")
    func missing() {
        let files: Set = ["/here/lastcall.yml"]
        #expect(
            error(config: "x.yml", files: files)
                == ["--config: \"x.yml\" does not exist; name a configuration, or create it"])
        #expect(
            error(variable: "/x.yml", files: files)
                == ["$LASTCALL_CONFIG: \"/x.yml\" does not exist; name a configuration, or create it"])
        #expect(error(config: "", files: files) == ["--config: \"\" is empty; name a file"])
    }
}
