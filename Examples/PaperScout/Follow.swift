/// What somebody wants to hear of.
enum Topic: Sendable, Hashable, CustomStringConvertible {
    /// All revisions of a paper: `P2300`.
    case paper(String)
    /// All papers of an author, as the name was written.
    case author(String)

    /// The kind, as it is stored.
    var kind: String {
        switch self {
        case .paper: "paper"
        case .author: "author"
        }
    }

    /// What tells it from others of its kind, however it was written.
    var key: String {
        switch self {
        case .paper(let number): number
        case .author(let name): Self.words(of: name).joined(separator: " ")
        }
    }

    /// What it is called.
    var description: String {
        switch self {
        case .paper(let number): number
        case .author(let name): "author \(name)"
        }
    }

    /// Whether a paper is about it.
    func covers(_ paper: Paper) -> Bool {
        switch self {
        case .paper(let number): return paper.number?.paper == number
        case .author(let name):
            let words = Self.words(of: name)
            return !words.isEmpty
                && paper.authors.contains { author in
                    let known = Set(Self.words(of: author))
                    return words.allSatisfy(known.contains)
                }
        }
    }

    /// The words of a name, without case, dots and commas.
    static func words(of name: some StringProtocol) -> [String] {
        name.lowercased().split { $0.isWhitespace || $0 == "." || $0 == "," }.map(String.init)
    }
}

/// Somebody who follows something.
struct Follow: Sendable, Hashable {
    /// The channel or user.
    let target: String
    /// What is followed.
    let topic: Topic
}

/// Everybody who follows something.
struct Followers: Sendable {
    /// All of them.
    let follows: [Follow]

    /// Whether somebody follows a paper.
    func anybodyFollows(_ paper: Paper) -> Bool { follows.contains { $0.topic.covers(paper) } }

    /// Whom a paper is told to, each once.
    ///
    /// - Parameter everything: The channel that hears of everything, if there is one; it comes first.
    func targets(of paper: Paper, everything: String?) -> [String] {
        let targets = Set(follows.filter { $0.topic.covers(paper) }.map(\.target)).subtracting([everything ?? ""])
        return (everything.map { [$0] } ?? []) + targets.sorted()
    }
}
