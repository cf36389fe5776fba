import LastCall
import LastCallWork

/// Ages as a table shows them, in two units at most: `12s`, `5m`, `2h05m`, `3d4h`.
enum AgeText {
    /// Writes an age.
    static func format(_ age: Duration) -> String {
        let seconds = Int(max(0, age.inSeconds))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<600: return "\(seconds / 60)m\(two(seconds % 60))s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<86_400: return "\(seconds / 3600)h\(two(seconds % 3600 / 60))m"
        default: return "\(seconds / 86_400)d\(seconds % 86_400 / 3600)h"
        }
    }
}

extension WorkInstant {
    /// The instant in UTC, as RFC 3339 writes it.
    var rfc3339: String { Timestamp.rfc3339(milliseconds: rawValue) }
}
