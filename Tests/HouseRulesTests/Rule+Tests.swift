// House style 19 and 24: tests wait for events, and none is switched off.
extension Rule {
    static let tests: [Rule] = [
        Rule(
            name: "P34 no sleeping in tests",
            instead:
                "wait for a named event (a `Latch`, a line of output) or move a manual clock; a program under test may sleep",
            covers: { Paths.test($0) || $0.hasPrefix("Sources/LastCallTesting/") },
            find: { file in
                let clocks =
                    #/\b(Task|Thread)\.sleep\b|\b(ContinuousClock|SuspendingClock)(\(\)|\.\w+)?\.sleep\b|\.(continuous|suspending)\.sleep\b/#
                    .asCode
                let functions = #/(^|[^.\w])((Glibc|Foundation)\.)?(sleep|usleep|nanosleep|clock_nanosleep)\s*\(/#
                return file.lines.filter { line in
                    guard line.code.contains("sleep") else { return false }
                    let used = line.code.replacing(#/\bfunc\s+\w+/#.asCode, with: "func")
                    return used.contains(clocks) || used.contains(functions)
                }.map(\.finding)
            },
            breaching: (
                Example(
                    path: "Tests/A/A.swift",
                    text: "try await Task.sleep(for: .seconds(1))\nusleep(1)\nThread.sleep(1)\nsleep(1)\n"
                        + "try await ContinuousClock().sleep(for: a)\nGlibc.clock.a(); nanosleep(&a, nil)\ntry await .continuous.sleep(for: a)\n"
                ), lines: [1, 2, 3, 4, 5, 6, 7]
            ),
            clean: Example(
                path: "Tests/A/A.swift",
                text:
                    "let script = \"trap '' TERM; sleep(5); usleep(1)\"\ntry await manual.sleep(until: a)\nfunc sleep(until a: A) {}\n"
            )
        ),
        Rule(
            name: "P34 no judging by the time that passed",
            instead: "expect what happened, or move a manual clock; a real clock may only bound a wait",
            covers: Paths.test,
            find: {
                $0.findings(
                    #/#(expect|require)\b.*(\b(Continuous|Suspending)Clock\b|\.duration\(to:\s*\.now|\belapsed(Seconds)?\s*[<>])/#
                        .asCode)
            },
            breaching: (
                Example(
                    path: "Tests/A/A.swift",
                    text:
                        "#expect(ContinuousClock.now - start < .seconds(1))\n#expect(start.duration(to: .now) > .seconds(2))\n"
                        + "try #require(receipt.elapsedSeconds < 3)\n"
                ), lines: [1, 2, 3]
            ),
            clean: Example(
                path: "Tests/A/A.swift",
                text:
                    "while ContinuousClock.now < end {}\n#expect(line.contains(\"\\(receipt.elapsedSeconds)\"))\n#expect(clock.now == end)\n"
            )
        ),
        Rule(
            name: "no test is disabled",
            instead:
                "mend it or delete it; where the machine lacks something, use `.enabled(if:)` with a condition that prints its reason",
            covers: Paths.test,
            find: {
                $0.findings(
                    #/\.disabled\b|\.enabled\(\s*if:\s*false|\bwithKnownIssue\b|\bXCTSkip\b|^\s*#if\s+(false|0)\b/#
                        .asCode)
            },
            breaching: (
                Example(
                    path: "Tests/A/A.swift",
                    text:
                        "@Test(.disabled()) func a() {}\n@Test(.enabled(if: false)) func b() {}\nwithKnownIssue { }\n#if false\n#endif\n"
                ), lines: [1, 2, 3, 4]
            ),
            clean: Example(
                path: "Tests/A/A.swift", text: "@Test(\"not .disabled\", .enabled(if: Machine.hasNginx)) func a() {}\n"
            )
        ),
    ]
}
