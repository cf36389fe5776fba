import LastCallWork

/// What is said about papers, as messages for Slack.
enum Alert {
    /// The name of the transport.
    static let transport = "slack"

    /// The body of a message.
    private struct Body: Encodable {
        /// The keys, as Slack has them.
        enum CodingKeys: String, CodingKey {
            case text
            case unfurlsLinks = "unfurl_links"
        }

        /// What is said.
        let text: String
        /// Whether Slack shows what a link leads to: the title says enough.
        let unfurlsLinks = false
    }

    /// A message to a channel or user.
    static func message(_ text: String, to target: String) throws -> Message {
        try Message(transport, to: target, json: Body(text: text))
    }

    /// A paper that is new in the index.
    static func text(for paper: Paper) -> String {
        let title = escaped(paper.title.isEmpty ? "untitled" : paper.title)
        var text = "*\(escaped(paper.id))* " + (paper.link.isEmpty ? title : "<\(paper.link)|\(title)>")
        if !paper.authors.isEmpty { text += " by \(escaped(paper.authors.joined(separator: ", ")))" }
        let facts = [paper.date, paper.subgroup].filter { !$0.isEmpty }
        if !facts.isEmpty { text += " (\(escaped(facts.joined(separator: ", "))))" }
        return text
    }

    /// A draft that is there before the index lists it.
    static func text(for draft: Draft) -> String {
        let title = draft.paper.title.isEmpty ? "" : ": \(escaped(draft.paper.title))"
        return "*\(draft.number)* is there as a draft\(title) <\(draft.url)>"
    }

    /// All that was there at the first look.
    static func text(forSeeding count: Int) -> String {
        "\(count == 1 ? "1 paper" : "\(count) papers") known. From now on you hear of new ones."
    }

    /// Trouble with the index, for the operator.
    static func text(for trouble: IndexTrouble) -> String {
        "The paper index has trouble: \(trouble). Nothing that was seen is forgotten; I keep looking, and say so when it is well."
    }

    /// The end of the trouble.
    static let wellAgain = "The paper index is well again."

    /// A text without Slack's own marks (docs: Formatting text for app surfaces, Escaping text).
    static func escaped(_ text: some StringProtocol) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
    }
}
