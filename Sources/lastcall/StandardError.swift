import LastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Standard error as a stream for `print(_:to:)`.
///
/// Unbuffered.
struct StandardError: TextOutputStream {
    /// Writes one line, whole, and waits a tenth of a second for whoever reads it, no longer.
    ///
    /// What a terminal would act upon is shown as an escape. On a terminal the rest of a line that is drawn there is erased
    /// (ECMA-48 EL).
    static func writeLine(_ line: String) {
        let text = line.withoutControlCharacters + (isatty(STDERR_FILENO) == 1 ? "\u{1B}[K\n" : "\n")
        BoundedWork.run(within: .milliseconds(100)) {
            var standardError = StandardError()
            standardError.write(text)
        }
    }

    mutating func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(STDERR_FILENO, $0.baseAddress, $0.count) }
            // Closed or full: there is nowhere left to say so.
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}

/// `write(2)` under a name that the method does not hide.
private let systemWrite = write(_:_:_:) as @Sendable (Int32, UnsafeRawPointer?, Int) -> Int

extension String {
    /// This text with escapes in place of what a terminal would act upon; line feeds stay.
    var withoutControlCharacters: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            let isControl = scalar.properties.generalCategory == .control && scalar != "\n"
            text += isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
    }
}
