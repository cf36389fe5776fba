import LastCall

/// Reads a YAML or JSON file: compose files and Kubernetes manifests, told apart by the keys of each document.
enum DeploymentYAML {
    /// Reads all documents.
    static func read(_ text: String, of file: InputFile) throws(CheckError) -> FileReading {
        let documents: [YAMLNode]
        do {
            documents = try YAMLReader.documents(in: Array(text.utf8))
        } catch {
            let hint = text.contains("{{") ? "; render the template first, for example with helm template" : ""
            throw file.failure(.malformed, line: error.line, error.message + hint)
        }

        var reading = FileReading()
        var kinds: [String] = []
        for document in documents where !document.isNull {
            guard document.pairs != nil else {
                throw file.failure(
                    .malformed, line: document.line, "is \(document.kindName), not a compose file or a manifest")
            }
            if let kind = document["kind"]?.text, document["apiVersion"] != nil {
                kinds.append(kind)
                try KubernetesManifest(file: file).read(document, into: &reading)
            } else if let services = document.pairs?.first(where: { $0.key == "services" }) {
                try ComposeFile(file: file).read(services, into: &reading)
            } else {
                throw file.failure(
                    .malformed, line: document.line,
                    "is neither a compose file (no services:) nor a Kubernetes manifest (no apiVersion: and kind:)"
                )
            }
        }
        guard !reading.services.isEmpty || !reading.failures.isEmpty else {
            let found = kinds.isEmpty ? "" : " (found: \(kinds.joined(separator: ", ")))"
            throw file.failure(
                .nothingToCheck,
                "holds no service\(found); name a file with a compose service or a workload such as a Deployment"
            )
        }
        return reading
    }
}
