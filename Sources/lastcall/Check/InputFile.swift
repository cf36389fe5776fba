import LastCall

/// One file's name and bytes, and how to tell what it is.
struct InputFile: Sendable {
    /// The formats that are understood.
    enum Format: Sendable, Equatable {
        /// A compose file or Kubernetes manifests; the documents' keys say which.
        case yaml
        /// A systemd unit or drop-in.
        case systemdUnit
        /// A Procfile.
        case procfile
    }

    /// The name as it was given on the command line.
    let name: String
    /// What is in it.
    let bytes: [UInt8]
    /// What should have been named, for errors.
    var wanted = "a deployment file"

    /// The last part of the name.
    var baseName: String { name.split(separator: "/").last.map(String.init) ?? name }

    /// The text without byte order mark and with `\n` between lines.
    func text() throws(CheckError) -> String {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw failure(.malformed, "is UTF-16 text; save it as UTF-8")
        }
        if let position = bytes.firstIndex(of: 0) {
            throw failure(.malformed, "is a binary file (byte \(position + 1) is 0); name \(wanted)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw failure(.malformed, "is not UTF-8 text; save it as UTF-8")
        }
        let lines = text.split(separator: "\u{FEFF}", maxSplits: 1, omittingEmptySubsequences: false)
        let body = lines.count == 2 && lines[0].isEmpty ? String(lines[1]) : text
        guard !body.trimmingSpaces().isEmpty else {
            throw failure(.nothingToCheck, "is empty; name \(wanted)")
        }
        // "\r\n" is one Character.
        return String(body.map { $0 == "\r\n" ? "\n" : $0 })
    }

    /// What the file is: by its name where that decides, else by its first lines.
    func format(of text: String) -> Format {
        if baseName == "Procfile" || baseName.hasPrefix("Procfile.") { return .procfile }
        if baseName.hasSuffix(".service") { return .systemdUnit }
        if [".yml", ".yaml", ".json"].contains(where: baseName.hasSuffix) { return .yaml }
        let lines = text.split(separator: "\n").map { $0.trimmingSpaces() }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") && !$0.hasPrefix(";") }
        if let first = lines.first, first.hasPrefix("["), first.hasSuffix("]"), !first.contains(",") {
            return .systemdUnit
        }
        // A Procfile has a command behind every colon; YAML that fits on such lines names itself.
        let names = lines.map { Procfile.entry($0)?.name }
        let isProcfile = !names.contains(nil) && !names.contains("services") && !names.contains("apiVersion")
        return isProcfile && !names.isEmpty ? .procfile : .yaml
    }

    /// What the file says, whatever its format is.
    func interpreted() -> FileReading {
        do {
            let text = try text()
            let reading =
                switch format(of: text) {
                case .procfile: try Procfile.read(text, of: self)
                case .systemdUnit: try SystemdUnit.read(text, of: self)
                case .yaml: try DeploymentYAML.read(text, of: self)
                }
            return reading
        } catch {
            return FileReading(failures: [error])
        }
    }

    /// An error about this file.
    func failure(
        _ code: CheckError.Code, line: Int? = nil, key: String? = nil, value: String? = nil, _ message: String
    ) -> CheckError {
        CheckError(code: code, file: name, line: line, key: key, value: value, message: message)
    }

    /// An error about a variable's value.
    func variableFailure(line: Int?, key: String, value: String) -> CheckError {
        failure(.invalidValue, line: line, key: key, value: value, "is not a duration; write for example 30s or 1m30s")
    }
}
