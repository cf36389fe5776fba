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

    /// Whether `lastcall run` is what runs.
    var isLastcallRun: Bool { lastcallRun != nil }

    /// Where `lastcall run` stands.
    private var lastcallRun: Int? {
        words.indices.dropLast().first { Self.baseName(words[$0]) == "lastcall" && words[$0 + 1] == "run" }
    }

    /// What `lastcall run` is told by `--grace`, where that is what runs; `nil` where it is not told, or nonsense.
    var graceOption: Duration? {
        guard let run = lastcallRun else { return nil }
        var options = words[(run + 2)...].prefix { $0 != "--" }
        while let option = options.popFirst() {
            if option == "--grace" { return options.first.flatMap(DurationText.parse) }
            if option.hasPrefix("--grace=") { return DurationText.parse(option.dropFirst("--grace=".count)) }
            // The first word that is neither an option nor one's value is the command.
            if !option.hasPrefix("-") { return nil }
            if !option.contains("="), !["--quiet", "--json"].contains(option) { _ = options.popFirst() }
        }
        return nil
    }

    /// What to write instead where this is a shell that stands between the signal and the program, else `nil`.
    ///
    /// Some shells replace themselves where the script is one command (bash), others do not (dash 0.5.12,
    /// which is Debian's `sh`); `exec` settles it.
    var adviceAgainstShell: String? {
        guard let script = shellScript, !script.trimmingSpaces().isEmpty else { return nil }
        guard let start = Self.lastCommand(of: script) else {
            return "a program without a shell, or exec before the last command"
        }
        let last = ShellWords.split(script[start...])
        guard last.first != "exec" else { return nil }
        if start == script.startIndex && !script.contains(where: { "$`<>*?[]~#=!".contains($0) }) {
            return "[" + last.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        }
        return "\"\(script[..<start])exec \(script[start...])\""
    }

    /// Where the program of the last command begins, behind `;`, `&&` and `||` and behind assignments; `nil` where a script
    /// is more than a list of commands.
    private static func lastCommand(of script: String) -> String.Index? {
        var start = script.startIndex
        var quote: Character?
        var before: Character?
        for index in script.indices {
            let character = script[index]
            let next = script[script.index(after: index)...].first
            if let open = quote {
                if character == open && before != "\\" { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if "(){}`".contains(character) && before != "$" {
                return nil
            } else if character == ";" || character == "\n" || "&|".contains(character) && before == character {
                start = script.index(after: index)
            } else if "&|".contains(character), next != character, before != ">", next != ">" {
                return nil
            }
            before = character
        }
        // Skip spaces, and assignments without quotes: `A=b exec program`, not `exec A=b program`.
        while let word = script[start...].split(whereSeparator: \.isWhitespace).first {
            guard let equals = word.firstIndex(of: "="),
                word[..<equals].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
            else { return ["if", "for", "while", "case", "fi", "done", "esac"].contains(word) ? nil : word.startIndex }
            start = word.endIndex
        }
        return nil
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
