import FoundationEssentials
import LastCallWork

#if canImport(Glibc)
    import Glibc
#endif

/// Welcomes somebody whose first pull request was merged.
///
/// Every step is journaled: one that was done is not done again, whatever happens to the process. The instant between doing something and
/// writing that down remains; there each step recognises what it did.
struct Welcome: Job {
    static let name = "welcome"
    /// GitHub's limits can last an hour.
    static let retryPolicy = RetryPolicy(attemptsMax: 40, base: .seconds(2), delayMax: .seconds(600))

    /// What came of it.
    enum Outcome: String, Codable, Sendable {
        case welcomed, wasMember
    }

    /// Whose pull request it was.
    var login: String
    /// The organisation.
    var organisation: String
    /// The repository, with its owner.
    var repository: String
    /// The pull request's number.
    var number: Int

    /// The key by which one person is welcomed once.
    var key: String { "welcome/\(organisation.lowercased())/\(login.lowercased())" }

    func run(_ context: JobContext) async throws -> Outcome {
        guard let bot = Bot.current else { throw JobFailure("no bot runs this job", isRetryable: false) }
        let isMember = try await context.step("look") {
            try await bot.gitHub.isMember(login, of: organisation)
        }
        guard !isMember else { return .wasMember }
        try await context.step("invite") { try await bot.gitHub.invite(login, into: organisation) }
        try await context.step("comment") {
            let mark = "<!-- snekomatic: \(key) -->"
            guard try await !bot.gitHub.hasComment(holding: mark, on: number, in: repository) else { return }
            try await bot.gitHub.comment("\(text)\n\n\(mark)", on: number, in: repository)
        }
        try await context.step("remember") { try bot.people.remember(key) }
        return .welcomed
    }

    private var text: String {
        "Thank you for your pull request, @\(login)! It is merged, and we would like you to join \(organisation): you will find an invitation in your mail."
    }
}

/// What the jobs work with, carried to them as a task-local value.
struct Bot: Sendable {
    /// The bot whose worker runs the current job.
    @TaskLocal static var current: Bot?

    /// GitHub's API.
    let gitHub: GitHub
    /// Who was welcomed.
    let people: People
}

/// Who was welcomed, one file a person, so that remembering somebody twice is the same as once.
struct People: Sendable {
    /// The folder.
    let folder: String

    /// - Throws: Why the folder cannot be made.
    init(folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    /// Remembers somebody; when it returns, that is on the disk.
    func remember(_ key: String) throws {
        let file = open(path(key), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw JobFailure("\(folder) cannot be written: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw JobFailure("\(folder): \(String(cString: strerror(errno)))") }
    }

    /// Whether somebody was welcomed.
    func knows(_ key: String) -> Bool { access(path(key), F_OK) == 0 }

    private func path(_ key: String) -> String {
        folder + "/" + key.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? String($0) : "." }.joined()
    }
}
