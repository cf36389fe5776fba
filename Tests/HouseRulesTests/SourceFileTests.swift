import Testing

@Suite("Sources are read as code, comments and strings")
struct SourceFileTests {
    private func code(_ text: String) -> [String] {
        SourceFile(path: "a.swift", text: text).lines.map { $0.code.replacing(#/\s+/#, with: " ") }
    }

    @Test("comments leave the code and are kept beside it")
    func comments() {
        let file = SourceFile(
            path: "a.swift", text: "let a = 1  // why: b\n/* x /* nested */ y */ let c = 2\n/// doc\n")
        #expect(file.lines.map { $0.code.contains("let") } == [true, true, false])
        #expect(file.lines[0].comment == " why: b")
        #expect(file.lines[1].comment.contains("x") && file.lines[1].comment.contains("nested"))
        #expect(file.lines[2].comment == " doc")
    }

    @Test("an empty comment marker is not mistaken for code")
    func emptyComment() {
        #expect(SourceFile(path: "a.swift", text: "//\nfoo()\n").lines.map(\.code).last == "foo()")
    }

    @Test(
        "what stands in a string is not code",
        arguments: [
            #"let a = "Task { } // no comment""#,
            ##"let a = #"Task { \" "inner" "#"##,
            "let a = \"\"\"\n  Task { \" }\n  \"\"\"",
            #"let a = "quote \" Task {""#,
            ##"let a = #/Task " \{/#"##,
        ])
    func strings(text: String) {
        let file = SourceFile(path: "a.swift", text: text + "\nlet after = 1\n")
        #expect(!file.code.contains("Task"))
        #expect(file.code.contains("let after = 1"))
        #expect(file.lines.allSatisfy { $0.comment.isEmpty })
    }

    @Test("code inside an interpolation is code")
    func interpolation() {
        #expect(code(#"print("a \(try? f("x)")) b") + g()"#)[0].contains("try? f("))
        #expect(code(#"print("a \(f(1)) Task") + g()"#)[0].contains("g()"))
        #expect(!code(#"print("a \(f(1)) Task") + g()"#)[0].contains("Task"))
    }

    @Test("lines are counted from 1 and none is lost")
    func lineNumbers() {
        let file = SourceFile(path: "a.swift", text: "a\n\nb\n\"\"\"\nx\n\"\"\"\nc")
        #expect(file.lines.map(\.number) == [1, 2, 3, 4, 5, 6, 7])
        #expect(file.lines.last?.code == "c")
    }
}
