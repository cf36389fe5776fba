import Foundation
import LastCall
import LastCallTesting

#if canImport(Glibc)
    import Glibc
#endif

/// A folder with a configuration and a store, and the processes of `lastcall` that work in it.
struct ServeFolder {
    /// Where it is.
    let folder: ScratchDirectory

    /// Writes the configuration; `keys` are the lines below `tasks`.
    init(_ tasks: String, root: String = "grace: 20s\nconcurrency: 4\n") throws {
        folder = try ScratchDirectory()
        let lines = tasks.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
        try folder.write("store: sqlite:state/queue.sqlite\n\(root)tasks:\n\(lines)", to: "lastcall.yml")
    }

    /// What every process finds in its environment.
    private var environment: [String: String] {
        [
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": folder.path,
            // The last words are not a matter of how busy the machine is.
            "LASTCALL_RESERVE": "4s",
        ]
    }

    /// A path in the folder.
    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// Starts a verb that goes on.
    func start(_ arguments: [String], _ more: [String: String] = [:]) throws -> ProgramUnderTest {
        try ProgramUnderTest(
            BuiltProgram.path("lastcall"), arguments, environment: environment.merging(more) { $1 })
    }

    /// Starts `lastcall serve` and waits until it claims.
    func serve(_ options: [String] = [], _ more: [String: String] = [:]) async throws -> ProgramUnderTest {
        let program = try start(["serve", path("lastcall.yml"), "--receipt", path("receipt.json")] + options, more)
        try await program.line("submit with")
        return program
    }

    /// The receipt of the last stop.
    func receipt() throws -> Receipt {
        try Receipt(json: try String(contentsOfFile: path("receipt.json"), encoding: .utf8).utf8)
    }

    /// Runs a verb in the folder to its end.
    func run(_ arguments: [String], input: String = "") async throws -> BuiltProduct.Run {
        try await BuiltProduct.run(arguments, input: input, in: folder)
    }

    /// Submits something and returns the ids that are printed.
    func submit(_ arguments: [String], input: String = "") async throws -> [String] {
        let run = try await run(["submit"] + arguments, input: input)
        guard run.code == 0 else { throw ProgramUnderTest.Failure(description: run.errors) }
        return run.output.split(separator: "\n").map(String.init)
    }

    /// Follows what a job writes.
    func follow(_ id: String) throws -> ProgramUnderTest {
        try start(["output", id, "--config", path("lastcall.yml"), "-f"])
    }

    /// What `--json` of a verb prints.
    func json(_ arguments: [String]) async throws -> [String: Any] {
        let run = try await run(arguments + ["--json"])
        let object = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
        guard let fields = object as? [String: Any] else {
            throw ProgramUnderTest.Failure(description: "no object: \(run.output)\(run.errors)")
        }
        return fields
    }

    /// The facts of a job.
    func job(_ id: String) async throws -> [String: Any] {
        try await json(["show", id])["job"] as? [String: Any] ?? [:]
    }

    /// The members that a callback saw: what a task that runs cat(1) wrote.
    func members(_ id: String) async throws -> [[String: Any]] {
        try await run(["output", id]).output.split(separator: "\n").map { line in
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
        }
    }
}
