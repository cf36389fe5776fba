import LastCallConcurrency

/// What runs came to, by schedule.
final class RunNotes: Sendable {
    /// What is known of one schedule's runs.
    private struct Note {
        /// How many were cancelled by the stop.
        var cancelled = 0
        /// When one ended well.
        var lastRun: WorkInstant?
        /// Why the last one failed.
        var failure: String?
        /// Why none could be fired.
        var unfired: String?
    }

    private let notes = Mutex<[String: Note]>([:])

    /// A run ended well.
    func ran(_ name: String, at now: WorkInstant) {
        notes.withLock {
            $0[name, default: Note()].lastRun = now
            $0[name]?.failure = nil
        }
    }

    /// A run was cancelled by the stop.
    func cancelled(_ name: String) { notes.withLock { $0[name, default: Note()].cancelled += 1 } }

    /// A run failed; an error's own words may quote anything.
    func failed(_ name: String, _ error: any Error) {
        notes.withLock { $0[name, default: Note()].failure = Self.words(for: error) }
    }

    /// A tick was fired, or could not be.
    func fired(_ name: String, _ error: (any Error)? = nil) {
        notes.withLock { $0[name, default: Note()].unfired = error.map(Self.words) }
    }

    private static func words(for error: any Error) -> String {
        (error as? JobFailure)?.message ?? (error as? WorkError)?.message ?? "\(type(of: error))"
    }

    /// What is known of a schedule's runs.
    func last(_ name: String) -> (WorkInstant?, String?) {
        notes.withLock { ($0[name]?.lastRun, $0[name]?.unfired ?? $0[name]?.failure) }
    }

    /// What the receipt says.
    var remarks: [String] {
        notes.withLock { notes in
            notes.filter { $0.value.cancelled > 0 }.sorted { $0.key < $1.key }.map { name, note in
                note.cancelled == 1 ? "\(name) cancelled" : "\(name) cancelled \(note.cancelled) times"
            }
        }
    }
}
