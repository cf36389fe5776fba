import Foundation
import LastCall
import LastCallTesting

/// The `lastcall` that was built together with these tests, and runs of it.
enum BuiltProduct {
    /// What a run left behind.
    struct Run {
        /// The exit code.
        let code: Int32
        /// What it wrote to standard output.
        let output: String
        /// What it wrote to standard error.
        let errors: String
    }

    /// Runs `lastcall` to its end.
    ///
    /// Both streams go through files, so neither can fill up and stall it. No thread waits for it: tests share few of them.
    static func run(
        _ arguments: [String], input: String = "", in directory: ScratchDirectory
    ) async throws -> Run {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: BuiltProgram.path("lastcall"))
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        let files = try ["in", "out", "err"].map {
            try directory.write($0 == "in" ? input : "", to: ".\($0)-\(UUID())")
        }
        let handles = [
            try FileHandle(forReadingFrom: URL(fileURLWithPath: files[0])),
            try FileHandle(forWritingTo: URL(fileURLWithPath: files[1])),
            try FileHandle(forWritingTo: URL(fileURLWithPath: files[2])),
        ]
        (process.standardInput, process.standardOutput, process.standardError) = (handles[0], handles[1], handles[2])
        let isOver = Latch<Void>()
        process.terminationHandler = { _ in isOver.open() }
        try process.run()
        await isOver.waitThroughCancellation()
        return Run(
            code: process.terminationStatus, output: try String(contentsOfFile: files[1], encoding: .utf8),
            errors: try String(contentsOfFile: files[2], encoding: .utf8)
        )
    }
}
