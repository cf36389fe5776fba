#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension InputFile {
    /// The largest file that is read: more than the largest bundles of manifests, less than a disk image.
    static let bytesMax = 16 << 20

    /// Reads a file, or standard input for `-`.
    ///
    /// - Parameter wanted: What should have been named, for errors.
    init(path: String, wanted: String = "a deployment file") throws(CheckError) {
        if path == "-" {
            self = try InputFile(name: "standard input", descriptor: STDIN_FILENO, wanted: wanted)
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path, "cannot be opened: \(Self.systemError(errno))") }
        defer { _ = close(descriptor) }
        self = try InputFile(name: path, descriptor: descriptor, wanted: wanted)
    }

    private init(name: String, descriptor: Int32, wanted: String) throws(CheckError) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw Self.unreadable(
                    name,
                    errno == EISDIR ? "is a directory; name a file in it" : "cannot be read: \(Self.systemError(errno))"
                )
            }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= Self.bytesMax else {
                throw Self.unreadable(name, "is larger than \(Self.bytesMax >> 20) MiB; name \(wanted)")
            }
        }
        self.init(name: name, bytes: bytes, wanted: wanted)
    }

    private static func systemError(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func unreadable(_ name: String, _ message: String) -> CheckError {
        CheckError(code: .unreadable, file: name, message: message)
    }
}
