/// What the server as a whole is doing, as far as a connection has to know.
enum ServingPhase: Int, Sendable, Comparable {
    /// It serves.
    case serving
    /// It stops: every answer closes its connection.
    case draining
    /// It stops and takes no new connections: idle ones are closed.
    case closingIdle

    static func < (lhs: ServingPhase, rhs: ServingPhase) -> Bool { lhs.rawValue < rhs.rawValue }
}
