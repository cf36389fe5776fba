import LastCall
import LastCallTesting

#if canImport(Glibc)
    import Glibc
#endif

/// What systemd has at the other end of `NOTIFY_SOCKET`: a datagram socket, whose messages are kept.
final class FakeNotifySocket: Sendable {
    /// What programs are given as `NOTIFY_SOCKET`.
    let address: String
    /// Whoever waits for a message gets each once.
    let messages: AsyncStream<String>
    private let file: Int32
    private let folder: ScratchDirectory

    /// Opens the socket.
    ///
    /// - Parameters:
    ///   - isAbstract: Whether its name is in no file system (unix(7)).
    ///   - isRead: Whether anybody reads from it.
    init(isAbstract: Bool = false, isRead: Bool = true) throws {
        folder = try ScratchDirectory()
        let path = folder.path + "/notify"
        address = isAbstract ? "@" + path.dropFirst() : path
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.file = file
        let (messages, continuation) = AsyncStream.makeStream(of: String.self)
        self.messages = messages
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(address.utf8)
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(file, $0, length) }
        }
        guard bound == 0 else {
            throw ProgramUnderTest.Failure(
                description: "\(address) cannot be bound: \(String(cString: strerror(errno)))")
        }
        guard isRead else { return }
        DedicatedThread.start(name: "notify-socket") {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(file, &buffer, buffer.count, 0)
                if count < 0 && errno == EINTR { continue }
                // An empty message: the socket was shut down.
                guard count > 0 else { break }
                continuation.yield(String(decoding: buffer[..<count], as: UTF8.self))
            }
            continuation.finish()
            close(file)
        }
    }

    deinit { shutdown(file, Int32(SHUT_RDWR)) }

    /// Reads messages until one begins with `prefix`, and returns them all.
    func messages(until prefix: String) async -> [String] {
        var heard: [String] = []
        for await message in messages {
            heard.append(message)
            if message.hasPrefix(prefix) { break }
        }
        return heard
    }
}
