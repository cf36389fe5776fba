/// Reads one field of a cron expression: numbers, names, ranges, steps and lists of them.
struct CronFieldReader {
    /// What the field is about.
    let unit: CronUnit
    /// The whole expression, for errors.
    let expression: String

    /// Reads the field.
    ///
    /// - Throws: ``WorkError/Code/invalidConfiguration`` with the part that is wrong, why, and what to write.
    func read(_ text: Substring) throws(WorkError) -> CronField {
        var field = CronField()
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard !item.isEmpty else { throw refusal(of: text, "has an empty place in its list") }
            for number in try numbers(of: item) { field.insert(unit == .dayOfWeek ? number % 7 : number) }
        }
        return field
    }

    /// The error for a part of the field.
    func refusal(of text: Substring, _ why: String, write example: String? = nil) -> WorkError {
        let remedy = example.map { "write \"\($0)\"" } ?? "an example is \"\(unit.example)\""
        return WorkError(
            .invalidConfiguration,
            "the \(unit.name) \"\(text)\" of the cron expression \"\(expression)\" \(why); \(remedy)")
    }

    /// The numbers of a part between commas.
    private func numbers(of item: Substring) throws(WorkError) -> [Int] {
        try refuseExtensions(item)
        let parts = item.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw refusal(of: item, "has more than one step") }
        let step = parts.count == 2 ? try step(parts[1], of: item) : nil
        if parts[0] == "*" {
            return Array(stride(from: unit.values.lowerBound, through: unit.values.upperBound, by: step ?? 1))
        }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2 else { throw refusal(of: item, "has more than two ends") }
        let first = try number(ends[0], of: item)
        guard ends.count == 2 else {
            guard let step else { return [first] }
            return Array(stride(from: first, through: max(first, unit.values.upperBound), by: step))
        }
        var last = try number(ends[1], of: item)
        // A range may end on Sunday, which is 0 as a name; the number says which one is meant.
        if unit == .dayOfWeek, last == 0, first > 0, ends[1].first?.isLetter == true { last = 7 }
        guard first <= last else {
            let named = ends[0].first?.isLetter == true
            throw refusal(of: item, "goes backwards", write: unwrapped(first, last, step, named: named))
        }
        return Array(stride(from: first, through: last, by: step ?? 1))
    }

    /// What to write for a range that goes over the end of the field.
    private func unwrapped(_ first: Int, _ last: Int, _ step: Int?, named: Bool) -> String {
        let (low, high) = (unit.values.lowerBound, unit.values.upperBound)
        if named || step != nil {
            let count = unit.values.count
            let numbers = stride(from: first, through: last + count, by: step ?? 1).map { ($0 - low) % count + low }
            return numbers.map { named ? unit.names[$0 - low] : String($0) }.joined(separator: ",")
        }
        let ranges = [(first, high), (low, last)].filter { $0.0 <= $0.1 }
        return ranges.map { $0 == $1 ? "\($0)" : "\($0)-\($1)" }.joined(separator: ",")
    }

    /// Reads a number or a name.
    private func number(_ text: Substring, of item: Substring) throws(WorkError) -> Int {
        if let index = unit.names.firstIndex(of: text.uppercased()) { return unit.values.lowerBound + index }
        guard let number = Self.decimal(text), unit.numbers.contains(number) else {
            throw refusal(of: item, "is not within \(unit.allowed)")
        }
        return number
    }

    /// Reads what stands after a slash.
    private func step(_ text: Substring, of item: Substring) throws(WorkError) -> Int {
        guard let step = Self.decimal(text), (1...unit.values.count).contains(step) else {
            throw refusal(of: item, "has a step that is not within 1 to \(unit.values.count)", write: "*/2")
        }
        return step
    }

    /// Reads a number of ASCII digits; `nil` also where it is too large for any field.
    private static func decimal(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }

    /// Refuses what other schedulers have and cron does not: `?`, `#`, `L` and `W`.
    private func refuseExtensions(_ item: Substring) throws(WorkError) {
        if item.contains("?") { throw refusal(of: item, "has \"?\", which only other schedulers know", write: "*") }
        if item.contains("#") {
            throw refusal(of: item, "has \"#\": the nth weekday of a month cannot be said; check the date in the job")
        }
        let text = item.uppercased()
        let marked = text.last == "L" || text.last == "W" || text.hasPrefix("L-")
        let rest = text.prefix { $0 != "L" && $0 != "W" }
        guard marked, !unit.names.contains(text), rest.allSatisfy(\.isNumber) || unit.names.contains(String(rest))
        else {
            return
        }
        let what = text.contains("W") ? "\"W\": the nearest working day" : "\"L\": the last day"
        throw refusal(of: item, "has \(what) of a month cannot be said; check the date in the job")
    }
}
