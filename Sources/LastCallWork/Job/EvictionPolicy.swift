/// What being told to stop means to a job.
///
/// An eviction is not a failure, not a cancellation and not an attempt.
public enum EvictionPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// Let it run until the time of the stage ends; what still runs then is given back and starts again elsewhere.
    case finish
    /// Keep what it has: it is over, and partial.
    ///
    /// A command is stopped at once; a Swift job is told at once and returns what it has, or is cancelled when the stage's time is over.
    case finalize
    /// Stop it at once and give it back; it starts again elsewhere, from its checkpoint where it has one.
    case requeue
    /// Keep what it has and give the remainder back; what it writes then is added.
    ///
    /// It is stopped as ``finalize`` stops it.
    case `continue`
}

/// What the death of its worker means to a job.
public enum LossPolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// Run it again, until it was lost too often.
    case requeue
    /// Keep what it had streamed: it is over, and partial.
    case finalize
    /// It failed.
    case fail
}
