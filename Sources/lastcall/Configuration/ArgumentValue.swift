/// The value of a task's argument: a text, or several where the task takes a list.
///
/// Numbers and `true` and `false` are kept as the text that they are written with, which is what a program is given in the end:
/// a version `1.10` stays that.
enum ArgumentValue: Sendable, Hashable {
    /// One text.
    case text(String)
    /// Any number of texts, for `{name...}`.
    case list([String])

    /// The texts.
    var elements: [String] {
        switch self {
        case .text(let text): [text]
        case .list(let texts): texts
        }
    }

    /// Whether it is a list.
    var isList: Bool {
        if case .list = self { return true }
        return false
    }
}

extension ArgumentValue: CustomStringConvertible {
    /// The text, or the texts in brackets; for help and errors.
    var description: String {
        switch self {
        case .text(let text): text
        case .list(let texts): "[\(texts.joined(separator: ", "))]"
        }
    }
}

/// In JSON it is a string or a list of strings.
extension ArgumentValue: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            self = .text(try container.decode(String.self))
        } catch {
            self = .list(try container.decode([String].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .list(let texts): try container.encode(texts)
        }
    }
}

extension ConfigurationValue {
    /// An argument's value: a text, a number, `true`, `false`, or a list of these.
    func argumentValue() -> ArgumentValue? {
        let wanted = "write a text, a number, true, false or a list of these"
        guard node.elements != nil else { return text(wanted).map { .text($0) } }
        let texts = list(wanted)?.map { $0.text("write a text or a number") } ?? []
        let found = texts.compactMap { $0 }
        return found.count == texts.count ? .list(found) : nil
    }

    /// Arguments by name.
    func arguments() -> [String: ArgumentValue] {
        var values: [String: ArgumentValue] = [:]
        for (name, value) in entries("write a mapping of arguments, as in {path: a.iso}") ?? [] {
            guard ArgumentTemplate.isName(name) else {
                value.report(.malformed, "is no argument's name; write \(ArgumentTemplate.nameRule)")
                continue
            }
            values[name] = value.argumentValue()
        }
        return values
    }
}
