import LastCall

/// Reads the containers of Kubernetes workloads.
/// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
struct KubernetesManifest {
    /// Where each kind keeps its pod.
    ///
    /// Kinds that are not here hold no containers that we know of, and are skipped.
    private static let podPaths: [String: [String]] = [
        "Pod": ["spec"],
        "Deployment": ["spec", "template", "spec"],
        "StatefulSet": ["spec", "template", "spec"],
        "DaemonSet": ["spec", "template", "spec"],
        "ReplicaSet": ["spec", "template", "spec"],
        "ReplicationController": ["spec", "template", "spec"],
        "Job": ["spec", "template", "spec"],
        "CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
    ]

    /// A pod and what its containers share.
    private struct Pod {
        /// The pod's spec.
        let spec: YAMLNode
        /// The line of the key `spec`.
        let line: Int
        /// `Deployment/web`.
        let workload: String
        /// The workload's name alone.
        let workloadName: String
        /// `Deployment/web spec.template.spec`.
        let path: String
    }

    /// The file that errors and findings name.
    let file: InputFile

    /// Reads one document: a workload, a list of them, or something else, which is skipped.
    func read(_ document: YAMLNode, into reading: inout FileReading) throws(CheckError) {
        guard let kind = document["kind"]?.text else { return }
        if kind == "List" {
            for item in document["items"]?.elements ?? [] { try read(item, into: &reading) }
            return
        }
        guard let path = Self.podPaths[kind] else { return }
        let metadata = document["metadata"]
        let name = metadata?["name"]?.text ?? metadata?["generateName"]?.text ?? "unnamed"
        let workload = "\(kind)/\(name)"

        var spec = document
        var line = document.line
        for key in path {
            guard let pair = spec.pair(key), pair.value.pairs != nil else {
                let failure = file.failure(
                    .malformed, line: line, key: "\(workload) \(path.joined(separator: "."))",
                    "is missing or not a mapping; a \(kind) needs it"
                )
                return reading.addFailure(failure, about: [name, workload])
            }
            (spec, line) = (pair.value, pair.line)
        }
        let pod = Pod(
            spec: spec, line: line, workload: workload, workloadName: name,
            path: "\(workload) \(path.joined(separator: "."))"
        )
        guard let containers = spec["containers"]?.elements, !containers.isEmpty else {
            let failure = file.failure(
                .malformed, line: line, key: "\(pod.path).containers",
                "is missing or empty; a \(kind) needs at least one"
            )
            return reading.addFailure(failure, about: [name, workload])
        }
        for (index, container) in containers.enumerated() {
            let containerName = container["name"]?.text ?? "\(index)"
            reading.add(named: [containerName, name, workload]) { () throws(CheckError) in
                try service(container, named: containerName, in: pod)
            }
        }
    }

    private func service(
        _ container: YAMLNode, named name: String, in pod: Pod
    ) throws(CheckError) -> DeclaredService {
        let path = "\(pod.workload) containers.\(name)"
        guard container.pairs != nil else {
            throw file.failure(
                .malformed, line: container.line, key: path, "must be a mapping, this is \(container.kindName)")
        }
        let environment = container.pair("env")
        var service = DeclaredService(
            file: file.name, platform: .kubernetes, name: "\(pod.workload) \(name)",
            names: [name, pod.workloadName, pod.workload], grace: try grace(of: pod),
            environmentKey: "\(path).env.", environmentLine: environment?.line ?? container.line,
            hasUnseenEnvironment: container["envFrom"] != nil
        )
        for variable in environment?.value.elements ?? [] {
            try readVariable(variable, path, into: &service)
        }
        if let hook = container["lifecycle"]?.pair("preStop") {
            service.preStop = try preStop(hook, key: "\(path).lifecycle.preStop")
        }
        let command = (container["command"]?.elements ?? []) + (container["args"]?.elements ?? [])
        service.readGraceOption(
            command.compactMap(\.text), line: (container.pair("command") ?? container.pair("args"))?.line,
            key: "\(path).command")
        if let advice = CommandWords(words: command.compactMap(\.text)).adviceAgainstShell {
            service.remark(
                line: container.pair("command")?.line, key: "\(path).command", current: "run by a shell",
                suggested: advice,
                CommandWords.shellAsFirstProcess
            )
        }
        return service
    }

    private func grace(of pod: Pod) throws(CheckError) -> DeclaredService.Grace {
        let key = "\(pod.path).terminationGracePeriodSeconds"
        guard let pair = pod.spec.pair("terminationGracePeriodSeconds") else {
            let fallback = DeploymentKind.kubernetes.defaultGrace
            return .init(length: TimeSpan(fallback.duration), source: fallback.source, key: key, line: pod.line)
        }
        let seconds = try wholeSeconds(pair, key: key)
        return .init(length: TimeSpan(seconds), source: .stated, key: key, line: pair.line)
    }

    /// An integer that is not negative; the API server takes neither `30s` nor `"30"`.
    private func wholeSeconds(_ pair: YAMLNode.Pair, key: String) throws(CheckError) -> Duration {
        let text = pair.value.text ?? pair.value.kindName
        let isNumber = !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber }
        guard isNumber, !pair.value.isQuoted, let seconds = Int(text), seconds <= 3_153_600_000 else {
            let meant = TimeSpan(text, in: .systemd)?.duration.map { Int($0.inSeconds.rounded(.up)) } ?? 30
            throw file.failure(
                .invalidValue, line: pair.line, key: key, value: text,
                "is not a whole number of seconds, without unit and quotes; write \(meant)"
            )
        }
        return .seconds(seconds)
    }

    private func readVariable(
        _ variable: YAMLNode, _ path: String, into service: inout DeclaredService
    ) throws(CheckError) {
        guard let name = variable["name"]?.text, name == "LASTCALL_GRACE" || name == "LASTCALL_PRESTOP" else { return }
        let key = "\(path).env.\(name)"
        guard let pair = variable.pair("value"), let text = pair.value.text else {
            service.hasUnseenEnvironment = true
            service.remark(
                line: variable.line, key: key,
                "has no value written here (valueFrom?), so it is not part of this check."
            )
            return
        }
        guard let length = DurationText.parse(text) else {
            throw file.variableFailure(line: pair.line, key: key, value: text)
        }
        if !pair.value.isQuoted && text.allSatisfy(\.isNumber) {
            service.remark(
                line: pair.line, key: key, current: text, suggested: "\"\(text)\"",
                "The API server takes only text here, and a bare number is not text."
            )
        }
        let stated = DeclaredService.Variable(value: length, line: pair.line)
        if name == "LASTCALL_GRACE" { service.statedGrace = stated } else { service.statedPreStop = stated }
    }

    /// The countdown of the grace period begins before the hook runs, so the hook's time is taken from the stages.
    ///
    /// https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/ ; `sleep` is KEP-3960, stable in 1.34.
    private func preStop(_ hook: YAMLNode.Pair, key: String) throws(CheckError) -> DeclaredService.PreStop {
        if let sleep = hook.value["sleep"] {
            guard let seconds = sleep.pair("seconds") else {
                throw file.failure(
                    .invalidValue, line: hook.line, key: "\(key).sleep.seconds", "is missing; write for example 5")
            }
            return .takes(try wholeSeconds(seconds, key: "\(key).sleep.seconds"))
        }
        if let exec = hook.value.pair("exec") {
            let words = (exec.value["command"]?.elements ?? []).compactMap(\.text)
            if let length = CommandWords(words: words).sleepLength { return .takes(length) }
            return .unknown(what: "a command", key: "\(key).exec", line: exec.line)
        }
        if let request = hook.value.pair("httpGet") {
            return .unknown(what: "an HTTP request", key: "\(key).httpGet", line: request.line)
        }
        return .unknown(what: "a hook", key: key, line: hook.line)
    }
}
