import ArgumentParser
import LastCallWork

/// `lastcall status`: what waits, what runs, who works.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what waits, what runs and who works on it.",
        discussion: """
            Looks at the store itself; nothing has to run. Tasks that wait and that no living worker handles are named.

            EXAMPLES
              lastcall status
              lastcall status --store sqlite:queue.sqlite
              lastcall status --json | jq .counts.ready

            \(Verb.exitCodes)
            """
    )

    @OptionGroup var place: StoreOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        try await Verb.run {
            try await place.withStore { opened in
                let status = try await opened.work.status()
                let name = opened.work.store.traits.name
                if json {
                    print(JSONText.encode(StatusJSON(status, store: name)))
                } else {
                    for line in StatusText(status: status, store: name).lines(Terminal.style) { print(line) }
                }
            }
        }
    }
}
