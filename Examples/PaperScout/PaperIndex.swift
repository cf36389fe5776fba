import AsyncHTTPClient
import FoundationEssentials
import LastCallWork
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1

/// The index of papers, as it is downloaded.
struct PaperIndex: Sendable {
    /// What was answered.
    enum Answer: Sendable {
        /// It is what it was.
        case unchanged
        /// It lists these papers.
        case papers([Paper], etag: String?)
        /// It is none.
        case trouble(IndexTrouble)
        /// There is none, or one that says to come again; why.
        case silence(String)
    }

    /// The most bytes of an entity tag.
    private static let etagBytesMax = 256

    /// Sends requests.
    let client: HTTPClient
    /// Where the index is.
    let url: String
    /// The most bytes that are read.
    let bytesMax: Int
    /// How long a download may take.
    let timeout: Duration

    /// Downloads the index, unless it is what it was.
    ///
    /// - Parameter etag: What the last one was known by (RFC 9110, section 13.1.2).
    /// - Throws: `CancellationError`.
    func fetch(unlessItIs etag: String?) async throws -> Answer {
        do {
            return try await TimeLimit.within(timeout, "the download of the index") { try await download(etag) }
        } catch let failure as JobFailure {
            try Task.checkCancellation()
            return .silence(failure.description)
        }
    }

    /// Downloads the index.
    private func download(_ etag: String?) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.headers = ["Accept": "application/json", "User-Agent": "paperscout"]
        if let etag { request.headers.add(name: "If-None-Match", value: etag) }
        do {
            let response = try await client.execute(request, timeout: .hours(24))
            if response.status == .notModified, etag != nil { return .unchanged }
            guard response.status == .ok else { return .silence("the index answered \(response.status.code)") }
            let size = response.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
            guard size <= bytesMax else { return .trouble(.tooLarge(bytesMax)) }
            let bytes = try await response.body.collect(upTo: bytesMax)
            let tag = response.headers.first(name: "ETag").flatMap { $0.utf8.count <= Self.etagBytesMax ? $0 : nil }
            return .papers(try IndexReader.papers(in: Data(buffer: bytes)), etag: tag)
        } catch let trouble as IndexTrouble {
            return .trouble(trouble)
        } catch is NIOTooManyBytesError {
            return .trouble(.tooLarge(bytesMax))
        } catch {
            try Task.checkCancellation()
            let words = (error as? HTTPClientError).map { "\($0)" } ?? "\(type(of: error))"
            return .silence("the index cannot be read: \(words)")
        }
    }
}
