#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A place for a receipt in the file system.
///
/// A regular file is replaced as a whole, so that a reader sees the old receipt or the new one, never half of one; a link to it
/// stays. A device, a pipe or Kubernetes' mounted termination log is written in place, and a descriptor such as `/dev/stdout`
/// is added to.
package struct ReceiptFile: Sendable {
    /// What could not be done, with the path and the system's reason.
    package struct Failure: Error, CustomStringConvertible {
        /// The whole sentence.
        package let description: String
    }

    /// Where the receipt goes.
    package let path: String
    /// Whether the path is written in place, also where it is a regular file.
    package let isInPlace: Bool

    package init(path: String, isInPlace: Bool = false) {
        self.path = path
        self.isInPlace = isInPlace
    }

    /// Where a path leads.
    private enum Destination {
        /// To this file, behind all links.
        case file(String)
        /// To a descriptor of a process: what is behind it is not ours to replace.
        case descriptor
    }

    /// How many links are followed, as many as path_resolution(7) does.
    private static let linksMax = 40

    /// Finds out whether the receipt can be written, and makes the folder where it is missing.
    package func probe() throws(Failure) {
        guard !path.isEmpty, !path.hasSuffix("/") else { throw failure("is no file; name a file in it") }
        let destination = try destination()
        if let mode = Self.mode(of: path) {
            guard mode & S_IFMT != S_IFDIR else { throw failure("is a folder; name a file in it") }
            guard access(path, W_OK) == 0 else { throw failure("cannot be written", errno) }
            if mode & S_IFMT != S_IFREG || isInPlace { return }
        }
        guard case .file(let path) = destination else {
            guard access(path, W_OK) == 0 else { throw failure("cannot be written", errno) }
            return
        }
        let folder = Self.folder(of: path)
        try make(folder)
        guard access(folder, W_OK | X_OK) == 0 else { throw failure("its folder cannot be written", errno) }
    }

    /// Whether each receipt takes the place of the one before: a regular file, or none yet.
    package var isReplaced: Bool {
        // What fails there fails again, and is said, when the last receipt is written.
        guard !isInPlace, case .file? = try? destination() else { return false }  // see above
        return Self.mode(of: path).map { $0 & S_IFMT == S_IFREG } ?? true
    }

    /// Writes the receipt.
    package func write(_ text: String) throws(Failure) {
        let bytes = Array(text.utf8)
        guard case .file(let path) = try destination() else {
            return try write(bytes, to: path, flags: O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK)
        }
        let mode = Self.mode(of: path)
        if isInPlace || mode.map({ $0 & S_IFMT != S_IFREG }) ?? false {
            // Without O_NONBLOCK a pipe that nobody reads would hold up the exit (open(2)).
            return try write(bytes, to: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK)
        }
        try make(Self.folder(of: path))
        let next = "\(path).\(getpid()).tmp"
        do throws(Failure) {
            // What lies there is the rest of a killed process of the same number, or a link to a file that is not ours to write.
            unlink(next)
            let permissions = mode.map { $0 & 0o777 } ?? 0o644
            try write(bytes, to: next, flags: O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions: permissions)
            guard rename(next, path) == 0 else { throw failure("cannot be replaced", errno) }
        } catch {
            unlink(next)
            throw error
        }
    }

    private func write(
        _ bytes: [UInt8], to path: String, flags: Int32, permissions: mode_t = 0o644
    ) throws(Failure) {
        let file = open(path, flags, permissions)
        guard file >= 0 else { throw failure("cannot be opened", errno) }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { platformWrite(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw failure("cannot be written", errno) }
            written += count
        }
    }

    /// Follows the links, also one that leads to nothing yet, which realpath(3) does not.
    private func destination() throws(Failure) -> Destination {
        var path = path
        for _ in 0..<Self.linksMax {
            if path.hasPrefix("/proc/") || path.hasPrefix("/dev/fd/") { return .descriptor }
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let length = readlink(path, &target, target.count)
            guard length > 0 else { return .file(path) }
            let text = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            path = text.hasPrefix("/") ? text : "\(Self.folder(of: path))/\(text)"
        }
        throw failure("cannot be found", ELOOP)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func make(_ folder: String) throws(Failure) {
        guard Self.mode(of: folder) == nil else { return }
        var made = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            made += "/\(part)"
            guard Self.mode(of: made) == nil else { continue }
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw failure("its folder cannot be made", errno) }
        }
    }

    private func failure(_ what: String, _ code: Int32? = nil) -> Failure {
        let reason = code.map { ": " + String(cString: strerror($0)) } ?? ""
        return Failure(description: "receipt \(path) \(what)\(reason)")
    }

    private static func mode(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }
}

/// write(2), under a name that the method of the same name does not hide.
private func platformWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(file, bytes, count) }
