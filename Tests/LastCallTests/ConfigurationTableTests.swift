import Foundation
import LastCall
import Testing

/// The table of environment variables in the documentation.
@Suite("Configuration table")
struct ConfigurationTableTests {
    /// The rows below the heading `| variable | what | default | unit |`, cell by cell.
    private static func rows(of text: String) -> [[String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let heading = lines.firstIndex(of: "| variable | what | default | unit |") else { return [] }
        return lines[(heading + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test("P32 every environment variable is documented with its default and unit, and no other")
    func tableAndCode() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = root.appending(path: "Sources/LastCall/LastCall.docc/Configuration.md")
        let documented = Self.rows(of: try String(contentsOf: page, encoding: .utf8))
        let expected = EnvironmentKey.allCases.map { ["`\($0.rawValue)`", $0.summary, $0.defaultValue, $0.unit] }
        #expect(documented == expected)
    }
}
