import LastCall

/// A value of a configuration with its key's path, and readers that report what they cannot read.
///
/// Every reader returns `nil` after it has reported: whoever reads on uses the key's default, and the file is refused in the
/// end with everything that was found.
struct ConfigurationValue {
    /// The value.
    let node: YAMLNode
    /// The path of its key, such as `tasks.hash.timeout`; empty for a whole file.
    let path: String
    /// The line of its key.
    let line: Int
    /// Where mistakes are reported.
    let problems: ConfigurationProblems

    /// Reports a value that its key does not allow.
    ///
    /// A scalar is shown as it is written, unless `shown` says how.
    func report(_ message: String, shown: String? = nil) {
        var value = shown
        if value == nil, case .scalar(let text, _) = node.content, !node.isNull { value = text }
        add(.invalidValue, value, message)
    }

    /// Reports a mistake that is not about what the value says.
    func report(_ code: ConfigurationError.Code, _ message: String) {
        add(code, nil, message)
    }

    private func add(_ code: ConfigurationError.Code, _ value: String?, _ message: String) {
        problems.add(
            ConfigurationError(
                code: code, line: line, key: path.isEmpty ? nil : path, value: value, message: message))
    }

    /// Reports that this is not the kind of value that its key asks for.
    func reportShape(_ wanted: String) {
        if node.isNull {
            report(.malformed, "has no value; \(wanted), or remove the key")
        } else if let pairs = node.pairs, pairs.count == 1, pairs[0].value.isNull {
            let text = "{\(pairs[0].key)}"
            report(.malformed, "is a mapping, for YAML reads \(text) so; write \"\(text)\" in quotes")
        } else {
            report(.malformed, "is \(node.kindName); \(wanted)")
        }
    }

    /// The value under another path.
    func child(_ node: YAMLNode, _ path: String, line: Int) -> ConfigurationValue {
        ConfigurationValue(node: node, path: path, line: line, problems: problems)
    }

    // MARK: Scalars

    /// A scalar's text without a NUL byte, which neither an argument nor a variable nor a path can hold.
    ///
    /// - Parameter wanted: What to write, for errors.
    func text(_ wanted: String) -> String? {
        guard let text = node.text else {
            reportShape(wanted)
            return nil
        }
        guard !text.contains("\0") else {
            report("holds a NUL byte, which no program can be given; remove it")
            return nil
        }
        return text
    }

    /// A text that is not empty.
    func nonEmptyText(_ wanted: String) -> String? {
        guard let text = text(wanted) else { return nil }
        guard !text.trimmingSpaces().isEmpty else {
            report("is empty; \(wanted)")
            return nil
        }
        return text
    }

    /// A duration above 0s, or one that may be 0s.
    func duration(orZero: Bool = false) -> Duration? {
        let wanted = "write one \(orZero ? "of 0s or more" : "above 0s") and up to 876000h, such as 30s, 10m or 1h30m"
        guard let text = text("write a duration such as 30s, 10m or 1h30m") else { return nil }
        guard let duration = DurationText.parse(text) else {
            report("is not a duration; \(wanted)")
            return nil
        }
        guard orZero || duration > .zero else {
            report("is too short; \(wanted)")
            return nil
        }
        return duration
    }

    /// A size in bytes.
    func size(atLeast smallest: Int = 1) -> Int? {
        let wanted = "write a size such as 512MiB, 1GB or 65536"
        guard let text = text(wanted) else { return nil }
        guard let bytes = SizeText.parse(text) else {
            let last = text.last.map { String($0).uppercased() } ?? ""
            let isLetterAlone = SizeText.parse(text, allowingLetters: true) != nil
            let number = text.dropLast()
            report(
                isLetterAlone
                    ? "has half a unit, which some read as 1,000 and some as 1,024; write \(number)\(last)iB or \(number)\(last == "K" ? "k" : last)B"
                    : "is not a size; \(wanted)")
            return nil
        }
        guard bytes >= smallest else {
            report("is \(bytes) bytes, and less than \(smallest) leaves no program room; \(wanted)")
            return nil
        }
        return bytes
    }

    /// A whole number.
    func integer(in range: ClosedRange<Int>) -> Int? {
        let wanted = "write a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = text(wanted) else { return nil }
        // YAML 1.1 and 1.2 disagree about 010, so nobody is to find out which of them this is.
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let isPlain = digits.allSatisfy { $0.isASCII && $0.isNumber } && (digits == "0" || digits.first != "0")
        guard !node.isQuoted, isPlain, let number = Int(text) else {
            let isNumber = node.isQuoted && Int(text) != nil
            report(isNumber ? "is text, not a number; write \(text) without quotes" : "is not allowed; \(wanted)")
            return nil
        }
        guard range.contains(number) else {
            report("is out of range; \(wanted)")
            return nil
        }
        return number
    }

    /// A number that may have a fraction.
    func number(in range: ClosedRange<Double>) -> Double? {
        let wanted = "write a number from \(Self.short(range.lowerBound)) to \(Self.short(range.upperBound))"
        guard let text = text(wanted) else { return nil }
        let isPlain = text.first?.isNumber == true && text.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard !node.isQuoted, isPlain, let number = Double(text), range.contains(number) else {
            report("is not allowed; \(wanted)")
            return nil
        }
        return number
    }

    /// One of a fixed set of words.
    func choice<Choice: CaseIterable & RawRepresentable<String>>(of type: Choice.Type) -> Choice? {
        let words = Choice.allCases.map(\.rawValue)
        let wanted = "write one of \(words.joined(separator: ", "))"
        guard let text = text(wanted) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        if let nearest = NearestName.match(text, among: words) {
            report("is none of \(words.joined(separator: ", ")); write \(nearest)")
        } else {
            report("is not allowed; \(wanted)")
        }
        return nil
    }

    /// What a task or a queue is called.
    func name() -> String? {
        guard let text = nonEmptyText("write a name") else { return nil }
        guard let flaw = Self.flaw(inName: text) else { return text }
        report(flaw)
        return nil
    }

    /// Why a text cannot be the name of a task or a queue.
    static func flaw(inName text: String) -> String? {
        let characters = text.unicodeScalars
        let isOrdinary: (Unicode.Scalar) -> Bool = { $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9") ~= $0) }
        let isName =
            characters.first.map(isOrdinary) == true && characters.count <= 64
            && characters.allSatisfy { isOrdinary($0) || "._-".unicodeScalars.contains($0) }
        guard !isName else { return nil }
        return "is no name; write at most 64 letters, digits, ., _ or -, the first a letter or digit"
    }

    private static func short(_ number: Double) -> String {
        number == number.rounded() ? "\(Int(number))" : "\(number)"
    }
}

// MARK: Lists and mappings

extension ConfigurationValue {
    /// The elements of a list.
    func list(_ wanted: String) -> [ConfigurationValue]? {
        guard let elements = node.elements else {
            reportShape(wanted)
            return nil
        }
        return elements.enumerated().map { child($0.element, "\(path)[\($0.offset)]", line: $0.element.line) }
    }

    /// The entries of a mapping whose keys are free names.
    func entries(_ wanted: String) -> [(name: String, value: ConfigurationValue)]? {
        guard let pairs = node.pairs else {
            reportShape(wanted)
            return nil
        }
        return pairs.map { ($0.key, child($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)", line: $0.line)) }
    }

    /// The entries of a mapping whose keys are known; every other key is reported with the nearest that is.
    func mapping<Key: ConfigurationKey>(of type: Key.Type) -> [Key: ConfigurationValue]? {
        guard let entries = entries("write a mapping with \(Key.names)") else { return nil }
        var values: [Key: ConfigurationValue] = [:]
        for (name, value) in entries {
            if let key = Key(rawValue: name) {
                values[key] = value
            } else if let nearest = NearestName.match(name, among: Key.allCases.map(\.rawValue)) {
                value.report(.unknownKey, "is no key of \(Key.owner); write \(nearest)")
            } else {
                value.report(.unknownKey, "is no key of \(Key.owner); it has \(Key.names)")
            }
        }
        return values
    }
}
