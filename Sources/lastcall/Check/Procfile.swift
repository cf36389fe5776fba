import LastCall

/// Reads a Procfile: one process type a line, `name: command`.
/// https://devcenter.heroku.com/articles/procfile
enum Procfile {
    /// The name and the command of a line, or `nil` where it is not an entry.
    static func entry(_ line: some StringProtocol) -> (name: String, command: String)? {
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let name = line[..<colon]
        let command = line[line.index(after: colon)...].trimmingSpaces()
        let isName =
            !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-".contains($0)) }
        return isName && !command.isEmpty ? (String(name), command) : nil
    }

    /// Reads all process types.
    static func read(_ text: String, of file: InputFile) throws(CheckError) -> FileReading {
        var reading = FileReading()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.trimmingSpaces()
            if content.isEmpty || content.hasPrefix("#") { continue }
            guard let (name, command) = entry(content) else {
                throw file.failure(
                    .malformed, line: index + 1, value: content,
                    "is not an entry of a Procfile; write name: command, the name of letters, digits, - and _"
                )
            }
            reading.add(named: [name]) { () throws(CheckError) in try service(name, command, line: index + 1, of: file)
            }
        }
        guard !reading.services.isEmpty || !reading.failures.isEmpty else {
            throw file.failure(.nothingToCheck, "holds no process type; write for example web: ./server")
        }
        return reading
    }

    private static func service(
        _ name: String, _ command: String, line: Int, of file: InputFile
    ) throws(CheckError) -> DeclaredService {
        let fixed = DeploymentKind.procfile.defaultGrace
        var service = DeclaredService(
            file: file.name, platform: .procfile, name: name, names: [name],
            grace: .init(length: TimeSpan(fixed.duration), source: fixed.source, key: name, line: line),
            environmentKey: name, environmentLine: line, hasUnseenEnvironment: true
        )
        for (variable, value) in CommandWords(words: ShellWords.split(command)).assignments {
            guard variable == "LASTCALL_GRACE" || variable == "LASTCALL_PRESTOP" else { continue }
            guard let length = DurationText.parse(value) else {
                throw file.variableFailure(line: line, key: "\(name) \(variable)", value: value)
            }
            let stated = DeclaredService.Variable(value: length, line: line)
            if variable == "LASTCALL_GRACE" { service.statedGrace = stated } else { service.statedPreStop = stated }
        }
        service.readGraceOption(ShellWords.split(command), line: line, key: name)
        return service
    }
}
