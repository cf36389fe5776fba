import LastCall

/// Where the work is kept.
enum StoreLocation: Sendable, Hashable, CustomStringConvertible {
    /// `memory:`, gone with the process.
    case memory
    /// `sqlite:PATH`, a file of this machine.
    case sqlite(path: String)

    /// Why a text names no store, and what to write instead.
    struct Flaw: Error, Sendable, Equatable {
        /// What is wrong and what to do about it.
        let message: String
        /// The text as it may be shown: without what could be a password.
        let shown: String
    }

    /// Reads `memory:` or `sqlite:PATH`; a relative path counts from `directory`.
    init(_ text: String, in directory: BaseDirectory) throws(Flaw) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw Self.flaw(withoutScheme: text) }
        let rest = parts[1]
        switch parts[0] {
        case "memory":
            guard rest.isEmpty else {
                throw Flaw(message: "names something behind memory:; write \"memory:\" alone", shown: text)
            }
            self = .memory
        case "sqlite":
            self = .sqlite(path: try Self.path(rest, of: text, in: directory))
        case "postgres", "postgresql":
            throw Flaw(
                message: "is a PostgreSQL store, which comes with a later version; write sqlite:PATH or \"memory:\"",
                shown: "\(parts[0])://…")
        default:
            let nearest = NearestName.match(parts[0], among: ["memory", "sqlite"])
            let remedy =
                nearest == "memory" ? "\"memory:\"" : nearest == nil ? "sqlite:PATH or \"memory:\"" : "sqlite:PATH"
            throw Flaw(message: "is no store that is known; write \(remedy)", shown: "\(parts[0]):…")
        }
    }

    /// The text that names this store.
    var description: String {
        switch self {
        case .memory: "memory:"
        case .sqlite(let path): "sqlite:\(path)"
        }
    }

    private static func path(_ rest: String, of text: String, in directory: BaseDirectory) throws(Flaw) -> String {
        func flaw(_ message: String) -> Flaw { Flaw(message: message, shown: text) }
        if rest.hasPrefix(":memory:") { throw flaw("is a store without a file; write \"memory:\"") }
        if rest.hasPrefix("//") {
            let path = rest.drop { $0 == "/" }
            throw flaw("is written as a URL; write sqlite:\(rest.hasPrefix("///") ? "/" : "")\(path)")
        }
        if rest.trimmingSpaces().isEmpty { throw flaw("names no file; write for example sqlite:lastcall.sqlite") }
        if rest.hasSuffix("/") || [".", ".."].contains(rest.split(separator: "/").last) {
            throw flaw(
                "names a directory; write a file in it, for example sqlite:\(rest)\(rest.hasSuffix("/") ? "" : "/")lastcall.sqlite"
            )
        }
        do {
            return try directory.resolve(rest)
        } catch {
            throw flaw(error.message)
        }
    }

    private static func flaw(withoutScheme text: String) -> Flaw {
        let looksLikeFile = text.contains("/") || [".sqlite", ".sqlite3", ".db"].contains(where: text.hasSuffix)
        if looksLikeFile { return Flaw(message: "is a path without its kind; write sqlite:\(text)", shown: text) }
        if NearestName.match(text, among: ["memory"]) != nil {
            return Flaw(message: "has no colon; write \"memory:\", in a file with the quotes", shown: text)
        }
        return Flaw(message: "is no store that is known; write sqlite:PATH or \"memory:\"", shown: text)
    }
}
