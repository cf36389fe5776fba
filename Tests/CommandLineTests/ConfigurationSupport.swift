import Foundation

@testable import lastcall

/// Reads a configuration that exists only here, in the directory `/work`.
func configuration(_ text: String) throws(ConfigurationErrors) -> WorkConfiguration {
    try WorkConfiguration(
        InputFile(name: "lastcall.yml", bytes: Array(text.utf8), wanted: "a configuration"), in: BaseDirectory("/work"))
}

/// Reads the only task of a configuration; `keys` are lines below `tasks.t`, beside a command unless they hold one.
func task(_ keys: String) throws(ConfigurationErrors) -> TaskDefinition {
    let command = keys.contains("command:") ? "" : "    command: [\"true\"]\n"
    let lines = keys.split(separator: "\n").map { "    \($0)\n" }.joined()
    return try configuration("tasks:\n  t:\n\(command)\(lines)").task(named: "t")
}

/// Reads a workflow file that exists only here.
func workflow(_ text: String) throws(ConfigurationErrors) -> WorkflowFile {
    try WorkflowFile(InputFile(name: "flow.yml", bytes: Array(text.utf8), wanted: "a workflow file"))
}

/// The errors of a reading as they are printed, without the file's name.
func errors<Value>(_ read: () throws(ConfigurationErrors) -> Value) -> [String] {
    do {
        _ = try read()
        return []
    } catch {
        return error.description.split(separator: "\n").map {
            String($0.replacing(#/^(lastcall|flow)\.yml:(?=\d)/#, with: ""))
        }
    }
}

/// A file of the repository.
func repositoryFile(_ path: String) throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: path), encoding: .utf8)
}
