import LastCall
import LastCallWork
import Logging

/// One look at the index and at the places of drafts: it does what the ``Judgement`` says.
struct Poll: Sendable {
    /// What there was, for the log.
    private struct Tally {
        /// How many papers the index lists; `nil` where it is what it was.
        var papers: Int?
        /// How many of them are new.
        var news = 0
        /// How many drafts are new.
        var drafts = 0
        /// How many messages were accepted.
        var messages = 0
        /// Why one could not be accepted, the first time.
        var refusal: WorkError?
    }

    /// The index.
    let index: PaperIndex
    /// Where drafts are looked for, if they are.
    let probe: DraftProbe?
    /// What was seen.
    let archive: Archive
    /// What is still no trouble with the index.
    let limits: Judgement.Limits
    /// Where it logs.
    let logger: Logger

    /// Looks, and tells of what is new.
    ///
    /// - Throws: `CancellationError` when it is told to stop; a failure that the next poll may not have.
    func run() async throws {
        var tally = Tally()
        do {
            let defect = try await lookAtIndex(&tally)
            try Task.checkCancellation()
            try await lookForDrafts(&tally)
            if let refusal = tally.refusal {
                throw JobFailure("an alert could not be written down: \(refusal.message)")
            }
            if let defect { throw JobFailure(defect) }
        } catch {
            if Task.isCancelled || error is CancellationError { throw error }
            logger.warning("poll failed; the next one looks again", metadata: ["why": "\(error)"])
            throw error
        }
        logger.info(
            "poll ended",
            metadata: [
                "papers": "\(tally.papers.map(String.init) ?? "unchanged")", "new": "\(tally.news)",
                "drafts": "\(tally.drafts)", "messages": "\(tally.messages)",
            ])
    }

    /// Looks at the index.
    ///
    /// - Returns: What is wrong with it, if something is.
    private func lookAtIndex(_ tally: inout Tally) async throws -> String? {
        let known = try await archive.known()
        let answer = try await index.fetch(unlessItIs: known.etag)
        let now = archive.now
        let judgement = Judgement.of(answer, known: known, limits: limits, at: now)
        if case .silence = answer {
            if known.silentSince == nil { try await archive.noteSilence(since: now) }
        } else if known.silentSince != nil {
            try await archive.noteSilence(since: nil)
        }
        try await tellOperator(judgement.notice(after: known.trouble), &tally)
        var etag: String?
        if case .papers(_, let tag) = answer { etag = tag }
        switch judgement {
        case .unchanged: break
        case .trouble(let trouble): return trouble.description
        case .silence(let why): return why
        case .seed(let papers):
            tally.papers = papers.count
            try await seed(papers, etag)
        case .compare(let papers):
            tally.papers = papers.count
            let seen = try await archive.seen()
            for paper in Judgement.news(in: papers, seen: seen) {
                try Task.checkCancellation()
                guard let messages = try await accepted(&tally, { try await archive.announce(paper) }) else { continue }
                tally.news += 1
                tally.messages += messages
            }
            // Only now: an index that is known by its tag is not looked through again.
            if tally.refusal == nil, papers.count != known.papers || etag != known.etag {
                try await archive.noteIndex(papers: papers.count, etag: etag)
            }
        }
        return nil
    }

    /// Tells the operator, or notes why that cannot be; the next poll does it then.
    private func tellOperator(_ notice: Judgement.Notice, _ tally: inout Tally) async throws {
        switch notice {
        case .none: break
        case .trouble(let trouble):
            logger.error("the index has trouble; nothing is forgotten", metadata: ["why": "\(trouble)"])
            _ = try await accepted(&tally) { try await archive.note(trouble) }
        case .well:
            logger.notice("the index is well again")
            _ = try await accepted(&tally) { try await archive.noteWell() }
        }
    }

    /// Runs what accepts messages; where a breaker is open or a queue is full the mark went with the message, and others go on.
    private func accepted<Value>(_ tally: inout Tally, _ body: () async throws -> Value?) async throws -> Value? {
        do { return try await body() } catch let error as WorkError
            where error.code == .breakerOpen || error.code == .laneFull
        {
            tally.refusal = tally.refusal ?? error
            return nil
        }
    }

    /// Marks everything as seen, in the first look.
    private func seed(_ papers: [Paper], _ etag: String?) async throws {
        for start in stride(from: 0, to: papers.count, by: Archive.batch) {
            try Task.checkCancellation()
            try await archive.seed(papers[start..<min(start + Archive.batch, papers.count)])
        }
        try await archive.endSeeding(papers: papers.count, etag: etag)
        logger.notice("first look: everything is known from now on", metadata: ["papers": "\(papers.count)"])
    }

    /// Looks for drafts.
    private func lookForDrafts(_ tally: inout Tally) async throws {
        guard let probe, try await archive.known().isSeeded else { return }
        let followers = try await archive.followers()
        guard !followers.follows.isEmpty else { return }
        let candidates = DraftProbe.candidates(
            latest: try await archive.latest(), drafts: try await archive.drafts(), followers: followers,
            template: probe.template)
        let findings = try await probe.look(for: candidates)
        for draft in findings.drafts {
            try Task.checkCancellation()
            guard let messages = try await accepted(&tally, { try await archive.announce(draft) }) else { continue }
            tally.drafts += 1
            tally.messages += messages
        }
        if findings.failures > 0 {
            logger.info(
                "not every draft was looked for",
                metadata: ["requests": "\(findings.requests)", "failures": "\(findings.failures)"])
        }
    }
}
