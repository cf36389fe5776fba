/// The tables of a store; numbered steps that are only ever added to.
enum StoreSchema {
    /// All steps.
    static let migrations = [Migration(1, StoreClock.schema + first), Migration(2, second)]

    /// Payloads and results up to this many bytes lie in their record's row, larger ones beside it: a claim rewrites the row.
    static let inlineBytesMax = 2048

    /// Version 1.
    ///
    /// States and their numbers are those of `WorkState`. The partial indexes hold only what they are looked up for, so that a record
    /// costs one entry while it waits and one when it is over.
    private static let first = """
        CREATE TABLE sequence (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            job INTEGER NOT NULL,
            node INTEGER NOT NULL,
            worker INTEGER NOT NULL
        ) STRICT;
        INSERT INTO sequence VALUES (1, 0, 0, 0);

        CREATE TABLE job (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            queue TEXT NOT NULL,
            priority INTEGER NOT NULL,
            state INTEGER NOT NULL,
            hold INTEGER NOT NULL DEFAULT 0,
            flags INTEGER NOT NULL DEFAULT 0,
            due_at INTEGER NOT NULL,
            epoch INTEGER NOT NULL DEFAULT 0,
            attempt INTEGER NOT NULL DEFAULT 0,
            attempts_max INTEGER NOT NULL,
            losses INTEGER NOT NULL DEFAULT 0,
            losses_max INTEGER,
            on_lost INTEGER NOT NULL,
            evictions INTEGER NOT NULL DEFAULT 0,
            output_from INTEGER NOT NULL DEFAULT 0,
            line_count INTEGER NOT NULL DEFAULT 0,
            worker INTEGER,
            workflow INTEGER NOT NULL,
            node INTEGER,
            member INTEGER NOT NULL DEFAULT 0,
            waits_node INTEGER,
            waits_job INTEGER,
            lane TEXT,
            key TEXT,
            delay INTEGER NOT NULL DEFAULT 0,
            timeout INTEGER,
            accepted_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            payload_version INTEGER NOT NULL,
            reason TEXT,
            detail TEXT,
            progress TEXT,
            process TEXT,
            trace TEXT,
            payload BLOB,
            result BLOB
        ) STRICT;
        CREATE INDEX job_ready ON job (queue, kind, priority, due_at, id) WHERE state = 2;
        CREATE INDEX job_scheduled ON job (due_at) WHERE state = 1;
        CREATE INDEX job_worker ON job (worker) WHERE worker IS NOT NULL;
        CREATE INDEX job_finished ON job (state, finished_at) WHERE finished_at IS NOT NULL AND workflow = id;
        CREATE INDEX job_node ON job (node) WHERE node IS NOT NULL;
        CREATE INDEX job_waits_node ON job (waits_node) WHERE waits_node IS NOT NULL;
        CREATE INDEX job_waits_job ON job (waits_job) WHERE waits_job IS NOT NULL;
        CREATE INDEX job_workflow ON job (workflow) WHERE workflow <> id;
        CREATE INDEX job_lane ON job (lane, id) WHERE lane IS NOT NULL AND state = 0;

        -- What is too large for a record's row: its payload (0), result (1) and checkpoint (2).
        CREATE TABLE attachment (
            job INTEGER NOT NULL,
            part INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (job, part)
        ) STRICT;

        -- Who holds which unique key.
        CREATE TABLE slot (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            job INTEGER NOT NULL,
            PRIMARY KEY (kind, key)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE node (
            id INTEGER PRIMARY KEY,
            workflow INTEGER NOT NULL,
            state INTEGER NOT NULL,
            pending INTEGER NOT NULL,
            failed INTEGER NOT NULL DEFAULT 0,
            policy INTEGER NOT NULL,
            parent INTEGER,
            member INTEGER NOT NULL,
            waits_node INTEGER,
            hold INTEGER NOT NULL,
            deadline INTEGER
        ) STRICT;
        CREATE INDEX node_workflow ON node (workflow);
        CREATE INDEX node_parent ON node (parent) WHERE parent IS NOT NULL;
        CREATE INDEX node_waits_node ON node (waits_node) WHERE waits_node IS NOT NULL;
        CREATE INDEX node_deadline ON node (deadline) WHERE deadline IS NOT NULL AND state = 0;

        -- A destination whose records run one after the other: whose turn it is, and from when on.
        CREATE TABLE lane (
            name TEXT PRIMARY KEY,
            head INTEGER,
            not_before INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE output (
            job INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            line INTEGER NOT NULL,
            count INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (job, epoch, line)
        ) STRICT;

        CREATE TABLE journal (
            job INTEGER NOT NULL,
            name TEXT NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (job, name)
        ) STRICT;

        CREATE TABLE worker (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            is_dead INTEGER NOT NULL DEFAULT 0,
            host TEXT NOT NULL,
            boot_id TEXT NOT NULL,
            pid INTEGER NOT NULL,
            start_time INTEGER NOT NULL,
            kinds TEXT NOT NULL,
            queues TEXT NOT NULL,
            started_at INTEGER NOT NULL,
            lease INTEGER NOT NULL,
            lease_until INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE paused (queue TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        """

    /// Version 2: what lanes and kinds need for rates, breakers and limits, and schedules.
    private static let second = """
        ALTER TABLE lane ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE lane ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE lane ADD COLUMN open_until INTEGER;
        UPDATE lane SET depth = (head IS NOT NULL)
            + (SELECT count(*) FROM job WHERE job.lane = lane.name AND state = 0 AND hold = 2);

        CREATE INDEX job_lane_due ON job (queue, kind, due_at) WHERE state = 1 AND lane IS NOT NULL;
        ALTER TABLE job ADD COLUMN eligible_at INTEGER;

        -- What holds for all records of a kind: until when none is claimed, and whether they are left alone.
        CREATE TABLE gate (
            kind TEXT PRIMARY KEY,
            not_before INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            open_until INTEGER,
            probe INTEGER
        ) STRICT, WITHOUT ROWID;

        -- Up to which instant the ticks of a schedule were decided on, and the record of the last one.
        CREATE TABLE schedule (
            name TEXT PRIMARY KEY,
            definition TEXT NOT NULL,
            decided_until INTEGER NOT NULL,
            next_at INTEGER,
            job INTEGER,
            skipped INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        """
}

/// What is true or false of a record, in one number.
struct JobFlags: OptionSet, Sendable {
    /// The bits, as they are stored.
    let rawValue: Int64

    /// An eviction gives the remainder back.
    static let awaitsRemainder = JobFlags(rawValue: 1)
    /// Somebody asked for its cancellation.
    static let cancelRequested = JobFlags(rawValue: 2)
    /// A run left something to go on from.
    static let hasCheckpoint = JobFlags(rawValue: 4)
    /// A run journaled steps.
    static let hasJournal = JobFlags(rawValue: 8)
    /// Its group has counted it.
    static let isCounted = JobFlags(rawValue: 16)
    /// It holds its unique key.
    static let holdsKey = JobFlags(rawValue: 32)
    /// It keeps its unique key when it is over.
    static let keepsKey = JobFlags(rawValue: 64)
    /// It runs however the record ends that it waits for.
    static let runsAfterFailure = JobFlags(rawValue: 128)
    /// Others wait for its end.
    static let hasDependents = JobFlags(rawValue: 256)
    /// Its payload lies beside it.
    static let hasLargePayload = JobFlags(rawValue: 512)
    /// Its result lies beside it.
    static let hasLargeResult = JobFlags(rawValue: 1024)
    /// It is the one attempt that a half-open breaker admits.
    static let isProbe = JobFlags(rawValue: 2048)
}

/// What a blocked record waits for.
enum JobHold {
    /// For nothing.
    static let none: Int64 = 0
    /// For a group or a record.
    static let dependency: Int64 = 1
    /// For its turn in its lane.
    static let lane: Int64 = 2
}

/// The parts of a record that may lie beside it.
enum AttachmentPart {
    /// What its handler is given.
    static let payload: Int64 = 0
    /// What its handler returned.
    static let result: Int64 = 1
    /// What a later run goes on from.
    static let checkpoint: Int64 = 2
}
