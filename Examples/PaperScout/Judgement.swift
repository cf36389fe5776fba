import LastCallWork

/// What is known from earlier polls, as it is stored.
struct Known: Sendable, Hashable {
    /// Whether the first run has seen everything there was.
    var isSeeded = false
    /// How many papers the last good index listed.
    var papers = 0
    /// What the last good index is known by, once all that was new in it has been accepted.
    var etag: String?
    /// The kind of trouble that the operator was told of, until the index is well again.
    var trouble: String?
    /// Since when every poll has failed to get the index.
    var silentSince: WorkInstant?
}

/// Decides what an answer of the index means; nothing here acts.
enum Judgement: Sendable, Hashable {
    /// There is nothing new.
    case unchanged
    /// It is the first one: everything in it is known from now on.
    case seed([Paper])
    /// It is to be compared with what was seen.
    case compare([Paper])
    /// It is none, and nothing is made of it.
    case trouble(IndexTrouble)
    /// It could not be had, and the next poll may; why.
    case silence(String)

    /// What is still no trouble.
    struct Limits: Sendable, Hashable {
        /// How many papers in a hundred may be missing.
        var shrinkMax = 50
        /// How long it may be out of reach.
        var silenceMax = Duration.seconds(6 * 3600)
    }

    /// Judges an answer.
    ///
    /// - Parameters:
    ///   - answer: The answer.
    ///   - known: What is stored.
    ///   - limits: What is still no trouble.
    ///   - now: When it came.
    static func of(_ answer: PaperIndex.Answer, known: Known, limits: Limits, at now: WorkInstant) -> Judgement {
        switch answer {
        case .silence(let why):
            guard let since = known.silentSince, now - since >= limits.silenceMax else { return .silence(why) }
            return .trouble(.silent(now - since, why: why))
        case .unchanged: return .unchanged
        case .trouble(let trouble): return .trouble(trouble)
        case .papers(let papers, _):
            guard !papers.isEmpty else { return .trouble(.empty) }
            guard known.isSeeded else { return .seed(papers) }
            guard papers.count * 100 >= known.papers * (100 - limits.shrinkMax) else {
                return .trouble(.shrunk(from: known.papers, to: papers.count))
            }
            return .compare(papers)
        }
    }

    /// The papers that were not seen before, in the order in which they are told of.
    static func news(in papers: [Paper], seen: Set<String>) -> [Paper] {
        papers.filter { !seen.contains($0.id) }.sorted()
    }

    /// What the operator is told.
    enum Notice: Sendable, Hashable {
        /// Nothing, or nothing new.
        case none
        /// Something is wrong, for the first time since all was well.
        case trouble(IndexTrouble)
        /// All is well again.
        case well
    }

    /// What the operator is told, who was told of some kind of trouble before.
    func notice(after told: String?) -> Notice {
        switch self {
        case .trouble(let trouble): trouble.kind == told ? .none : .trouble(trouble)
        case .silence: .none
        case .unchanged, .seed, .compare: told == nil ? .none : .well
        }
    }
}
