import LastCall

/// A program and its arguments, as far as a stop is concerned.
struct CommandWords: Sendable, Equatable {
    /// The program's name and its arguments.
    let words: [String]

    /// The text after `-c` where the program is a shell.
    var shellScript: String? {
        guard let program = words.first, Self.shells.contains(Self.baseName(program)) else { return nil }
        for (index, word) in words.enumerated().dropFirst() {
            guard word.hasPrefix("-"), !word.hasPrefix("--") else { return nil }
            if word.contains("c") { return index + 1 < words.count ? words[index + 1] : nil }
        }
        return nil
    }

    /// What to write instead where this is a shell that stands between the signal and the program, else `nil`.
    ///
    /// Some shells replace themselves where the script is one command (bash), others do not (dash 0.5.12,
    /// which is Debian's `sh`); `exec` settles it.
    var adviceAgainstShell: String? {
        guard let script = shellScript else { return nil }
        let last = script.split(whereSeparator: { ";&|\n".contains($0) }).last { !$0.trimmingSpaces().isEmpty }
        let lastWords = ShellWords.split(last ?? "")
        guard let program = lastWords.first, program != "exec" else { return nil }
        let isPlain = !script.contains { "$`;&|<>(){}*?[]~#=\n".contains($0) }
        guard isPlain else { return "put exec before its last command: \"… exec \(lastWords.joined(separator: " "))\"" }
        return "[" + lastWords.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
    }

    /// How long this takes where it is `sleep`, also through `sh -c`; `nil` where nobody can tell.
    var sleepLength: Duration? {
        var words = self.words
        if let script = shellScript {
            guard !script.contains(where: { ";&|$`\n".contains($0) }) else { return nil }
            words = ShellWords.split(script)
        }
        if words.first == "exec" { words.removeFirst() }
        guard let program = words.first, Self.baseName(program) == "sleep", words.count > 1 else { return nil }
        var total = Duration.zero
        // sleep(1): several arguments are added up; s, m, h and d follow a number.
        for word in words.dropFirst() {
            guard let length = DurationText.parse(word) else { return nil }
            total += length
        }
        return total
    }

    /// The assignments `NAME=value` that stand before the program, also behind `env`.
    var assignments: [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        for (index, word) in words.enumerated() {
            if index == 0 && Self.baseName(word) == "env" { continue }
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else { break }
            found.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
        }
        return found
    }

    /// What happens to a stop behind a shell in a container without an init.
    static let shellAsFirstProcess =
        "A shell that does not replace itself stays process 1: it ignores SIGTERM and does not pass it on, "
        + "so the program is killed when the grace ends."

    private static let shells: Set<String> = ["sh", "bash", "dash", "ash", "zsh", "ksh"]

    private static func baseName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
