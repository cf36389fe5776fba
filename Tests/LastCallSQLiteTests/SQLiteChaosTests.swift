import LastCall
import LastCallTesting
import Testing

/// Real workers on one file, ended at random.
@Suite struct SQLiteChaosTests {
    @Test(
        "B16 B7 B3 workers that are told to stop and killed at random lose no job, double no callback, overwrite no completion"
    )
    func chaos() async throws {
        let environment = ProcessEnvironment.current
        let seconds = environment["LASTCALL_CHAOS_SECONDS"].flatMap { Int($0) } ?? 60
        let seed = environment["LASTCALL_CHAOS_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
        let scratch = try ScratchDirectory()
        let program = try ProgramUnderTest(
            BuiltProgram.path("WorkFixture"), ["chaos", "\(scratch.path)/queue.sqlite", "\(seconds)", "\(seed)"],
            environment: ["PATH": environment["PATH"] ?? "/usr/bin:/bin"], lifeMax: .seconds(seconds + 150))
        let code = try await program.exit()
        print(program.output)
        #expect(code == 0, "seed \(seed): \(program.output)")
    }
}
