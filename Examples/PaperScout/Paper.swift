/// A paper as the index lists it.
struct Paper: Sendable, Hashable {
    /// The index's own name for it, in capitals: `P2300R10`.
    let id: String
    /// What it is about; empty where the index does not say.
    var title = ""
    /// Who wrote it.
    var authors: [String] = []
    /// When, as `2024-06-28`; empty where the index does not say.
    var date = ""
    /// The group that looks at it; empty where the index does not say.
    var subgroup = ""
    /// Where it is; empty where the index does not say.
    var link = ""

    /// Its number, where its name is one.
    var number: PaperNumber? { PaperNumber(id) }
}

extension Paper: Comparable {
    /// The order in which papers are told of: by date, then by number.
    static func < (left: Paper, right: Paper) -> Bool { left.rank < right.rank }

    /// What the order goes by.
    private var rank: (String, String, Int, Int, String) {
        let number = number
        return (date, number.map { "\($0.series)" } ?? "~", number?.number ?? 0, number?.revision ?? -1, id)
    }
}
