import LastCall

/// Reads the services of a compose file. https://docs.docker.com/reference/compose-file/services/
struct ComposeFile {
    /// The file that errors and findings name.
    let file: InputFile

    /// Reads what stands under `services:`.
    func read(_ services: YAMLNode.Pair, into reading: inout FileReading) throws(CheckError) {
        guard let entries = services.value.pairs, !entries.isEmpty else {
            throw file.failure(
                .nothingToCheck, line: services.line, key: "services",
                "holds \(services.value.pairs == nil ? services.value.kindName : "no service"); write at least one service below it"
            )
        }
        for entry in entries {
            reading.add(named: [entry.key]) { () throws(CheckError) in try service(entry) }
        }
    }

    private func service(_ entry: YAMLNode.Pair) throws(CheckError) -> DeclaredService {
        let path = "services.\(entry.key)"
        let body = entry.value
        guard body.pairs != nil || body.isNull else {
            throw file.failure(.malformed, line: entry.line, key: path, "must be a mapping, this is \(body.kindName)")
        }
        let environment = body.pair("environment")
        var service = DeclaredService(
            file: file.name, platform: .compose, name: entry.key, names: [entry.key],
            grace: .init(
                length: TimeSpan(DeploymentKind.compose.defaultGrace.duration),
                source: DeploymentKind.compose.defaultGrace.source,
                key: "\(path).stop_grace_period", line: entry.line
            ),
            environmentKey: "\(path).environment.", environmentLine: environment?.line ?? entry.line,
            hasUnseenEnvironment: body["env_file"] != nil
        )
        if let pair = body.pair("stop_grace_period") { try readGrace(pair, path, into: &service) }
        for (name, pair) in try variables(environment, path) {
            let value = try resolve(pair.value, key: "\(path).environment.\(name)", line: pair.line, into: &service)
            guard let length = DurationText.parse(value) else {
                throw file.variableFailure(line: pair.line, key: "\(path).environment.\(name)", value: value)
            }
            let stated = DeclaredService.Variable(value: length, line: pair.line)
            if name == "LASTCALL_GRACE" { service.statedGrace = stated } else { service.statedPreStop = stated }
        }
        let words = ["entrypoint", "command"].flatMap { Self.words(body[$0]) }
        let place = Self.words(body["entrypoint"]).contains { $0.hasPrefix("--grace") } ? "entrypoint" : "command"
        service.readGraceOption(words, line: body.pair(place)?.line, key: "\(path).\(place)")
        if let signal = body.pair("stop_signal"), let text = signal.value.text {
            service.remark(onStopSignal: text, line: signal.line, key: "\(path).stop_signal")
        }
        addShellRemark(body, path, into: &service)
        if let extends = body.pair("extends") {
            service.remark(
                line: extends.line, key: "\(path).extends",
                "is not followed here; check the output of docker compose config instead, which has everything in one place."
            )
        }
        return service
    }

    private func readGrace(
        _ pair: YAMLNode.Pair, _ path: String, into service: inout DeclaredService
    ) throws(CheckError) {
        let key = "\(path).stop_grace_period"
        let text = try resolve(pair.value.text, pair.value, key: key, line: pair.line, into: &service)
        guard let length = TimeSpan(text, in: .compose) else {
            let isNumber = !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber }
            throw file.failure(
                .invalidValue, line: pair.line, key: key, value: text,
                isNumber
                    ? "has no unit, which compose refuses; write \(text)s"
                    : "is not a duration; write for example 30s or 1m30s"
            )
        }
        service.grace = .init(length: length, source: .stated, key: key, line: pair.line)
    }

    /// The `LASTCALL_` variables of an environment, written as a mapping or as a list of `NAME=value`.
    private func variables(
        _ environment: YAMLNode.Pair?, _ path: String
    ) throws(CheckError) -> [(name: String, pair: (value: String?, line: Int))] {
        guard let environment else { return [] }
        let known = ["LASTCALL_GRACE", "LASTCALL_PRESTOP"]
        if let pairs = environment.value.pairs {
            return pairs.filter { known.contains($0.key) }.map { ($0.key, (value: $0.value.text, line: $0.line)) }
        }
        guard let elements = environment.value.elements else {
            throw file.failure(
                .malformed, line: environment.line, key: "\(path).environment",
                "must be a mapping or a list of NAME=value, this is \(environment.value.kindName)"
            )
        }
        return elements.compactMap { element in
            let parts = (element.text ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first.map(String.init), known.contains(name) else { return nil }
            return (name, (value: parts.count == 2 ? String(parts[1]) : nil, line: element.line))
        }
    }

    /// A variable's text.
    ///
    /// Without a value compose passes the variable on from its own environment.
    private func resolve(
        _ text: String?, key: String, line: Int, into service: inout DeclaredService
    ) throws(CheckError) -> String {
        guard let text else {
            throw file.failure(
                .invalidValue, line: line, key: key,
                "comes from the environment of docker compose; write the value here"
            )
        }
        return try interpolate(text, key: key, line: line, into: &service)
    }

    private func resolve(
        _ text: String?, _ node: YAMLNode, key: String, line: Int, into service: inout DeclaredService
    ) throws(CheckError) -> String {
        guard let text else {
            throw file.failure(
                .invalidValue, line: line, key: key, "must be a duration such as 30s, this is \(node.kindName)")
        }
        return try interpolate(text, key: key, line: line, into: &service)
    }

    /// `${NAME:-30s}` and `${NAME-30s}` stand for what follows unless NAME is set; nothing else can be known here.
    /// https://docs.docker.com/reference/compose-file/interpolation/
    private func interpolate(
        _ text: String, key: String, line: Int, into service: inout DeclaredService
    ) throws(CheckError) -> String {
        guard text.contains("$") else { return text }
        if text.hasPrefix("${"), text.hasSuffix("}"), let dash = text.firstIndex(of: "-"),
            text.count(where: { $0 == "$" }) == 1
        {
            let name = text[text.index(text.startIndex, offsetBy: 2)..<dash].filter { $0 != ":" }
            let value = String(text[text.index(after: dash)...].dropLast())
            service.remark(
                line: line, key: key, "depends on $\(name); checked with \(value), which holds where it is not set."
            )
            return value
        }
        throw file.failure(
            .invalidValue, line: line, key: key, value: text,
            "depends on the environment; write \(text.hasSuffix("}") ? "${NAME:-30s}" : "a value"), or check the output of"
                + " docker compose config"
        )
    }

    /// The words of a command, which is a list or a string.
    private static func words(_ node: YAMLNode?) -> [String] {
        node?.elements.map { $0.compactMap(\.text) } ?? ShellWords.split(node?.text ?? "")
    }

    /// Unlike a Dockerfile's CMD, a string here is split into words and run without a shell
    /// (https://docs.docker.com/reference/compose-file/services/#command), so only a shell that is written out counts.
    private func addShellRemark(_ body: YAMLNode, _ path: String, into service: inout DeclaredService) {
        for key in ["entrypoint", "command"] {
            guard let pair = body.pair(key) else { continue }
            let words = Self.words(pair.value)
            guard let advice = CommandWords(words: words).adviceAgainstShell else { continue }
            let hasInit = ["true", "yes", "on"].contains(body["init"]?.text?.lowercased() ?? "")
            service.remark(
                line: pair.line, key: "\(path).\(key)", current: "run by a shell", suggested: advice,
                hasInit
                    ? "init: true hands SIGTERM to the shell, which does not pass it on to the program."
                    : CommandWords.shellAsFirstProcess
            )
        }
    }
}
