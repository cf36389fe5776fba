import CLastCall
import NIOCore

/// What only the kernel knows about a channel's socket; asked on the channel's event loop.
enum SocketFacts {
    /// How many bytes were received that nobody has read; 0 where nobody can tell.
    static func unreadBytes(of channel: any Channel) -> Int {
        descriptor(of: channel) { max(0, Int(lastcall_unread_bytes($0))) } ?? 0
    }

    /// How many bytes were written that the other side's kernel has not confirmed; 0 where nobody can tell.
    static func unsentBytes(of channel: any Channel) -> Int {
        descriptor(of: channel) { max(0, Int(lastcall_unsent_bytes($0))) } ?? 0
    }

    /// Runs `body` with the channel's descriptor, or returns `nil` where it has none, or is closed.
    static func descriptor<Result>(of channel: any Channel, _ body: (CInt) -> Result) -> Result? {
        guard channel.isActive else { return nil }
        do {
            return try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self, body)
        } catch {
            // Only a channel that is closing has no descriptor any more.
            return nil
        }
    }
}
