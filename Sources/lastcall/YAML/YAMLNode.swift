/// One value of a YAML document, with the line it begins on.
///
/// Scalars stay text: what `30`, `30s` or `yes` mean is for the reader of a file format to say, who also learns
/// whether the text was quoted. Aliases are replaced by what they name, and `<<` is merged, so nobody above this type has
/// to know that they exist.
struct YAMLNode: Sendable {
    /// What the value is.
    indirect enum Content: Sendable {
        /// Text; `isQuoted` is true where quotes, a block style or the tag `!!str` make it a string whatever it says.
        case scalar(String, isQuoted: Bool)
        /// A list.
        case sequence([YAMLNode])
        /// A mapping, in the order of the file. Keys are unique.
        case mapping([Pair])
    }

    /// One entry of a mapping.
    struct Pair: Sendable {
        /// The key's text.
        let key: String
        /// The line of the key, which is where an editor should go.
        let line: Int
        /// The value.
        let value: YAMLNode
    }

    /// The value.
    let content: Content
    /// The line that the value begins on, counted from 1.
    let line: Int
    /// How many nodes this one is, itself and aliases written out included.
    ///
    /// Never more than the reader's limit.
    let size: Int
    /// How many levels this node has: 1 for a scalar.
    let height: Int

    /// Whether the value is missing: empty, `~` or `null`, not quoted.
    var isNull: Bool {
        guard case .scalar(let text, isQuoted: false) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a scalar that is not null.
    var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// Whether this is a scalar that was written as a string.
    var isQuoted: Bool {
        if case .scalar(_, isQuoted: true) = content { return true }
        return false
    }

    /// The entries of a mapping.
    var pairs: [Pair]? {
        if case .mapping(let pairs) = content { return pairs }
        return nil
    }

    /// The elements of a list.
    var elements: [YAMLNode]? {
        if case .sequence(let elements) = content { return elements }
        return nil
    }

    /// The entry of a mapping with this key, unless its value is null.
    func pair(_ key: String) -> Pair? {
        pairs?.first { $0.key == key && !$0.value.isNull }
    }

    /// The value under this key, unless it is null.
    subscript(key: String) -> YAMLNode? { pair(key)?.value }

    /// What kind of value this is, for errors.
    var kindName: String {
        switch content {
        case .scalar: isNull ? "nothing" : "text"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
