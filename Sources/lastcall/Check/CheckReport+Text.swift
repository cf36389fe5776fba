import LastCall

extension CheckReport {
    /// The report for people: the plan, a table for each file, what to change, and the outcome.
    ///
    /// Ends with a newline.
    var text: String {
        var blocks = checks.isEmpty ? [] : [planLine]
        for file in checks.map(\.service.file).uniqued() {
            let ofFile = checks.filter { $0.service.file == file }
            let platforms = ofFile.map(\.service.platform.title).uniqued().joined(separator: ", ")
            let rows = [Self.header] + ofFile.map(Self.row)
            blocks.append("\(file) (\(platforms))\n\(Self.aligned(rows))")
        }
        for (title, severity) in [("To change:", Finding.Severity.problem), ("Advice:", .advice)] {
            let found = findings(severity)
            guard !found.isEmpty else { continue }
            let lines = found.flatMap { ["  \($0.headline)"] + Self.wrapped($0.detail ?? "") }
            blocks.append(([title] + lines).joined(separator: "\n"))
        }
        blocks.append(outcome)
        return blocks.joined(separator: "\n\n") + "\n"
    }

    /// The errors for people, one a line.
    var failureText: String { failures.map { "error: \($0)\n" }.joined() }

    private var planLine: String {
        guard let plan = options.plan else {
            return
                "no plan given: the files are checked by themselves; add --budget or --plan to hold a plan against them"
        }
        return "plan (\(plan.origin)): \(plan.explanation)"
    }

    private var outcome: String {
        let bad = checks.count { $0.verdict == .doesNotFit }
        let services = checks.count == 1 ? "1 service" : "\(checks.count) services"
        let verb = bad == 1 ? "does" : "do"
        var text =
            if checks.isEmpty {
                "Nothing was checked"
            } else if bad > 0 {
                checks.count == 1 ? "The service does not fit" : "\(bad) of \(services) \(verb) not fit"
            } else if options.plan == nil {
                "No plan was given; nothing in \(services) contradicts itself"
            } else {
                checks.count == 1 ? "The service fits" : "All \(services) fit"
            }
        if !failures.isEmpty {
            text += failures.count == 1 ? "; 1 error, see above" : "; \(failures.count) errors, see above"
        }
        return text + "."
    }

    private static let header = ["service", "grace", "preStop", "reserve", "left", "stages", "verdict"]

    private static func row(_ check: ServiceCheck) -> [String] {
        let window = check.window
        let note =
            if check.isStatedWindow {
                " \(check.service.statedGraceName)"
            } else {
                switch check.service.grace.source {
                case .stated: ""
                case .assumed: " default"
                case .fixed: " fixed"
                }
            }
        let preStop = window?.preStop ?? .zero
        return [
            check.service.name,
            (window.map { DurationText.format($0.grace) } ?? "no limit") + note,
            check.isHookUnknown ? "?" : preStop > .zero ? DurationText.format(preStop) : "-",
            window.map { DurationText.format($0.reserve) } ?? "-",
            window.map { DurationText.format($0.left) } ?? "no limit",
            check.stages ?? "-",
            check.verdict.text,
        ]
    }

    /// Text in lines of at most a hundred columns, indented by six.
    ///
    /// Headlines are not wrapped: they are for grep.
    private static func wrapped(_ text: String) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= 100 {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append("      \(word)")
            }
        }
        return lines
    }

    /// Columns two spaces apart, the whole table indented by two.
    private static func aligned(_ rows: [[String]]) -> String {
        let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return "  " + String(cells.joined(separator: "  ").reversed().drop(while: { $0 == " " }).reversed())
        }
        .joined(separator: "\n")
    }
}

extension Sequence where Element: Hashable {
    /// The elements in order, each once.
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
