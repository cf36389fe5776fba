// House style 8: nothing is swallowed without a word.
extension Rule {
    static let silence: [Rule] = [
        Rule(
            name: "no empty catch",
            instead: "handle the error or let it through; if it may be ignored, say why inside the braces",
            covers: Paths.swift,
            find: { file in
                var findings: [Finding] = []
                let code = file.code
                for match in code.matches(of: #/\bcatch\b[^{}\n]*\{\s*\}/#.asCode) {
                    let first = code[..<match.range.lowerBound].count(where: { $0 == "\n" })
                    let last = first + match.output.count(where: { $0 == "\n" })
                    guard file.lines[first...last].allSatisfy({ $0.comment.trimmed.isEmpty }) else { continue }
                    findings.append(file.lines[first].finding)
                }
                return findings
            },
            breaching: (
                Example(
                    path: "Sources/LastCall/A.swift",
                    text: "do { try f() } catch {}\ndo { try f() } catch let error as E where error.a {\n}\n"
                ), lines: [1, 2]
            ),
            clean: Example(
                path: "Sources/LastCall/A.swift",
                text:
                    "do { try f() } catch { log(error) }\ndo { try f() } catch {\n    // The file is gone, which is what was wanted.\n}\n"
            )
        ),
        Rule(
            name: "try? stands with its reason on the line",
            instead: "catch the error and report it, or say on the same line why it does not matter",
            covers: Paths.swift,
            find: { file in
                file.lines.filter {
                    $0.code.split(whereSeparator: { " (=".contains($0) }).contains("try?") && $0.comment.trimmed.isEmpty
                }.map(\.finding)
            },
            breaching: (
                Example(path: "Tests/A/A.swift", text: "// A reason elsewhere.\nlet a = try? f()\n"), lines: [2]
            ),
            clean: Example(
                path: "Tests/A/A.swift", text: "let a = try? f()  // no file, no plan\nlet b = \"try? f()\"\n")
        ),
    ]
}
