#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension ShutdownPlan {
    /// Answers `--print-plan`: writes the plan as JSON to standard output and ends the process with 0.
    ///
    /// ```swift
    /// let plan = try ShutdownPlan { … }
    /// plan.printAndExitIfAsked()
    /// ```
    ///
    /// Returns at once where the argument is not there, or only behind `--`. Call it before anything is opened or connected, so
    /// that a pipeline can ask as well:
    ///
    /// ```sh
    /// mailer --print-plan > plan.json
    /// lastcall check --plan plan.json compose.yml
    /// ```
    ///
    /// Where standard output cannot be written, the exit code is 1 and the reason is on standard error.
    ///
    /// - Parameters:
    ///   - name: The service's name; the program's by default.
    ///   - arguments: The command line with the program's name; the process's by default.
    public func printAndExitIfAsked(name: String? = nil, arguments: [String] = CommandLine.arguments) {
        guard arguments.dropFirst().prefix(while: { $0 != "--" }).contains("--print-plan") else { return }
        do {
            let text = try PlanDescription(self, name: name ?? ProgramName.current).json() + "\n"
            if Self.write(text, to: STDOUT_FILENO) { exit(EXIT_SUCCESS) }
            throw LastCallError(.invalidConfiguration, "standard output: \(String(cString: strerror(errno)))")
        } catch {
            _ = Self.write("the plan cannot be printed: \(error)\n", to: STDERR_FILENO)
            exit(ExitCode.failure)
        }
    }

    /// Whether all of `text` could be written.
    private static func write(_ text: String, to file: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(file, $0) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

/// write(2), under a name that the method of the same name does not hide.
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(file, bytes.baseAddress, bytes.count)
}
