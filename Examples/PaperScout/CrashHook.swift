#if DEBUG
    import LastCall
    import LastCallConcurrency

    #if canImport(Glibc)
        import Glibc
    #endif

    /// Kills the process at a place in its code, for the tests; only debug builds have it.
    enum CrashHook {
        /// The variable that names the place, and behind a comma how often it is passed before: `sent,2`.
        static let variable = "PAPERSCOUT_CRASH_AT"

        /// Kills the process where the environment says so.
        static func listen(_ environment: [String: String]) {
            guard let text = environment[variable], !text.isEmpty else { return }
            let parts = text.split(separator: ",").map(String.init)
            let left = Mutex(parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
            CrashPoint.listen { place in
                guard place == parts[0] else { return }
                let isTime = left.withLock { left in
                    defer { left -= 1 }
                    return left <= 0
                }
                if isTime { kill(getpid(), SIGKILL) }
            }
        }
    }
#endif
