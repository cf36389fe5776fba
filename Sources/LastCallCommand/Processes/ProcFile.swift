import CLastCall

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Reads the small files of proc(5).
enum ProcFile {
    /// The most that is read of a file; an environment may be long, a status line never is.
    static let bytesMax = 256 << 10

    /// The file's bytes, or `nil` where it cannot be read: its process is gone, or is not ours to look at.
    static func read(_ path: String, bytesMax: Int = ProcFile.bytesMax) -> [UInt8]? {
        let descriptor = lastcall_open(path, false)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < bytesMax {
            let count = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
                let count = readSome(descriptor, buffer.baseAddress, buffer.count)
                if count > 0 { bytes.append(contentsOf: buffer[..<count]) }
                return count
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return count < 0 ? nil : bytes }
        }
        return bytes
    }

    /// The bytes of a file that is one short record, which the kernel gives in one piece.
    static func readRecord(_ path: String) -> [UInt8]? {
        let descriptor = lastcall_open(path, false)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
            count = max(0, readSome(descriptor, buffer.baseAddress, buffer.count))
        }
        return bytes.isEmpty ? nil : bytes
    }

    /// The names in a directory that are numbers.
    static func numbers(in path: String) -> [pid_t] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var numbers: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { strtol($0, nil, 10) }
            }
            if name > 0 { numbers.append(pid_t(name)) }
        }
        return numbers
    }
}

/// `read(2)` under a name that does not hide behind ``ProcFile/read(_:bytesMax:)``.
private func readSome(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
