import AsyncHTTPClient
import FoundationEssentials
import LastCallWork
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1

#if canImport(Glibc)
    import Glibc
#endif

/// The few calls of GitHub's REST API that the bot makes.
struct GitHub: Sendable {
    /// Sends requests.
    let client: HTTPClient
    /// Where the API is.
    let apiURL: String
    /// What the bot shows it.
    let token: String

    /// How long one call may take.
    private static let timeout = TimeAmount.seconds(30)
    /// The largest answer that is read.
    private static let answerSizeMax = 8 * 1024 * 1024
    /// The most comments that GitHub lists at once.
    private static let commentsPerPage = 100
    /// How many pages of comments are looked at.
    private static let commentPagesMax = 30
    /// How long to wait where GitHub says that it has enough and not for how long (docs: Rate limits for the REST API).
    static let secondaryLimitPause = Duration.seconds(60)

    /// Whether a text can be the name of a person, an organisation or a repository: nothing that means more in a URL.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 100 && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                byte < 0x80 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            }
    }

    /// Whether somebody is a member of an organisation, or invited.
    func isMember(_ login: String, of organisation: String) async throws -> Bool {
        let (status, _) = try await call(.GET, "/orgs/\(organisation)/memberships/\(login)", accepts: [200, 404])
        return status == 200
    }

    /// Invites somebody; whoever is invited or a member stays what he is.
    func invite(_ login: String, into organisation: String) async throws {
        _ = try await call(.PUT, "/orgs/\(organisation)/memberships/\(login)", body: ["role": "member"], accepts: [200])
    }

    /// Whether a comment holds a text; the oldest come first, so all pages are looked at.
    func hasComment(holding mark: String, on number: Int, in repository: String) async throws -> Bool {
        /// What of a comment matters.
        struct Comment: Decodable { let body: String? }
        for page in 1...Self.commentPagesMax {
            let path = "/repos/\(repository)/issues/\(number)/comments?per_page=\(Self.commentsPerPage)&page=\(page)"
            let (_, bytes) = try await call(.GET, path, accepts: [200])
            let comments: [Comment]
            do {
                comments = try JSONDecoder().decode([Comment].self, from: Data(buffer: bytes))
            } catch {
                throw JobFailure("GitHub's list of comments is no such JSON: \(type(of: error))")
            }
            if comments.contains(where: { $0.body?.contains(mark) == true }) { return true }
            if comments.count < Self.commentsPerPage { return false }
        }
        return false
    }

    /// Writes a comment.
    func comment(_ text: String, on number: Int, in repository: String) async throws {
        _ = try await call(
            .POST, "/repos/\(repository)/issues/\(number)/comments", body: ["body": text], accepts: [201])
    }

    /// Makes a call.
    ///
    /// - Throws: `JobFailure`: one that is tried again, after as long as GitHub says, for limits, failures of the server and of the
    ///   connection; one that is not for everything else.
    private func call(
        _ method: HTTPMethod, _ path: String, body: [String: String]? = nil, accepts: Set<UInt>
    ) async throws -> (UInt, ByteBuffer) {
        var request = HTTPClientRequest(url: apiURL + path)
        request.method = method
        request.headers = [
            "Accept": "application/vnd.github+json", "Authorization": "Bearer \(token)",
            "User-Agent": "snekomatic", "X-GitHub-Api-Version": "2022-11-28",
        ]
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(data: try JSONEncoder().encode(body)))
        }
        let response: HTTPClientResponse
        let bytes: ByteBuffer
        do {
            response = try await client.execute(request, timeout: Self.timeout)
            bytes = try await response.body.collect(upTo: Self.answerSizeMax)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw JobFailure("GitHub does not answer: \(type(of: error))")
        }
        let status = response.status.code
        if accepts.contains(status) { return (status, bytes) }
        // The path holds no secret, and the answer's text may quote what it likes: it stays out.
        let what = "\(method.rawValue) \(path.prefix { $0 != "?" })"
        if let pause = Self.pause(status, response.headers, bytes) {
            throw JobFailure("GitHub has enough for now: \(status) for \(what)", retryAfter: pause)
        }
        throw JobFailure("GitHub answered \(status) to \(what)", isRetryable: status >= 500)
    }

    /// How long to wait, where the answer is about a limit: `Retry-After`, or the limit's reset, or a minute.
    static func pause(_ status: UInt, _ headers: HTTPHeaders, _ body: ByteBuffer) -> Duration? {
        guard status == 429 || status == 403 else { return nil }
        if let seconds = headers.first(name: "Retry-After").flatMap({ Int64($0) }), seconds >= 0 {
            return .seconds(seconds)
        }
        if headers.first(name: "X-RateLimit-Remaining") == "0" {
            let reset = headers.first(name: "X-RateLimit-Reset").flatMap { Int64($0) }
            return reset.map { .seconds(max(1, $0 - Int64(time(nil)))) } ?? secondaryLimitPause
        }
        // A secondary limit may come as 403, with nothing but its words to tell it from a refusal.
        let isSecondary = String(buffer: body).lowercased().contains("secondary rate limit")
        return status == 429 || isSecondary ? secondaryLimitPause : nil
    }
}
