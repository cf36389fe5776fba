import ArgumentParser
import LastCall
import LastCallSQLite
import LastCallWork

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Why a verb ends without having done what it was asked, and the exit code that says so.
struct VerbError: Error, CustomStringConvertible, Equatable {
    /// Which exit code it is.
    enum Kind: Sendable, Equatable {
        /// It was asked for something that is not so: an id that is not there, a state that does not allow it. 1.
        case refused
        /// The arguments do not fit together (EX_USAGE). 64.
        case usage
        /// The store is there and does not answer: locked, full, newer than this program (EX_UNAVAILABLE). 69.
        case unavailable
        /// The configuration is wrong, or names a store that is not there (EX_CONFIG). 78.
        case configuration

        /// The exit code.
        var code: Int32 {
            switch self {
            case .refused: LastCall.ExitCode.failure
            case .usage: LastCall.ExitCode.usage
            case .unavailable: EX_UNAVAILABLE
            case .configuration: LastCall.ExitCode.configuration
            }
        }
    }

    /// Which exit code it is.
    let kind: Kind
    /// What is wrong and what to do about it, one line for each.
    let description: String

    /// Creates an error.
    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// The error as `serve` reports it: what another start may mend is 69, what only a person mends is 78, which a service manager
    /// does not restart after.
    ///
    /// - Returns: `nil` for an error that is none of ours.
    static func ofServing(_ error: any Error) -> VerbError? {
        guard let told = VerbError(error) else { return nil }
        let staysAsItIs =
            switch told.kind {
            case .unavailable: !mayPass((error as? WorkError)?.underlying)
            case .refused: true
            case .usage, .configuration: false
            }
        return staysAsItIs ? VerbError(.configuration, told.description) : told
    }

    /// Whether what keeps a store from being used may be over by itself: a lock, a full disk, the limit of open files.
    private static func mayPass(_ cause: (any Error)?) -> Bool {
        switch cause {
        case let cause as StoreFileError: [.locked, .disk, .gone].contains(cause.code)
        case let cause as SQLiteError: mayPass(StoreFileError.about("", cause))
        case let cause as WorkerLockError: [ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EIO].contains(cause.systemCode)
        default: true
        }
    }

    /// The error as a verb reports it.
    ///
    /// - Returns: `nil` for an error that is none of ours.
    init?(_ error: any Error) {
        switch error {
        case let error as VerbError: self = error
        case let error as ConfigurationErrors: self.init(.configuration, error.description)
        case let error as WorkError: self.init(error)
        case let error as LastCallError: self.init(.configuration, "\(error)")
        default: return nil
        }
    }

    private init(_ error: WorkError) {
        // What a file's own error says, the store's repeats.
        if let cause = error.underlying as? StoreFileError {
            let isNoStore = [.badPath, .notAFile, .notADatabase, .foreign].contains(cause.code)
            self.init(isNoStore ? .configuration : .unavailable, cause.description)
        } else {
            self.init(Self.kind(of: error.code), error.code == .nameTaken ? error.message : error.description)
        }
    }

    private static func kind(of code: WorkError.Code) -> Kind {
        switch code {
        case .storeUnusable, .storeFull, .storeGone, .closed: .unavailable
        case .invalidConfiguration, .nameTaken: .configuration
        default: .refused
        }
    }
}

/// Runs verbs: one line for each thing that is wrong, and the exit code that belongs to it.
enum Verb {
    /// What the exit codes of all verbs are, for their help.
    static let exitCodes = """
        Exit codes: 0 done, 1 refused (an id that is not there, a state that does not allow it), 64 bad usage, \
        69 the store cannot be used now, 74 the answer could not be written, 78 bad configuration, or no store.
        """

    /// Runs a verb's body and turns what it throws into words and an exit code.
    static func run(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error where VerbError(error) != nil {
            guard let error = VerbError(error) else { return }
            _ = fflush(nil)
            for line in error.description.split(separator: "\n") { complain(String(line)) }
            throw ArgumentParser.ExitCode(error.kind.code)
        }
        guard fflush(nil) == 0 else {
            complain("standard output could not be written: \(String(cString: strerror(errno)))")
            throw ArgumentParser.ExitCode(EX_IOERR)
        }
    }

    /// Writes a line to standard error.
    static func complain(_ message: String) { StandardError.writeLine("lastcall: \(message)") }
}
