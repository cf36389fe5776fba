import Testing

/// A place where a rule is broken.
struct Breach: Sendable, Equatable, CustomStringConvertible {
    /// The file, from the root of the repository.
    let path: String
    /// The line, from 1.
    let line: Int
    /// The rule in a few words.
    let rule: String
    /// What stands there.
    let found: String
    /// What to write instead.
    let instead: String

    /// One line that an editor can jump to.
    var description: String { "\(path):\(line): \(rule). Found: \(found). Instead: \(instead)" }
}

/// One point of the house style, as a function over a path and a text.
///
/// A rule carries an example that breaks it and one that keeps it, so that every rule is known to be able to fail.
struct Rule: Sendable, CustomTestStringConvertible {
    /// A file that may not exist.
    struct Example: Sendable {
        /// Where it would be.
        let path: String
        /// What it would say.
        let text: String
    }

    /// Something that a rule found.
    struct Finding {
        /// The line, from 1.
        let line: Int
        /// What stands there.
        let found: String
    }

    /// The rule in a few words.
    let name: String
    /// What to write instead.
    let instead: String
    /// Which files it looks at.
    let covers: @Sendable (_ path: String) -> Bool
    /// Looks for breaches.
    let find: @Sendable (SourceFile) -> [Finding]
    /// A file that breaks the rule, with the lines that are at fault.
    let breaching: (Example, lines: [Int])
    /// A file that keeps it, as close to the other as possible.
    let clean: Example

    var testDescription: String { name }

    /// All breaches in one file.
    func breaches(in file: SourceFile) -> [Breach] {
        guard covers(file.path) else { return [] }
        return find(file).map {
            Breach(path: file.path, line: $0.line, rule: name, found: $0.found, instead: instead)
        }
    }

    /// All rules about single files.
    static let all: [Rule] = machines + concurrency + silence + sizesAndNames + tests + layers + texts
}

extension SourceFile {
    /// The lines whose code matches `expression`, as findings.
    func findings(_ expression: some RegexComponent) -> [Rule.Finding] {
        lines.filter { $0.code.contains(expression) }.map { $0.finding }
    }
}

extension SourceFile.Line {
    /// The line as something that a rule found.
    var finding: Rule.Finding { Rule.Finding(line: number, found: "`\(code.trimmed)`") }
}

extension StringProtocol {
    /// The text without spaces around it.
    var trimmed: String {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}

/// Kinds of paths, for `Rule.covers`.
enum Paths {
    /// Any Swift source of the repository.
    @Sendable static func swift(_ path: String) -> Bool { path.hasSuffix(".swift") }
    /// Swift and C of the products.
    @Sendable static func product(_ path: String) -> Bool {
        path.hasPrefix("Sources/") && [".swift", ".c", ".h"].contains { path.hasSuffix($0) }
    }
    /// Swift of the tests.
    ///
    /// The fixture is a program that tests drive, not a test.
    @Sendable static func test(_ path: String) -> Bool {
        path.hasPrefix("Tests/") && swift(path)
            && !["Tests/LifecycleFixture/", "Tests/WorkFixture/"].contains(where: path.hasPrefix)
    }
    /// A state machine by its file's name.
    @Sendable static func machine(_ path: String) -> Bool {
        swift(path)
            && path.split(separator: "/").last.map { $0.contains("StateMachine") && !$0.contains("Tests") } == true
    }
}

extension Regex {
    /// The expression with `\b` as programmers mean it.
    ///
    /// By default Swift follows Unicode's word segmentation, in which `Task.yield` is one word and `\bTask\b` does not match.
    var asCode: Regex<Output> { wordBoundaryKind(.simple) }
}
