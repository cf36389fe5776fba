import LastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The options of `lastcall run`, checked.
struct RunSettings {
    /// What is wrong with the command line, and what to write instead.
    struct UsageError: Error, CustomStringConvertible {
        /// The whole sentence.
        let description: String
    }

    /// The program and its arguments.
    let command: [String]
    /// The program's name in the receipt: the last part of its path.
    let name: String
    /// The grace period, where it is stated.
    let grace: Duration?
    /// How long after the first signal what is left is killed.
    let killAfter: Duration?
    /// Exit codes that count as 0.
    let okExitCodes: Set<Int32>
    /// Which signal is sent in place of which.
    let rewrites: [Int32: Int32]
    /// The most memory the process tree may hold.
    let memoryBytes: Int?
    /// The longest the program may run.
    let timeout: Duration?
    /// Whether `LASTCALL_RECEIPT` is this process's, because no option names another place.
    let takesReceiptVariable: Bool

    init(_ options: RunCommand) throws {
        try self.init(
            command: options.command, grace: options.grace, killAfter: options.killAfter, okExit: options.okExit,
            forward: options.forward, memory: options.memory, timeout: options.timeout, receipt: options.receipt)
    }

    init(
        command: [String], grace: String? = nil, killAfter: String? = nil, okExit: String? = nil,
        forward: [String] = [],
        memory: String? = nil, timeout: String? = nil, receipt: String? = nil
    ) throws {
        guard let program = command.first else {
            throw UsageError(
                description: "no command: write it last, as in: lastcall run -- python3 -m http.server")
        }
        guard !program.isEmpty else { throw UsageError(description: "the command's name is empty") }
        self.command = command
        guard receipt?.isEmpty != true else {
            throw UsageError(description: "--receipt: the path is empty; name a file")
        }
        self.takesReceiptVariable = receipt == nil
        self.name = program.split(separator: "/").last.map(String.init) ?? program
        self.grace = try grace.map { try Self.duration($0, option: "--grace") }
        self.killAfter = try killAfter.map { try Self.duration($0, option: "--kill-after") }
        self.timeout = try timeout.map { try Self.duration($0, option: "--timeout") }
        self.memoryBytes = try memory.map(Self.bytes)
        self.okExitCodes = try Set(
            (okExit ?? "").split(separator: ",").map { text in
                guard let code = Int32(text.trimmingSpaces()), (0...255).contains(code) else {
                    throw UsageError(
                        description:
                            "--ok-exit \(text): write exit codes from 0 to 255 separated by commas, such as 143")
                }
                return code
            })
        self.rewrites = try forward.reduce(into: [:]) { rewrites, text in
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let from = ReceivedSignal.number(named: String(parts[0])),
                let to = ReceivedSignal.number(named: String(parts[1]))
            else { throw UsageError(description: "--forward \(text): write two signals such as TERM=QUIT") }
            // These never reach a handler of ours (signal(7)); SIGCHLD is about children.
            guard ![SIGKILL, SIGSTOP, SIGCHLD].contains(from) else {
                throw UsageError(
                    description: "--forward \(text): nobody can take \(parts[0]); rewrite a signal that can be taken")
            }
            rewrites[from] = to
        }
    }

    private static func duration(_ text: String, option: String) throws -> Duration {
        guard let duration = DurationText.parse(text), duration > .zero else {
            throw UsageError(
                description:
                    "\(option) \(text): write a duration above 0 and up to 876000h, such as 30s, 500ms or 1m30s")
        }
        return duration
    }

    private static func bytes(_ text: String) throws -> Int {
        guard let bytes = SizeText.parse(text, allowingLetters: true) else {
            throw UsageError(description: "--memory \(text): write a size such as 512MiB or 2GiB")
        }
        return bytes
    }
}
