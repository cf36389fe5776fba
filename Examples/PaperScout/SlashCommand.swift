/// What somebody wrote behind `/scout`.
enum SlashCommand: Sendable, Hashable {
    /// To hear of something from now on.
    case follow(Topic)
    /// To hear of it no more.
    case unfollow(Topic)
    /// To see what is followed.
    case list
    /// To see what can be written.
    case help
    /// It cannot be understood, with what to write.
    case mistake(String)

    /// The most bytes of an author's name.
    private static let nameBytesMax = 100

    /// Reads a command.
    init(_ text: some StringProtocol) {
        let words = text.split(whereSeparator: \.isWhitespace).map { String($0) }
        guard let verb = words.first?.lowercased() else {
            self = .help
            return
        }
        switch verb {
        case "list": self = .list
        case "help": self = .help
        case "follow", "unfollow":
            do throws(Mistake) {
                let topic = try Self.topic(words.dropFirst())
                self = verb == "follow" ? .follow(topic) : .unfollow(topic)
            } catch {
                self = .mistake(error.words)
            }
        default: self = .mistake("I know `follow`, `unfollow`, `list` and `help`.")
        }
    }

    /// What is wrong.
    private struct Mistake: Error {
        /// What to write instead.
        let words: String
    }

    /// Reads what is followed.
    private static func topic(_ words: ArraySlice<String>) throws(Mistake) -> Topic {
        guard let first = words.first else { throw Mistake(words: "Write a paper's number, or `author` and a name.") }
        if first.lowercased() == "author" {
            let name = words.dropFirst().joined(separator: " ")
            guard !Topic.words(of: name).isEmpty else { throw Mistake(words: "Write a name behind `author`.") }
            let isPlain = name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            guard name.utf8.count <= nameBytesMax, isPlain else {
                throw Mistake(words: "An author's name has at most \(nameBytesMax) bytes of plain text.")
            }
            return .author(name)
        }
        guard words.count == 1, let number = PaperNumber(first) else {
            throw Mistake(words: "That is no paper's number; write `P2300`, or `author Eric Niebler`.")
        }
        return .paper(number.paper)
    }
}
