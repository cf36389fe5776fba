#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The thread that asks.
struct ThreadProbe: Hashable, Sendable {
    /// What debuggers show.
    let name: String
    /// What tells it from all others that run.
    let number: UInt

    /// Looks at the thread that this is called on.
    init() {
        do {
            name = try String(FileText.read("/proc/thread-self/comm").dropLast())
        } catch {
            name = "\(error)"
        }
        number = UInt(pthread_self())
    }
}
