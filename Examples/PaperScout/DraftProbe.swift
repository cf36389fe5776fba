import AsyncHTTPClient
import LastCall
import LastCallWork
import NIOCore
import NIOHTTP1

/// The next revision of a paper, which may be there before the index lists it.
struct Draft: Sendable, Hashable {
    /// Its number, with the revision.
    let number: PaperNumber
    /// What is known of the paper.
    let paper: Paper
    /// Where it would be.
    let url: String
}

/// Looks for drafts by HEAD requests, so many at once.
struct DraftProbe: Sendable {
    /// The place of the number in an address.
    static let placeholder = "{paper}"
    /// The most requests of one poll.
    static let requestsMax = 500
    /// After how many requests in a row without an answer the others are left to the next poll.
    static let failuresMax = 20
    /// How long one request may take.
    private static let timeout = Duration.seconds(10)

    /// What a request came to.
    private enum Finding: Sendable {
        /// It is there.
        case there(Draft)
        /// It is not.
        case absent
        /// Nobody knows.
        case unknown
    }

    /// What all requests came to.
    struct Findings: Sendable {
        /// The drafts that are there, by their numbers.
        var drafts: [Draft] = []
        /// How many requests were made.
        var requests = 0
        /// How many of them were not answered with yes or no.
        var failures = 0
    }

    /// Sends requests.
    let client: HTTPClient
    /// Where drafts are, with the placeholder.
    let template: String
    /// The most requests at once.
    let concurrency: Int

    /// The drafts to look for: the next revision of every paper that somebody follows, the latest papers first.
    ///
    /// - Parameters:
    ///   - latest: The latest revision in the index of each paper.
    ///   - drafts: The latest draft that was seen of each paper.
    ///   - followers: Who follows what.
    static func candidates(
        latest: [String: Paper], drafts: [String: Int], followers: Followers, template: String
    ) -> [Draft] {
        var papers = latest.filter { followers.anybodyFollows($0.value) }
        for follow in followers.follows {
            // Somebody waits for a paper that has no number in the index yet.
            guard case .paper(let paper) = follow.topic, papers[paper] == nil, paper.hasPrefix("P") else { continue }
            papers[paper] = Paper(id: paper)
        }
        let all = papers.compactMap { paper, newest -> Draft? in
            guard let number = PaperNumber(paper), number.series == "P" else { return nil }
            let last = max(newest.number?.revision ?? -1, drafts[paper] ?? -1)
            let next = PaperNumber(series: "P", number: number.number, revision: last + 1)
            return Draft(
                number: next, paper: newest, url: template.replacing(placeholder, with: next.description))
        }
        return Array(
            all.sorted { ($1.paper.date, $0.number.number) < ($0.paper.date, $1.number.number) }.prefix(requestsMax))
    }

    /// Looks for drafts.
    ///
    /// - Throws: `CancellationError` only: a server that does not answer says nothing of its drafts.
    func look(for candidates: [Draft]) async throws -> Findings {
        var waiting = candidates.makeIterator()
        return try await withThrowingTaskGroup(of: Finding.self) { group in
            var findings = Findings()
            var failuresInARow = 0
            for _ in 0..<concurrency {
                guard let draft = waiting.next() else { break }
                group.addTask { try await look(for: draft) }
            }
            while let finding = try await group.next() {
                findings.requests += 1
                switch finding {
                case .there(let draft): findings.drafts.append(draft)
                case .absent: break
                case .unknown: findings.failures += 1
                }
                if case .unknown = finding { failuresInARow += 1 } else { failuresInARow = 0 }
                guard failuresInARow < Self.failuresMax, let draft = waiting.next() else { continue }
                group.addTask { try await look(for: draft) }
            }
            findings.drafts.sort { $0.number.number < $1.number.number }
            return findings
        }
    }

    /// Looks for one draft.
    private func look(for draft: Draft) async throws -> Finding {
        var request = HTTPClientRequest(url: draft.url)
        request.method = .HEAD
        request.headers = ["User-Agent": "paperscout"]
        do {
            let response = try await client.execute(request, timeout: TimeAmount(Self.timeout))
            switch response.status.code {
            case 200..<300: return .there(draft)
            case 401, 403, 404, 410: return .absent
            default: return .unknown
            }
        } catch {
            try Task.checkCancellation()
            return .unknown
        }
    }
}
