import LastCall
import LastCallTesting

#if canImport(Glibc)
    import Glibc
#endif

/// One run of the fixture program, with a receipt file of its own.
struct FixtureRun {
    /// The process.
    let program: ProgramUnderTest
    /// Where its receipt is, and whatever else the test writes.
    let folder: ScratchDirectory
    private var receiptPath: String { folder.path + "/receipt.json" }

    /// Starts it.
    ///
    /// Without a grace period of its own each of its two stages has 2 s, and half of the grace period is the reserve: the last words
    /// and a hard deadline are not a matter of how busy the machine is.
    init(_ scenario: String..., grace: String? = nil, environment: [String: String] = [:], readsOutput: Bool = true)
        throws
    {
        folder = try ScratchDirectory()
        var variables = [
            "LASTCALL_GRACE": grace ?? "8s", "LASTCALL_RECEIPT": folder.path + "/receipt.json", "PATH": "/usr/bin:/bin",
        ]
        if grace == nil { variables["LASTCALL_RESERVE"] = "4s" }
        variables.merge(environment) { $1 }
        program = try ProgramUnderTest(
            BuiltProgram.path("LifecycleFixture"), Array(scenario), environment: variables, readsOutput: readsOutput)
    }

    /// Starts the fixture, and sends it a signal as soon as it is ready.
    static func ready(_ scenario: String, then signal: Int32 = SIGTERM, grace: String? = nil) async throws -> FixtureRun
    {
        let run = try FixtureRun(scenario, grace: grace)
        try await run.program.line("ready")
        run.program.signal(signal)
        return run
    }

    /// Sends SIGTERM; it is kept where it comes before the lifecycle runs, and kills where it comes before `main` did.
    ///
    /// The process has taken its signals once SIGTERM is in its caught set (`SigCgt` in proc(5)).
    func stopOnceReady() async throws {
        let mask = UInt64(1) << UInt64(SIGTERM - 1)
        for _ in 0..<100_000 {
            let status = try FileText.read("/proc/\(program.pid)/status")
            let caught = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last
            if let caught, let bits = UInt64(caught, radix: 16), bits & mask != 0 { break }
            await Task.yield()
        }
        program.signal(SIGTERM)
    }

    /// The receipt as it is in the file.
    func receipt() throws -> Receipt {
        let text = try FileText.read(receiptPath)
        return try Receipt(json: text.utf8)
    }
}

/// Files as they are, also those of proc(5), which have no size.
enum FileText {
    /// Reads a whole file.
    static func read(_ path: String) throws -> String {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { throw ProgramUnderTest.Failure(description: "\(path) cannot be read") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = readBytes(file, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// read(2), under a name that the method of the same name does not hide.
private func readBytes(_ file: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(file, buffer, count)
}
