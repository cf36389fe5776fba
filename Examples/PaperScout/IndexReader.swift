import FoundationEssentials

/// Reads an index: an object from each paper's name to what is known of it.
enum IndexReader {
    /// The most bytes of a name.
    private static let nameBytesMax = 64
    /// The most characters of a text that is kept.
    private static let charactersMax = 500

    /// One entry; what is missing or of another type is left out.
    private struct Entry: Decodable {
        /// The keys that are looked at.
        enum CodingKeys: String, CodingKey {
            case type, title, author, date, subgroup, link
            case longLink = "long_link"
        }

        /// What it is: `paper`, `issue`, ….
        var type: String?
        /// The title.
        var title: String?
        /// The authors, with commas between them.
        var author: String?
        /// The date.
        var date: String?
        /// The group that looks at it.
        var subgroup: String?
        /// Where it is, in short.
        var link: String?
        /// Where it is.
        var longLink: String?

        /// Reads what is there.
        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            func text(_ key: CodingKeys) -> String? {
                try? fields.decode(String.self, forKey: key)  // missing, or not a text
            }
            type = text(.type)
            title = text(.title)
            author = text(.author)
            date = text(.date)
            subgroup = text(.subgroup)
            link = text(.link)
            longLink = text(.longLink)
        }
    }

    /// An entry that may be no object at all.
    private struct Row: Decodable {
        /// The entry, where it is one.
        let entry: Entry?

        /// Reads an entry, or passes over it.
        init(from decoder: any Decoder) throws {
            entry = try? Entry(from: decoder)  // one bad entry does not spoil the others
        }
    }

    /// The papers of an index, in no order.
    ///
    /// - Throws: ``IndexTrouble/notJSON``.
    static func papers(in json: Data) throws(IndexTrouble) -> [Paper] {
        let rows: [String: Row]
        do {
            rows = try JSONDecoder().decode([String: Row].self, from: json)
        } catch {
            // The decoder's words quote the text.
            throw .notJSON
        }
        var papers: [String: Paper] = [:]
        for (name, row) in rows {
            guard let paper = row.entry.flatMap({ paper(name, $0) }) else { continue }
            papers[paper.id] = paper
        }
        return Array(papers.values)
    }

    /// The paper of an entry; `nil` for issues and for names that are none.
    private static func paper(_ name: String, _ entry: Entry) -> Paper? {
        guard entry.type == "paper", (1...nameBytesMax).contains(name.utf8.count),
            name.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        var paper = Paper(id: name.uppercased())
        paper.title = line(entry.title)
        paper.authors = line(entry.author).split(separator: ",").map { line(String($0)) }.filter { !$0.isEmpty }
        paper.date = line(entry.date)
        paper.subgroup = line(entry.subgroup)
        let links = [entry.link, entry.longLink].compactMap { $0 }
        paper.link = links.first { $0.hasPrefix("https://") || $0.hasPrefix("http://") } ?? ""
        if paper.link.utf8.count > charactersMax || paper.link.contains(where: { " <>|\n\r\t".contains($0) }) {
            paper.link = ""
        }
        return paper
    }

    /// A text as one line of bounded length.
    private static func line(_ text: String?) -> String {
        guard let text else { return "" }
        let words = text.split { $0.isWhitespace || $0.unicodeScalars.contains { $0.value < 0x20 } }
        return String(words.joined(separator: " ").prefix(charactersMax))
    }
}
