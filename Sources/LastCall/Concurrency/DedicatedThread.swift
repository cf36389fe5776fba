import CLastCall

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A thread that belongs to nobody's pool.
///
/// The concurrency pool has as many threads as the machine has cores, and two members that block in `sleep` use up two of them:
/// a deadline that is kept by a task comes late then (seen: due at 1 s, ran at 6 s). What keeps the deadline runs here.
package enum DedicatedThread {
    /// What a new thread gets to run; passed through C as one pointer.
    private final class Start: Sendable {
        /// The thread's whole work.
        let body: @Sendable () -> Void

        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a detached thread.
    ///
    /// - Parameters:
    ///   - name: What debuggers and `/proc/PID/task/TID/comm` show; at most 15 bytes (pthread_setname_np(3)).
    ///   - body: What it runs.
    package static func start(name: String, _ body: @escaping @Sendable () -> Void) {
        let isStarted = startIfPossible(name: name, body)
        precondition(isStarted, "no thread for \(name): the process is at its limit of threads (ulimit -u)")
    }

    /// Starts a detached thread; returns whether the system had room for one more.
    package static func startIfPossible(name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        let start = Unmanaged.passRetained(
            Start {
                lastcall_name_thread(name)
                body()
            })
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let code = pthread_create(
            &thread, &attributes,
            { pointer in
                #if canImport(Darwin)
                    Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue().body()
                #else
                    Unmanaged<Start>.fromOpaque(pointer!).takeRetainedValue().body()
                #endif
                return nil
            }, start.toOpaque())
        if code != 0 { start.release() }
        return code == 0
    }
}
