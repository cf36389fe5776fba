import CLastCall
import LastCall
import LastCallConcurrency

#if canImport(Musl)
    import Musl
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Wakes the other processes of a store after a commit: one byte to each one's unix datagram socket.
///
/// It is a hint. Who misses one finds out from the file itself some milliseconds later; see ``Lookout``.
package final class Bell: Sendable {
    /// What is known of the others.
    private struct State {
        /// Their sockets.
        var others: [sockaddr_un] = []
        /// When the directory was changed last, as of the listing.
        var changedAt = timespec()
        /// When it was listed.
        var listedAt: ContinuousClock.Instant?
        /// What is open; `nil` once the bell is closed.
        var open: Open?
    }

    /// What a bell has open.
    private struct Open {
        /// This process's socket.
        let socket: Int32
        /// The directory, which may be held open for its addresses and goes with the bell: nobody else keeps it.
        let directory: SocketDirectory
    }

    /// How long a listing is believed in: a directory's time of change is only as fine as the kernel's tick.
    private static let listingMax = Duration.milliseconds(250)
    /// The longest name of a socket.
    private static let nameMax = 64 + 5
    /// Neither waiting nor a SIGPIPE (send(2)).
    private static let sendFlags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    /// No waiting (recv(2)).
    private static let receiveFlags = Int32(MSG_DONTWAIT)

    /// The name of this process's own socket; `nil` for one that only rings.
    private let ownName: String?
    private let state: Mutex<State>

    /// Prepares to ring and, with a name, to hear others ring.
    ///
    /// - Parameters:
    ///   - directory: The workers' directory.
    ///   - name: The worker, whose lock this process holds.
    /// - Returns: `nil` where the system does not allow for it; the file itself then has to be enough.
    package init?(directory path: String, name: String?) {
        guard let directory = SocketDirectory(path, nameMax: Self.nameMax) else { return nil }
        let socket = lastcall_datagram_socket()
        guard socket >= 0 else { return nil }
        let ownName = name.map { $0 + ".sock" }
        if let name, let ownName {
            // What a worker of this name left behind: its lock is ours, so nobody listens there.
            unlink(Self.socketPath(of: name, in: path))
            guard directory.address(of: ownName).withSystemAddress({ bind(socket, $0, $1) }) == 0 else {
                systemClose(socket)
                return nil
            }
        }
        self.ownName = ownName
        state = Mutex(State(open: Open(socket: socket, directory: directory)))
    }

    deinit { close() }

    /// Where a worker's socket is.
    static func socketPath(of name: String, in directory: String) -> String { "\(directory)/\(name).sock" }

    /// The socket to listen on, until the bell is closed.
    var descriptor: Int32? { ownName == nil ? nil : state.withLock { $0.open?.socket } }

    /// Tells all others; never blocks.
    package func ring(_ hints: BellHints) {
        state.withLock { state in
            guard let socket = state.open?.socket else { return }
            list(&state)
            var byte = hints.rawValue
            for other in state.others {
                other.withSystemAddress { address, length in
                    // Nobody listens there any more, or so much waits there that one more byte would tell nothing new.
                    _ = sendto(socket, &byte, 1, Self.sendFlags, address, length)
                }
            }
        }
    }

    /// Takes everything that was rung; never blocks.
    func take() -> BellHints {
        var hints: BellHints = []
        guard let socket = descriptor else { return hints }
        var byte: UInt8 = 0
        while recv(socket, &byte, 1, Self.receiveFlags) == 1 { hints.formUnion(BellHints(rawValue: byte)) }
        return hints
    }

    /// Stops ringing and hearing, and removes the socket; a second call does nothing.
    package func close() {
        let open = state.withLock { state in
            defer { state.open = nil }
            return state.open
        }
        guard let open else { return }
        if let ownName { unlink("\(open.directory.path)/\(ownName)") }
        systemClose(open.socket)
    }

    /// Lists the directory again, if it was changed or the listing is old.
    private func list(_ state: inout State) {
        let now = ContinuousClock.now
        guard let directory = state.open?.directory, let status = fileStatus(directory.path) else {
            state.others = []
            return
        }
        #if canImport(Darwin)
            let changedAt = status.st_mtimespec
        #else
            let changedAt = status.st_mtim
        #endif
        if let listedAt = state.listedAt, listedAt.duration(to: now) < Self.listingMax,
            changedAt.tv_sec == state.changedAt.tv_sec, changedAt.tv_nsec == state.changedAt.tv_nsec
        {
            return
        }
        let names = directoryNames(directory.path) ?? []
        // A name that is too long for an address is nobody's worker.
        state.others = names.filter { $0.hasSuffix(".sock") && $0 != ownName && $0.utf8.count <= Self.nameMax }.map(
            directory.address)
        state.changedAt = changedAt
        state.listedAt = now
    }
}
