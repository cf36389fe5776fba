/// A paper as the index lists it.
struct Paper: Sendable, Hashable {
    /// The index's own name for it, in capitals: `P2300R10`.
    let id: String
    /// Its number, where its name is one.
    let number: PaperNumber?
    /// What it is about; empty where the index does not say.
    var title: String
    /// Who wrote it.
    var authors: [String]
    /// When, as `2024-06-28`; empty where the index does not say.
    var date: String
    /// The group that looks at it; empty where the index does not say.
    var subgroup: String
    /// Where it is; empty where the index does not say.
    var link: String

    /// Creates a paper of which no more is known than is said.
    init(
        id: String, title: String = "", authors: [String] = [], date: String = "", subgroup: String = "",
        link: String = ""
    ) {
        self.id = id
        self.title = title
        self.authors = authors
        self.date = date
        self.subgroup = subgroup
        self.link = link
        number = PaperNumber(id)
    }
}

extension Paper: Comparable {
    /// The order in which papers are told of: by date, then by number.
    static func < (left: Paper, right: Paper) -> Bool { left.rank < right.rank }

    /// What the order goes by.
    private var rank: (String, String, Int, Int, String) {
        (date, number.map { "\($0.series)" } ?? "~", number?.number ?? 0, number?.revision ?? -1, id)
    }
}
