import Testing

@testable import lastcall

@Suite("Store locations")
struct StoreLocationTests {
    @Test(
        "a store is in memory or in a file, whose path counts from the configuration's directory",
        arguments: [
            ("memory:", "memory:"), ("sqlite:q.sqlite", "sqlite:/base/q.sqlite"),
            ("sqlite:./q", "sqlite:/base/q"), ("sqlite:../q", "sqlite:/base/../q"),
            ("sqlite:/var/q.db", "sqlite:/var/q.db"), ("sqlite:a:b", "sqlite:/base/a:b"),
        ])
    func locations(_ text: String, _ expected: String) throws {
        #expect(try StoreLocation(text, in: BaseDirectory("/base")).description == expected)
    }

    @Test(
        "what is no store says what to write",
        arguments: [
            ("queue.sqlite", "is a path without its kind; write sqlite:queue.sqlite"),
            ("./q", "is a path without its kind; write sqlite:./q"),
            ("memory", "has no colon; write \"memory:\", in a file with the quotes"),
            ("", "is no store that is known; write sqlite:PATH or \"memory:\""),
            ("memory:x", "names something behind memory:; write \"memory:\" alone"),
            ("sqlit:x", "is no store that is known; write sqlite:PATH"),
            ("SQLITE:x", "is no store that is known; write sqlite:PATH"),
            ("redis://h", "is no store that is known; write sqlite:PATH or \"memory:\""),
            (
                "postgresql://h",
                "is a PostgreSQL store, which comes with a later version; write sqlite:PATH or \"memory:\""
            ),
            ("sqlite:", "names no file; write for example sqlite:lastcall.sqlite"),
            ("sqlite:dir/", "names a directory; write a file in it, for example sqlite:dir/lastcall.sqlite"),
            ("sqlite:..", "names a directory; write a file in it, for example sqlite:../lastcall.sqlite"),
            ("sqlite::memory:", "is a store without a file; write \"memory:\""),
            ("sqlite:///var/q", "is written as a URL; write sqlite:/var/q"),
            ("sqlite://q", "is written as a URL; write sqlite:q"),
            ("sqlite:~/q", "begins with ~, which only a shell expands; write the whole path"),
            ("sqlite:a\0b", "holds a NUL byte, which no path can; remove it"),
        ])
    func flaws(_ text: String, _ message: String) {
        #expect {
            try StoreLocation(text, in: BaseDirectory("/base"))
        } throws: { error in
            (error as? StoreLocation.Flaw)?.message == message
        }
    }

    @Test("an error never shows a password", arguments: ["postgres://u:secret@h/db", "mysql://u:secret@h/db"])
    func password(_ text: String) {
        #expect {
            try StoreLocation(text, in: BaseDirectory("/base"))
        } throws: { error in
            (error as? StoreLocation.Flaw)?.shown.contains("secret") == false
        }
    }

    @Test(
        "the directory of a file is absolute",
        arguments: [
            ("/a/b.yml", "/a"), ("/b.yml", "/"), ("-", nil), ("b.yml", nil), ("./b.yml", nil), ("s/b.yml", "s"),
        ])
    func directories(_ file: String, _ expected: String?) {
        let current = BaseDirectory.current.path
        let path = expected.map { $0.hasPrefix("/") ? $0 : "\(current)/\($0)" } ?? current
        #expect(BaseDirectory(ofFile: file).path == path)
    }
}
