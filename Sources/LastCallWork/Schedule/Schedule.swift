import LastCall

/// Something that happens again and again: when, what, and what about ticks that come too close or were missed.
///
/// ```swift
/// let poll = Schedule("poll", .every(.seconds(1800))) { tick in try await lookForNews() }
/// let report = try Schedule("report", .cron(Cron("0 9 * * MON-FRI", zone: Zone("Europe/Berlin"))), job: Report())
/// ```
public struct Schedule: Sendable {
    /// What happens to a tick while the one before is not over.
    public enum Overlap: String, Sendable, Hashable, CaseIterable {
        /// It is left out.
        case skip
        /// It waits for that one's end.
        case queue
        /// They run side by side.
        case allow
    }

    /// What happens to ticks that were due while nobody was there.
    public enum Missed: String, Sendable, Hashable, CaseIterable {
        /// The latest of them is made up for, once.
        case once
        /// They are left out; one that is less than a minute late is not missed.
        case skip
        /// All of them are made up for, the latest 1,000 at most.
        case all
    }

    /// What a tick does.
    enum Action: Sendable {
        /// It runs in the process that claims it, and is cancelled when that process is told to stop.
        case run(@Sendable (Tick) async throws -> Void)
        /// It enqueues a record.
        case enqueue(@Sendable (WorkInstant) throws -> RecordDraft)
    }

    /// The name, the same in all processes: it identifies the schedule in its store.
    public let name: String
    /// When it is due.
    public let recurrence: Recurrence
    /// What happens to a tick while the one before is not over; it is left out by default.
    public var overlap: Overlap
    /// What happens to ticks that were due while nobody was there; the latest is made up for by default.
    public var missed: Missed
    /// By how much at most each tick comes later, at random; not at all by default.
    public var jitter: Duration
    /// Whether it is due once more when its process starts; not by default.
    public var runsAtStart: Bool
    /// How long one run may take, for what runs here; `nil` (the default) is for ever.
    public var timeout: Duration?
    let action: Action

    /// Creates a schedule of something that runs in this process: a poll.
    ///
    /// A run is cancelled as soon as its process is told to stop, and is made up for at the next start, or by another process. One that
    /// throws is not tried again before the next tick.
    public init(
        _ name: String, _ recurrence: Recurrence, overlap: Overlap = .skip, missed: Missed = .once,
        jitter: Duration = .zero, runsAtStart: Bool = false, timeout: Duration? = nil,
        run: @escaping @Sendable (Tick) async throws -> Void
    ) {
        self.init(
            name, recurrence, overlap: overlap, missed: missed, jitter: jitter, runsAtStart: runsAtStart,
            timeout: timeout, action: .run(run))
    }

    /// Creates a schedule that enqueues a job, for any worker that handles it.
    public init(
        _ name: String, _ recurrence: Recurrence, overlap: Overlap = .skip, missed: Missed = .once,
        jitter: Duration = .zero, runsAtStart: Bool = false, job: some Job, options: EnqueueOptions = EnqueueOptions()
    ) {
        self.init(
            name, recurrence, overlap: overlap, missed: missed, jitter: jitter, runsAtStart: runsAtStart,
            action: .enqueue { _ in try JobEncoder().draft(job, options) })
    }

    /// A schedule that enqueues a record: `draft` makes that of the tick which is due at an instant.
    public static func enqueueing(
        _ name: String, _ recurrence: Recurrence, overlap: Overlap = .skip, missed: Missed = .once,
        jitter: Duration = .zero, runsAtStart: Bool = false,
        _ draft: @escaping @Sendable (WorkInstant) throws -> RecordDraft
    ) -> Schedule {
        Schedule(
            name, recurrence, overlap: overlap, missed: missed, jitter: jitter, runsAtStart: runsAtStart,
            action: .enqueue(draft))
    }

    private init(
        _ name: String, _ recurrence: Recurrence, overlap: Overlap, missed: Missed, jitter: Duration,
        runsAtStart: Bool, timeout: Duration? = nil, action: Action
    ) {
        self.name = name
        self.recurrence = recurrence
        self.overlap = overlap
        self.missed = missed
        self.jitter = jitter
        self.runsAtStart = runsAtStart
        self.timeout = timeout
        self.action = action
    }

    /// Says what of it cannot work.
    func validate() throws(WorkError) {
        func check(_ holds: Bool, _ words: String) throws(WorkError) {
            guard !holds else { return }
            throw WorkError(.invalidConfiguration, "schedule \(name.prefix(80).debugDescription): \(words)")
        }
        try check(!name.isEmpty && name.utf8.count <= 128, "its name has 1 to 128 bytes")
        try check(
            !name.unicodeScalars.contains { $0.properties.generalCategory == .control },
            "its name holds a control character")
        if case .every(let interval) = recurrence {
            try check(
                interval >= Recurrence.shortest,
                "an interval of \(DurationText.format(interval)); it is at least 1s, such as 30m")
            try check(interval <= .seconds(10 * 366 * 86400), "an interval of more than ten years")
        }
        try check(
            missed != .all || overlap != .skip,
            "missed all with overlap skip would make up for one tick and leave out the rest; choose overlap queue or allow"
        )
        try check(jitter >= .zero, "a jitter of \(DurationText.format(jitter)); it is not negative")
        try check(timeout.map { $0 > .zero } ?? true, "its timeout is not positive")
    }

    /// The kind of the records that run in a process.
    var kind: String { "schedule:\(name)" }
}

/// One tick of a schedule, as what runs it sees it.
public struct Tick: Sendable {
    /// The schedule's name.
    public let schedule: String
    /// The instant at which it was due, without jitter.
    public let instant: WorkInstant
    /// What the run can say and ask: progress, lines, whether it is to stop.
    public let context: JobContext
}
