/// A text of a command in which `{name}` stands for an argument.
///
/// `{{` and `}}` are braces. An element of a command that is `{name...}` and nothing else stands for any number of
/// arguments. What is put in is never looked at again and never seen by a shell.
struct ArgumentTemplate: Sendable, Hashable {
    /// A piece of a template.
    enum Part: Sendable, Hashable {
        /// Text that stays.
        case literal(String)
        /// An argument's name.
        case parameter(String)
        /// The name of an argument that may be a list; always the only part.
        case list(String)
    }

    /// Why a text is no template, and what to write instead.
    struct Flaw: Error, Sendable, Equatable {
        /// What is wrong and what to do about it.
        let message: String
    }

    /// The template as it is written.
    let text: String
    /// Its pieces.
    let parts: [Part]

    /// Reads a template.
    init(_ text: String) throws(Flaw) {
        self.text = text
        var parts: [Part] = []
        var literal = ""
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                literal.unicodeScalars.append(scalar)
                continue
            }
            if rest.first == scalar {
                rest.removeFirst()
                literal.unicodeScalars.append(scalar)
                continue
            }
            guard scalar == "{" else { throw Flaw(message: "has a } that closes nothing; write }} for a brace") }
            guard let end = rest.firstIndex(of: "}") else {
                throw Flaw(message: "has a { that is never closed; close it, or write {{ for a brace")
            }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = ""
            parts.append(try Self.parameter(String(rest[..<end])))
            rest = rest[rest.index(after: end)...]
        }
        if !literal.isEmpty || parts.isEmpty { parts.append(.literal(literal)) }
        for case .list(let name) in parts where parts.count > 1 {
            throw Flaw(message: "holds {\(name)...} among other text; make {\(name)...} an element of its own")
        }
        self.parts = parts
    }

    /// The names that it uses, in their order.
    var names: [String] {
        parts.compactMap { part in
            switch part {
            case .literal: nil
            case .parameter(let name), .list(let name): name
            }
        }
    }

    /// Whether it stands for any number of arguments.
    var isList: Bool {
        if case .list = parts.first { return true }
        return false
    }

    /// The texts that it becomes: one, unless it is a list.
    ///
    /// A name without a value stays empty; ``TaskDefinition/validate(arguments:)`` refuses that before.
    func filled(with values: [String: ArgumentValue]) -> [String] {
        if case .list(let name) = parts.first { return values[name]?.elements ?? [] }
        return [
            parts.reduce(into: "") { text, part in
                switch part {
                case .literal(let literal): text += literal
                case .parameter(let name), .list(let name): text += values[name]?.elements.first ?? ""
                }
            }
        ]
    }

    /// Whether a text can be an argument's name.
    ///
    /// Without `=`, so that `name=value` can be taken apart on a command line.
    static func isName(_ text: some StringProtocol) -> Bool {
        let characters = text.unicodeScalars
        let isLetter: (Unicode.Scalar) -> Bool = { ("a"..."z") ~= $0 || ("A"..."Z") ~= $0 || $0 == "_" }
        return characters.first.map(isLetter) == true && characters.count <= 64
            && characters.allSatisfy { isLetter($0) || ("0"..."9") ~= $0 || $0 == "-" }
    }

    /// What an argument's name may be, for errors.
    static let nameRule = "at most 64 letters, digits, _ or -, the first a letter or _"

    private static func parameter(_ inside: String) throws(Flaw) -> Part {
        let isList = inside.hasSuffix("...")
        let name = isList ? String(inside.dropLast(3)) : inside
        guard !name.isEmpty else {
            throw Flaw(message: "has {\(inside)} without a name; write {name}, or {{\(inside)}} for braces")
        }
        guard isName(name) else {
            throw Flaw(
                message: "has {\(inside)}, which is no argument's name (\(nameRule)); write {{ and }} for braces")
        }
        return isList ? .list(name) : .parameter(name)
    }
}
