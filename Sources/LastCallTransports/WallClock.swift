#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The time of day, which dates of HTTP are about.
enum WallClock {
    /// The seconds since 1970.
    static var secondsSince1970: Int64 { Int64(time(nil)) }
}
