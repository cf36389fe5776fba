/// Columns that line up, for people.
struct TextTable: Sendable {
    /// How a column is aligned.
    enum Alignment: Sendable {
        /// Words.
        case left
        /// Figures.
        case right
    }

    /// A column's heading and alignment.
    struct Column: Sendable {
        /// The heading.
        let name: String
        /// The alignment.
        let alignment: Alignment

        /// A column of words.
        static func words(_ name: String) -> Column { Column(name: name, alignment: .left) }
        /// A column of figures.
        static func figures(_ name: String) -> Column { Column(name: name, alignment: .right) }
    }

    /// The columns.
    let columns: [Column]
    /// The rows, each with a cell for every column.
    var rows: [[String]] = []

    /// Creates a table without rows.
    init(_ columns: [Column]) { self.columns = columns }

    /// The table's lines, the heading first; what a terminal would act upon is shown as an escape.
    ///
    /// - Parameter style: How headings are painted.
    func lines(_ style: TextStyle = .plain) -> [String] {
        let cells = [columns.map(\.name)] + rows.map { row in row.map(Self.oneLine) }
        let widths = columns.indices.map { column in cells.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return cells.enumerated().map { index, row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                if column > 0 { line += "  " }
                line += columns[column].alignment == .left ? cell + padding : padding + cell
            }
            while line.last == " " { line.removeLast() }
            return index == 0 ? style.dim(line) : line
        }
    }

    /// The text on one line.
    static func oneLine(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ").withoutControlCharacters
    }
}

/// How text is painted.
struct TextStyle: Sendable {
    /// Whether ANSI colours are used.
    let isColoured: Bool

    /// No colours.
    static let plain = TextStyle(isColoured: false)

    /// Headings and what matters less.
    func dim(_ text: String) -> String { paint(text, "2") }
    /// Names of things.
    func bold(_ text: String) -> String { paint(text, "1") }
    /// What wants attention.
    func alert(_ text: String) -> String { paint(text, "33") }

    private func paint(_ text: String, _ code: String) -> String {
        isColoured && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
