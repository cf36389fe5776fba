import Testing

@testable import lastcall

struct YAMLReaderTests {
    private func read(_ text: String, limits: YAMLReader.Limits = .init()) throws(YAMLError) -> [YAMLNode] {
        try YAMLReader.documents(in: Array(text.utf8), limits: limits)
    }

    private func error(_ text: String, limits: YAMLReader.Limits = .init()) -> YAMLError? {
        do {
            _ = try read(text, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test("B15 scalars stay text and know whether they were quoted")
    func scalars() throws {
        let root = try #require(
            try read("a: 30\nb: '30'\nc: !!str 30\nd: ~\ne:\nf: 'null'\ng: |\n  two\n  lines\n").first)
        #expect(root["a"]?.text == "30")
        #expect(root["a"]?.isQuoted == false)
        #expect(root["b"]?.isQuoted == true)
        #expect(root["c"]?.isQuoted == true)
        #expect(root["d"] == nil)
        #expect(root["e"] == nil)
        #expect(root["f"]?.text == "null")
        #expect(root["g"]?.text == "two\nlines\n")
    }

    @Test("B15 every document of a stream is read, and every value knows its line")
    func documentsAndLines() throws {
        let documents = try read("# a comment\na:\n  - x\n  - y\n---\nb: 1\n---\n")
        #expect(documents.count == 3)
        #expect(documents[0]["a"]?.elements?.map(\.line) == [3, 4])
        #expect(documents[1].pair("b")?.line == 6)
        #expect(documents[2].isNull)
    }

    @Test("B15 merge keys are merged: written keys win, then the earlier of several")
    func mergeKeys() throws {
        let text = """
            one: &one {a: 1, b: 1}
            two: &two {a: 2, c: 2}
            single: {<<: *one, b: 9}
            several: {b: 9, <<: [*one, *two]}
            quoted: {"<<": text}
            """
        let root = try #require(try read(text).first)
        func pairs(_ key: String) -> [String: String] {
            Dictionary(uniqueKeysWithValues: (root[key]?.pairs ?? []).map { ($0.key, $0.value.text ?? "") })
        }
        #expect(pairs("single") == ["a": "1", "b": "9"])
        #expect(pairs("several") == ["a": "1", "b": "9", "c": "2"])
        #expect(pairs("quoted") == ["<<": "text"])
    }

    @Test("B15 an anchor may be redefined, and its alias means the latest")
    func redefinedAnchor() throws {
        let root = try #require(try read("a: &x 1\nb: &x 2\nc: *x\n").first)
        #expect(root["c"]?.text == "2")
    }

    @Test("B15 anchors end with their document")
    func anchorsPerDocument() {
        #expect(error("a: &x 1\n---\nb: *x\n")?.code == .alias)
    }

    @Test("B15 an alias bomb is refused by its size, at once")
    func aliasBomb() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let found = try #require(error(text))
        #expect(found.code == .limit)
        #expect(
            found.message == "more than 500000 values once aliases are written out; split the file or remove aliases")
    }

    @Test("B15 an alias bomb of merge keys is refused too")
    func mergeBomb() throws {
        var text = "m0: &m0 {k0: 1}\n"
        for level in 1...40 {
            text +=
                "m\(level): &m\(level) {<<: [*m\(level - 1), *m\(level - 1)], k\(level): [*m\(level - 1), *m\(level - 1)]}\n"
        }
        #expect(try #require(error(text)).code == .limit)
    }

    @Test("B15 deep nesting is refused before anything recursive sees it", arguments: ["[", "{a: ", "- "])
    func deepNesting(_ opening: String) throws {
        let found = try #require(error(String(repeating: opening, count: 60_000)))
        #expect([.limit, .syntax].contains(found.code))
        let exact = YAMLReader.Limits(depthMax: 3, nodesMax: 100)
        #expect(error("[[x]]", limits: exact) == nil)
        #expect(error("[[[x]]]", limits: exact)?.message == "nested more than 3 levels deep")
    }

    @Test("B15 depth counts aliases written out")
    func deepAliases() throws {
        var text = "a0: &a0 [x]\n"
        for level in 1...80 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        #expect(try #require(error(text)).message == "nested more than 64 levels deep")
    }

    @Test("B15 a value that contains itself is refused")
    func selfReference() {
        #expect(error("a: &a [*a]\n")?.description == "line 1: *a stands for a value that contains itself")
        #expect(error("a:\n  b: *nothing\n")?.description.hasPrefix("line 2: *nothing names nothing") == true)
    }

    @Test("B15 a key that is written twice is refused with both lines")
    func duplicateKey() {
        #expect(
            error("a: 1\nb: 2\na: 3\n")?.description
                == "line 3: the key \"a\" is written twice (first on line 1); remove one of them")
    }

    @Test("B15 keys that are not text, and merges of what is not a mapping, are refused")
    func oddKeys() {
        #expect(error("? [a, b]\n: 1\n")?.code == .key)
        #expect(error("a: {<<: text}\n")?.code == .alias)
        #expect(error("a: &x 1\n*x : 2\n") == nil)
    }

    @Test("B15 a tab that indents is named as what it is")
    func tabs() throws {
        let found = try #require(error("a:\n\tb: 1\n"))
        #expect(found.line == 2)
        #expect(found.message.contains("spaces, never tabs"))
    }

    @Test("B15 compose's !reset takes a value away")
    func reset() throws {
        let root = try #require(try read("a: !reset null\nb: !reset [x]\nc: !override [y]\n").first)
        #expect(root["a"] == nil)
        #expect(root["b"] == nil)
        #expect(root["c"]?.elements?.count == 1)
    }

    @Test(
        "B15 broken text never traps",
        arguments: [
            "", "\u{FEFF}", "%", "&", "*", "- - -", "{", "a: 'x", "!", "!<", "@", "%YAML 9.9\n---\na", "? ", ": ",
            "\u{1}",
        ])
    func brokenText(_ text: String) {
        _ = error(text)
        _ = error("a: " + text)
        _ = error("a:\n  - " + text + "\nb: 2")
    }

    @Test("B15 every prefix of a real file is read or refused, never a trap")
    func prefixes() {
        let text =
            "x: &x\n  environment: {A: \"b\\n\", C: 'd'}\nservices:\n  web:\n    <<: [*x]\n    command: >-\n      a\n"
        for end in text.indices { _ = error(String(text[..<end])) }
    }
}
