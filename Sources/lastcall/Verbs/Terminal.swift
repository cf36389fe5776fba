import LastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What is known of the terminals that a verb writes to.
enum Terminal {
    /// Whether standard output is one.
    static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
    /// Whether standard error is one.
    static var isError: Bool { isatty(STDERR_FILENO) == 1 }
    /// Whether standard input is one.
    static var isInput: Bool { isatty(STDIN_FILENO) == 1 }

    /// How standard output is painted: in colour on a terminal, unless `NO_COLOR` says otherwise (no-color.org).
    static var style: TextStyle {
        let isColourless = EnvironmentSettings(ProcessEnvironment.current).text(.noColor) != nil
        return TextStyle(isColoured: isOutput && !isColourless)
    }

    /// The columns and rows of a terminal; 80 and 24 where it does not say.
    static func size(of file: Int32) -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Writes bytes to a descriptor.
    ///
    /// - Throws: ``VerbError`` where nobody takes them.
    static func write(_ bytes: [UInt8], to file: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw OutputClosed(code: errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Nobody takes what is written.
    struct OutputClosed: Error {
        /// The system's error number.
        let code: Int32
    }
}

/// write(2), under a name that the method does not hide.
private let systemWrite = write(_:_:_:) as @Sendable (Int32, UnsafeRawPointer?, Int) -> Int
