public import LastCallWork
import LastCall
import LastCallConcurrency

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Keeps work in a SQLite file: the embedded default.
///
/// Any number of processes of one host may share the file.
///
/// What was accepted is on the disk when the call returns (`synchronous=FULL`, write-ahead log). A worker's death is seen by a lock that the operating
/// system drops with its process; other processes hear of changes by a datagram, and look by themselves every 20 to 50 ms.
///
/// The file is made for its owner alone (0600). NFS, SMB and FUSE are refused; a file on a container's own layer is allowed, and
/// ``traits`` say so.
public final class SQLiteStore: WorkStore {
    /// What a store can be told beyond its path.
    public struct Configuration: Sendable {
        /// The largest payload, result, checkpoint or journal entry, in bytes; 1 MiB by default.
        public var payloadBytesMax: Int
        /// How long a lock of another program is waited for; 30 s by default.
        public var patience: Duration

        /// Creates a configuration with the defaults that each property names.
        public init(payloadBytesMax: Int = 1 << 20, patience: Duration = .seconds(30)) {
            self.payloadBytesMax = payloadBytesMax
            self.patience = patience
        }

        /// How the machine's clocks are read; tests have their own.
        package var reading: @Sendable () -> StoreClockReading = StoreClockReading.machine
        /// How long each commit takes longer, as on a slower disk; for measurements.
        package var commitDelay = Duration.zero
    }

    /// What the store is.
    public let traits: StoreTraits
    /// Where the file is, with symbolic links resolved.
    public let path: String

    let clock: StoreClock
    let locks: WorkerLocks
    /// What tells that the file was deleted.
    private let files: OpenFiles
    private let writer: SQLiteWriter
    private let readers: SQLiteReaders
    private let listeners: StoreListeners
    private let bell: Bell?
    private let processLock: WorkerLock?
    private let lookout: Mutex<Lookout?>
    /// The locks of this process's workers.
    let workerLocks = Mutex<[WorkerID: WorkerLock]>([:])

    /// Opens a store, and makes the file where it is missing.
    ///
    /// - Parameters:
    ///   - path: The file; its directory is made where it is missing.
    ///   - configuration: Limits.
    /// - Throws: `WorkError.Code.storeUnusable` with what to do; ``StoreFileError`` is in its `underlying`.
    public static func open(_ path: String, configuration: Configuration = Configuration()) async throws -> SQLiteStore
    {
        try await translating(path) {
            let file = try StoreFile.open(
                path, migrations: StoreSchema.migrations, patience: configuration.patience)
            return try await SQLiteStore(file, configuration)
        }
    }

    private init(_ file: StoreFile, _ configuration: Configuration) async throws {
        let clock = StoreClock(reading: configuration.reading)
        let locks = try WorkerLocks(directory: file.workersDirectory)
        let listeners = StoreListeners()
        // A bell needs a name that is this process's own; its lock tells others when the socket is nobody's.
        let name =
            "\(Self.processPrefix)\(ProcessIdentity.current.pid)-\(String(UInt32.random(in: 0 ... .max), radix: 36))"
        let processLock = try locks.acquire(name)
        let bell = Bell(directory: file.workersDirectory, name: name)
        let delay = UInt32(max(0, configuration.commitDelay.inSeconds * 1_000_000))
        let writer = try await SQLiteWriter.open(file.connectForWriting) { hints in
            if delay > 0 { usleep(delay) }
            listeners.raise(StoreChange(hints))
            bell?.ring(hints)
        }
        try await writer.write(.full) { try clock.begin(in: $0) }
        files = try OpenFiles(file.path)
        let readers = try await SQLiteReaders.open(file.connectForReading)
        self.clock = clock
        self.locks = locks
        self.listeners = listeners
        self.bell = bell
        self.writer = writer
        self.readers = readers
        self.processLock = processLock
        path = file.path
        let durability: StoreTraits.Durability =
            switch file.medium {
            case .durable: .durable
            case .ephemeral(let reason): .ephemeral(reason)
            }
        traits = StoreTraits(
            name: "sqlite:\(file.path)", durability: durability, incarnation: clock.incarnation,
            payloadBytesMax: configuration.payloadBytesMax)
        lookout = Mutex(nil)
        removeDeadProcesses(but: name)
        let lookout = try await Lookout.start(
            locks: locks, bell: bell, isThere: { [files] in files.areThere }, file.connectForReading
        ) { [weak self] hints in
            self?.othersChanged(StoreChange(hints))
        } onDeath: { [listeners] _ in
            listeners.raise(.death)
        }
        self.lookout.withLock { $0 = lookout }
    }

    /// What the names of processes begin with; a worker's name never does.
    static let processPrefix = ".p"

    /// Removes what processes left that were killed.
    private func removeDeadProcesses(but own: String) {
        for name in locks.names() where name != own && name.hasPrefix(Self.processPrefix) && !locks.isAlive(name) {
            locks.remove(name)
        }
    }

    /// Another process changed something.
    private func othersChanged(_ change: StoreChange) {
        listeners.raise(change)
        guard change.contains(.death) || change == .unknown else { return }
        guard workerLocks.withLock({ !$0.isEmpty }) else { return }
        // The lookout must not wait for a read.
        UnstructuredTask.start { [weak self] in await self?.watchPeers() }
    }

    /// Watches the workers that are known now.
    func watchPeers() async {
        do {
            let own = Set(workerLocks.withLock { $0.values.map(\.name) })
            let names = try await workers().map(\.worker.name)
            lookout.withLock { $0 }?.setPeers(names.filter { !own.contains($0) })
        } catch {
            listeners.raise(.death)  // Whoever looks for the dead finds the same trouble and says so.
        }
    }

    // MARK: transactions

    /// Runs a transaction on the writer's thread, together with what others ask for.
    func write<Value: Sendable>(
        _ durability: SQLiteConnection.Durability, _ body: @escaping @Sendable (inout StoreTransaction) throws -> Value
    ) async throws -> Value {
        try await Self.translating(path) { [clock, writer, files] in
            let value = try await writer.write(durability) { try StoreTransaction.perform($0, clock, body) }
            // What was committed into a file that nobody finds any more was not accepted.
            try files.check()
            return value
        }
    }

    /// Runs a read transaction.
    func read<Value: Sendable>(_ body: @escaping @Sendable (SQLiteConnection) throws -> Value) async throws -> Value {
        try await Self.translating(path) { [readers, files] in
            let value = try await readers.read(body)
            try files.check()
            return value
        }
    }

    /// Says what SQLite and the file system say in this module's words.
    static func translating<Value>(_ path: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as StoreFileError where error.code == .gone {
            throw WorkError(.storeGone, "the store \(path) is gone", underlying: error)
        } catch let error as StoreFileError {
            throw WorkError(.storeUnusable, "the store \(path) cannot be opened", underlying: error)
        } catch let error as SQLiteError {
            let code: WorkError.Code = error.isFull ? .storeFull : .storeUnusable
            throw WorkError(code, "the store \(path) failed", underlying: error)
        } catch let error as WorkerLockError where error.code == .taken {
            throw WorkError(.nameTaken, "\(error); stop it or choose another name")
        } catch let error as WorkerLockError {
            throw WorkError(.storeUnusable, "the store \(path) cannot be used", underlying: error)
        } catch is StoreClosedError {
            throw WorkError(.closed, "the store \(path) was closed")
        }
    }

    /// Tells whoever listens here and elsewhere.
    func tell(_ change: StoreChange) {
        listeners.raise(change)
        bell?.ring(BellHints(rawValue: change.rawValue))
    }

    /// Tells whoever listens that something changed.
    public func changes() -> StoreChanges { listeners.add() }

    /// Finishes what was begun, and lets go of the file.
    public func close() async {
        let lookout = lookout.withLock { lookout in
            defer { lookout = nil }
            return lookout
        }
        await lookout?.close()
        await writer.close()
        await readers.close()
        listeners.finish()
        bell?.close()
        for lock in workerLocks.withLock({ Array($0.values) }) { lock.release(removing: false) }
        workerLocks.withLock { $0 = [:] }
        processLock?.release(removing: true)
    }
}

extension StoreChange {
    /// What a bell's byte says.
    fileprivate init(_ hints: BellHints) {
        self = hints == .anything ? .unknown : StoreChange(rawValue: hints.rawValue)
    }
}
