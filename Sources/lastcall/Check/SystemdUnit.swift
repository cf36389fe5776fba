import LastCall

/// Reads the `[Service]` section of a systemd unit.
///
/// Syntax: systemd.syntax(7); meaning: systemd.service(5),
/// systemd.kill(5), systemd.exec(5), all of systemd 252.
struct SystemdUnit {
    /// One assignment, continuation lines joined.
    private struct Assignment {
        let key: String
        let value: String
        let line: Int
    }

    private let file: InputFile
    /// The line of `[Service]`.
    private let sectionLine: Int
    /// The assignments of `[Service]`, in order.
    ///
    /// Later ones override or add, as each key says.
    private let assignments: [Assignment]

    /// Reads a unit.
    static func read(_ text: String, of file: InputFile) throws(CheckError) -> FileReading {
        let unit = try SystemdUnit(text, of: file)
        var reading = FileReading()
        reading.add(named: unit.names) { () throws(CheckError) in try unit.service() }
        return reading
    }

    private init(_ text: String, of file: InputFile) throws(CheckError) {
        var section = ""
        var sectionLine: Int?
        var assignments: [Assignment] = []
        for (line, content) in Self.logicalLines(text) {
            if content.hasPrefix("[") {
                guard content.hasSuffix("]") else {
                    throw file.failure(
                        .malformed, line: line, value: content, "is not a section; write for example [Service]")
                }
                section = String(content.dropFirst().dropLast())
                if section == "Service" && sectionLine == nil { sectionLine = line }
                continue
            }
            guard let equals = content.firstIndex(of: "="), !section.isEmpty else {
                throw file.failure(
                    .malformed, line: line, value: String(content.prefix(60)),
                    "is not an assignment in a section; write Key=value below [Service]"
                )
            }
            guard section == "Service" else { continue }
            let key = content[..<equals].trimmingSpaces()
            assignments.append(
                Assignment(key: key, value: content[content.index(after: equals)...].trimmingSpaces(), line: line)
            )
        }
        guard let sectionLine else {
            throw file.failure(.nothingToCheck, "holds no [Service] section; name the unit that starts the service")
        }
        self.file = file
        self.sectionLine = sectionLine
        self.assignments = assignments
    }

    /// Lines with their numbers, without comments and empty ones; a backslash at the end joins the next line, and comments
    /// in between are skipped.
    private static func logicalLines(_ text: String) -> [(line: Int, content: String)] {
        var found: [(line: Int, content: String)] = []
        var open: (line: Int, content: String)?
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = raw.trimmingSpaces()
            if content.hasPrefix("#") || content.hasPrefix(";") || (content.isEmpty && open == nil) { continue }
            let isContinued = content.hasSuffix("\\")
            let part = isContinued ? String(content.dropLast()) : content
            let joined = open.map { ($0.line, $0.content + " " + part) } ?? (index + 1, part)
            if isContinued { open = joined } else { found.append(joined) }
            if !isContinued { open = nil }
        }
        return found + (open.map { [$0] } ?? [])
    }

    private var name: String { file.baseName }

    private var names: [String] {
        name.hasSuffix(".service") ? [name, String(name.dropLast(".service".count))] : [name]
    }

    private func service() throws(CheckError) -> DeclaredService {
        var service = DeclaredService(
            file: file.name, platform: .systemd, name: name, names: names, grace: try grace(),
            environmentKey: "Environment=", environmentLine: sectionLine,
            hasUnseenEnvironment: last("EnvironmentFile") != nil || last("PassEnvironment") != nil
        )
        service.statedGrace = try variable("LASTCALL_GRACE")
        service.statedPreStop = try variable("LASTCALL_PRESTOP")
        if let start = last("ExecStart") {
            service.readGraceOption(ShellWords.split(start.value), line: start.line, key: "ExecStart")
        }
        addKillRemarks(to: &service)
        addExitStatusRemarks(to: &service)
        addNotifyRemarks(to: &service)
        return service
    }

    /// TimeoutStopSec=, or TimeoutSec= which sets it too; the later one counts.
    private func grace() throws(CheckError) -> DeclaredService.Grace {
        guard let found = assignments.last(where: { $0.key == "TimeoutStopSec" || $0.key == "TimeoutSec" }) else {
            let fallback = DeploymentKind.systemd.defaultGrace
            return .init(
                length: TimeSpan(fallback.duration), source: fallback.source, key: "TimeoutStopSec", line: sectionLine
            )
        }
        guard let length = TimeSpan(found.value, in: .systemd) else {
            throw file.failure(
                .invalidValue, line: found.line, key: found.key, value: found.value,
                "is not a time span; write for example 45s, 1min 30s or infinity"
            )
        }
        // load-fragment.c, config_parse_sec_fix_0(): 0 turns the timeout off, as it did before there was "infinity".
        let limit = length.duration == .zero ? TimeSpan(nil) : length
        return .init(length: limit, source: .stated, key: found.key, line: found.line)
    }

    /// systemd.exec(5), Environment=: unquoted words NAME=value, later ones win, an empty value forgets all.
    private func variable(_ name: String) throws(CheckError) -> DeclaredService.Variable? {
        var found: DeclaredService.Variable?
        for assignment in assignments where assignment.key == "Environment" {
            if assignment.value.isEmpty { found = nil }
            for word in ShellWords.split(assignment.value) where word.hasPrefix("\(name)=") {
                let value = String(word.dropFirst(name.count + 1))
                guard let length = DurationText.parse(value) else {
                    throw file.variableFailure(line: assignment.line, key: "Environment=\(name)", value: value)
                }
                found = .init(value: length, line: assignment.line)
            }
        }
        return found
    }

    private func addKillRemarks(to service: inout DeclaredService) {
        let mode = last("KillMode")
        switch mode?.value ?? "control-group" {
        case "mixed": break
        case "control-group":
            service.remark(
                line: mode?.line ?? sectionLine, key: "KillMode", current: current(mode, fallback: "control-group"),
                suggested: "mixed",
                "systemd sends SIGTERM to every process of the unit, so commands die that the service wants to finish;"
                    + " with mixed only the service is told, and whatever is left is killed when it has exited."
            )
        default:
            service.remark(
                line: mode?.line, key: "KillMode", current: mode?.value, suggested: "mixed",
                "Processes that the service leaves behind live on after the stop (systemd.kill(5) advises against it)."
            )
        }
        if let signal = last("KillSignal") {
            service.remark(onStopSignal: signal.value, line: signal.line, key: "KillSignal")
        }
    }

    private func addExitStatusRemarks(to service: inout DeclaredService) {
        let success = last("SuccessExitStatus")
        if !holds("SuccessExitStatus", ["75", "TEMPFAIL"], ["143"]) {
            service.remark(
                line: success?.line ?? sectionLine, key: "SuccessExitStatus", current: current(success),
                suggested: "75 143",
                "75 says that something was cut and listed, 143 that a program ended by SIGTERM; neither is a failed unit."
            )
        }
        // Without Restart= nothing is restarted, and nothing needs preventing.
        guard let restart = last("Restart")?.value, restart != "no", !restart.isEmpty else { return }
        let prevent = last("RestartPreventExitStatus")
        if !holds("RestartPreventExitStatus", ["64", "USAGE"], ["78", "CONFIG"]) {
            service.remark(
                line: prevent?.line ?? sectionLine, key: "RestartPreventExitStatus", current: current(prevent),
                suggested: "64 78", "Bad usage and bad configuration do not get better by starting again."
            )
        }
    }

    private func addNotifyRemarks(to service: inout DeclaredService) {
        let type = last("Type")
        let access = last("NotifyAccess")
        let speaks = type.map { $0.value.hasPrefix("notify") } ?? false
        // Type=notify makes NotifyAccess=main of none; any other type leaves it at none (systemd.service(5)).
        guard !speaks, access == nil || access?.value == "none", last("WatchdogSec") == nil else { return }
        service.remark(
            line: type?.line ?? sectionLine, key: "Type", current: current(type, fallback: "simple"),
            suggested: "notify",
            "systemd then waits for readiness and hears when a stop begins; otherwise NOTIFY_SOCKET is not even set."
        )
    }

    private func last(_ key: String) -> Assignment? { assignments.last { $0.key == key } }

    private func current(_ assignment: Assignment?, fallback: String? = nil) -> String {
        guard let assignment else { return fallback.map { "\($0), the default" } ?? "not set" }
        return assignment.value.isEmpty ? "empty" : assignment.value
    }

    /// Whether a list of exit statuses holds one of each group.
    ///
    /// Assignments are merged, an empty one forgets all.
    private func holds(_ key: String, _ groups: [String]...) -> Bool {
        var statuses: Set<String> = []
        for assignment in assignments where assignment.key == key {
            let words = ShellWords.split(assignment.value)
            if words.isEmpty { statuses = [] } else { statuses.formUnion(words) }
        }
        return groups.allSatisfy { !statuses.isDisjoint(with: $0) }
    }
}
