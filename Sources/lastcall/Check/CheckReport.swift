import LastCall

/// Everything that `lastcall check` has to say, as values.
///
/// Rendering is beside it, reading and printing are elsewhere.
struct CheckReport: Sendable {
    /// What was asked.
    let options: CheckOptions
    /// The services, in the order of the files.
    let checks: [ServiceCheck]
    /// What could not be read or understood.
    let failures: [CheckError]

    /// Checks files.
    ///
    /// - Parameters:
    ///   - files: The files that could be read.
    ///   - unread: Why others could not, a plan among them.
    init(files: [InputFile], unread: [CheckError] = [], options: CheckOptions) {
        var failures = unread
        var services: [DeclaredService] = []
        for file in files {
            let reading = file.interpreted()
            services += reading.services
            failures += reading.failures
        }
        let asked = options.services
        if !asked.isEmpty {
            let known = services.flatMap(\.names) + failures.flatMap(\.serviceNames)
            let all = services.map(\.name)
            services.removeAll { $0.names.allSatisfy { !asked.contains($0) } }
            failures.removeAll { !$0.serviceNames.isEmpty && $0.serviceNames.allSatisfy { !asked.contains($0) } }
            for name in asked where !known.contains(name) {
                let hint = all.isEmpty ? "" : "; there are: \(all.joined(separator: ", "))"
                failures.append(
                    CheckError(
                        code: .nothingToCheck, file: "--service", value: name, message: "is in none of the files\(hint)"
                    )
                )
            }
        }
        self.options = options
        self.checks = services.map { ServiceCheck($0, options: options) }
        self.failures = failures
    }

    /// Everything to change, each once.
    ///
    /// Containers share their pod's grace period: the longest wish counts.
    func findings(_ severity: Finding.Severity) -> [Finding] {
        var found: [Finding] = []
        for finding in checks.flatMap(\.findings) where finding.severity == severity {
            let place = found.firstIndex { other in
                other == finding
                    || other.suggestedGrace != nil && other.file == finding.file && other.key == finding.key
            }
            if let place {
                if let longer = finding.suggestedGrace, longer > found[place].suggestedGrace ?? .zero {
                    found[place] = finding
                }
            } else {
                found.append(finding)
            }
        }
        return found
    }

    /// 78 where something could not be understood, 1 where something does not fit, else 0.
    var exitCode: Int32 {
        if !failures.isEmpty { return 78 }
        return checks.contains { $0.verdict == .doesNotFit } ? 1 : 0
    }
}
