// House style 1, 2 and 3: a machine decides, an owner acts.
extension Rule {
    static let machines: [Rule] = [
        Rule(
            name: "a state machine never says await, Task, Logger or .now",
            instead: "return an action and let the owner perform it; take the instant as an argument (`at now:`)",
            covers: Paths.machine,
            find: { $0.findings(#/\b(await|Task|Logger)\b|\.now\b/#.asCode) },
            breaching: (
                Example(
                    path: "Sources/LastCall/DrainStateMachine.swift",
                    text:
                        "mutating func stop() {\n    start = clock.now\n    await tell()\n    Task.yield()\n    Logger(label: a)\n}\n"
                ), lines: [2, 3, 4, 5]
            ),
            clean: Example(
                path: "Sources/LastCall/DrainStateMachine.swift",
                text:
                    "// The owner's Task awaits.\nmutating func stop(at now: Duration) -> StopAction { .tell(TaskName.a) }\n"
            )
        ),
        Rule(
            name: "a state machine's switch has no default",
            instead: "name every state, so that a new one has to be thought about at every event",
            covers: Paths.machine,
            find: { $0.findings(#/^\s*(@unknown\s+)?default\s*:/#) },
            breaching: (
                Example(
                    path: "Sources/LastCall/DrainStateMachine+Events.swift",
                    text: "switch state {\ncase .idle: return\ndefault: break\n}\n"
                ), lines: [3]
            ),
            clean: Example(
                path: "Sources/LastCall/DrainStateMachine+Events.swift",
                text: "switch state {\ncase .idle: return\ncase .default: break  // default: none\n}\n"
            )
        ),
        Rule(
            name: "a type named …StateMachine lives in a file named for it",
            instead: "move it to `<Type>.swift`, where the rules for machines hold",
            covers: { Paths.product($0) && !Paths.machine($0) },
            find: { $0.findings(#/\b(struct|enum|class|actor)\s+\w*StateMachine\b/#.asCode) },
            breaching: (
                Example(path: "Sources/LastCall/Drain.swift", text: "private struct DrainStateMachine {}\n"), lines: [1]
            ),
            clean: Example(
                path: "Sources/LastCall/DrainStateMachine.swift", text: "struct DrainStateMachine {}\n"
            )
        ),
    ]
}
