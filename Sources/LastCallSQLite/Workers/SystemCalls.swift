#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// System calls under names that methods of the same name do not hide.

/// close(2); after any outcome the descriptor is gone.
func systemClose(_ descriptor: Int32) { _ = close(descriptor) }

/// What the last system call said, in words.
func systemMessage(_ number: Int32) -> String { String(cString: strerror(number)) }

/// A whole small file, up to 4 KiB; `nil` where it cannot be read.
func smallFile(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { systemClose(descriptor) }
    return smallFile(descriptor)
}

/// The beginning of an open file, up to 4 KiB; `nil` where it cannot be read.
func smallFile(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
}

/// What stat(2) says of a path, or lstat(2) of a link itself; `nil` with errno.
func fileStatus(_ path: String, followsLinks: Bool = true) -> stat? {
    var status = stat()
    return (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 ? status : nil
}

extension stat {
    /// The file's kind: `S_IFDIR` and others (inode(7)).
    var kind: mode_t { st_mode & S_IFMT }
}

/// The names in a directory, without `.` and `..`; `nil` with errno.
func directoryNames(_ path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}
