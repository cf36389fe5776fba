#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The address of a unix socket in a directory, whatever the length of the directory's path.
///
/// A socket's path has 107 bytes at most (unix(7)). Where that is too short, the directory is named by an open descriptor, through
/// `/proc/self/fd`: it is the same socket then, for everybody, however each of them names it.
final class SocketDirectory: Sendable {
    /// How long a socket's path may be, without its final NUL.
    static let pathMax = 107

    /// The directory.
    let path: String
    /// The open directory, where its own path is too long.
    private let descriptor: Int32?
    /// What stands before the slash in addresses.
    private let prefix: String

    /// Prepares a directory.
    ///
    /// - Parameter nameMax: The longest name of a socket in it.
    /// - Returns: `nil` where its path is too long and it cannot be named otherwise, because there is no `/proc`.
    init?(_ path: String, nameMax: Int) {
        self.path = path
        guard path.utf8.count + 1 + nameMax > Self.pathMax else {
            descriptor = nil
            prefix = path
            return
        }
        let opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { return nil }
        guard fileStatus("/proc/self/fd/\(opened)")?.kind == S_IFDIR else {
            systemClose(opened)
            return nil
        }
        descriptor = opened
        prefix = "/proc/self/fd/\(opened)"
    }

    deinit { if let descriptor { systemClose(descriptor) } }

    /// The address of a socket in the directory.
    func address(of name: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let text = Array("\(prefix)/\(name)".utf8)
        precondition(text.count <= Self.pathMax, "a socket's path of \(text.count) bytes")
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: text) }
        return address
    }
}

extension sockaddr_un {
    /// Runs `body` with the address as the system's calls want it.
    func withSystemAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: self) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
