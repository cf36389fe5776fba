import ArgumentParser
import Foundation
import LastCallTesting
import Testing

@testable import lastcall

/// The built binary, from its arguments to its exit code.
struct CheckCommandTests {
    private func directory() throws -> ScratchDirectory {
        let directory = try ScratchDirectory()
        try directory.write("services:\n  web:\n    stop_grace_period: 1m\n", to: "compose.yml")
        try directory.write("web: ./server\n", to: "Procfile")
        return directory
    }

    @Test("B15 the binary exits with 0 where all fit, and 1 where something does not")
    func fitsOrNot() async throws {
        let directory = try directory()
        let fits = try await BuiltProduct.run(["check", "compose.yml", "--budget", "20s"], in: directory)
        #expect(fits.code == 0)
        #expect(fits.output.hasSuffix("The service fits.\n"))
        #expect(fits.errors == "")
        let not = try await BuiltProduct.run(["check", "compose.yml", "Procfile", "--budget", "a=30s"], in: directory)
        #expect(not.code == 1)
        #expect(not.output.contains("1 of 2 services does not fit."))
        #expect(try await BuiltProduct.run(["check", "compose.yml"], in: directory).code == 0)
    }

    @Test("B15 a plan is read from the file that a service wrote")
    func planFile() async throws {
        let directory = try directory()
        try directory.write(#"{"version":1,"stages":[{"name":"a","budgetSeconds":20},{"name":"b"}]}"#, to: "plan.json")
        let run = try await BuiltProduct.run(["check", "compose.yml", "--plan", "plan.json"], in: directory)
        #expect(run.code == 0)
        #expect(run.output.hasPrefix("plan (plan.json): a 20s + b (a share) = 20s + 1 share\n"))
    }

    @Test("B15 standard input is read for -")
    func standardInput() async throws {
        let run = try await BuiltProduct.run(
            ["check", "-", "--budget", "9s"], input: "services: {web: {}}\n", in: try directory())
        #expect(run.code == 0)
        #expect(run.output.contains("standard input (Docker Compose)"))
    }

    @Test("B15 what cannot be read or understood is 78, on standard error, and the rest is still checked")
    func notUnderstood() async throws {
        let directory = try directory()
        try directory.write("services: {web: {stop_grace_period: 5x}}", to: "bad.yml")
        try directory.write(#"{"version":2,"stages":[]}"#, to: "newer.json")
        let run = try await BuiltProduct.run(
            ["check", "missing.yml", ".", "bad.yml", "Procfile", "--budget", "9s"], in: directory)
        #expect(run.code == 78)
        #expect(
            run.errors == """
                error: missing.yml: cannot be opened: No such file or directory
                error: .: is a directory; name a file in it
                error: bad.yml:1: services.web.stop_grace_period: "5x" is not a duration; write for example 30s or 1m30s

                """
        )
        #expect(run.output.hasSuffix("The service fits; 3 errors, see above.\n"))
        let plan = try await BuiltProduct.run(["check", "Procfile", "--plan", "newer.json"], in: directory)
        #expect(plan.code == 78)
        #expect(
            plan.errors.hasPrefix("error: newer.json: version: 2 is not a plan this lastcall reads (it reads 1 to 1)"))
        #expect(plan.output == "Nothing was checked; 1 error, see above.\n")
    }

    @Test(
        "B15 bad usage is 64, and says what to write",
        arguments: [
            (["check"], "Missing expected argument '<files> ...'"),
            (
                ["check", "Procfile", "--budget", "5x"],
                "--budget: \"5x\" is not a budget; write a duration above 0 such as 30s, or intake=30s"
            ),
            (["check", "Procfile", "--budget", "0s"], "--budget: \"0s\" is not a budget"),
            (["check", "Procfile", "--budget", "=5s"], "--budget: \"=5s\" is not a budget"),
            (["check", "Procfile", "--budget", "a=5s", "--budget", "a=6s"], "the stage \"a\" is given twice"),
            (
                ["check", "Procfile", "--budget", "5s", "--plan", "p.json"],
                "--budget and --plan both give a plan; write one of them"
            ),
            (["check", "Procfile", "--reserve", "x"], "--reserve: \"x\" is not a duration; write for example 5s"),
            (["check", "Procfile", "--prestop", "-5s"], "--prestop"),
            (["check", "Procfile", "--unknown"], "Unknown option '--unknown'"),
        ]
    )
    func badUsage(_ arguments: [String], _ message: String) async throws {
        let run = try await BuiltProduct.run(arguments, in: try directory())
        #expect(run.code == 64)
        #expect(run.errors.contains(message))
        #expect(run.output == "")
    }

    @Test("B15 --json prints one JSON value, also where something went wrong")
    func json() async throws {
        let run = try await BuiltProduct.run(
            ["check", "missing.yml", "Procfile", "--budget", "99s", "--json"], in: try directory())
        #expect(run.code == 78)
        #expect(run.errors == "")
        let root = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
        #expect(root["version"] as? Int == 1)
        #expect(root["exitCode"] as? Int == 78)
        #expect((root["errors"] as? [Any])?.count == 1)
    }

    @Test("B15 a file larger than any manifest is refused before it fills the memory")
    func largeFile() async throws {
        let directory = try directory()
        let path = try directory.write("", to: "big.yml")
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: 1 << 32)
        let run = try await BuiltProduct.run(["check", "big.yml"], in: directory)
        #expect(run.code == 78)
        #expect(run.errors == "error: big.yml: is larger than 16 MiB; name a deployment file\n")
    }

    @Test("B15 help names the exit codes and has examples")
    func help() async throws {
        let run = try await BuiltProduct.run(["check", "--help"], in: try directory())
        #expect(run.code == 0)
        #expect(run.output.contains("lastcall check compose.yml --budget intake=30s --budget close=5s"))
        #expect(run.output.contains("Exit codes: 0 all fit"))
    }
}
