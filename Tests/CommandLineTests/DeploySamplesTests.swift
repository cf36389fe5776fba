import Foundation
import Testing

@testable import lastcall

/// The files in `Deploy`, which people copy.
@Suite("Deployment samples")
struct DeploySamplesTests {
    static let names = ["compose.yml", "kubernetes.yml", "lastcall.service", "Procfile"]

    /// Checks a sample with the plan that its own first lines name.
    private static func report(on name: String, changing: (String) -> String = { $0 }) throws -> CheckReport {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Deploy")
        let text = changing(try String(contentsOf: folder.appending(path: name), encoding: .utf8))
        let command = try #require(text.firstMatch(of: #/Checked with: lastcall check Deploy/(\S+)(.*)/#))
        #expect(command.1 == name)
        return try checking(name, text, budgets: command.2.matches(of: #/--budget (\S+)/#).map { String($0.1) })
    }

    @Test("B15 P33 the plan fits every shipped sample, and there is nothing to advise", arguments: names)
    func fits(name: String) throws {
        let report = try Self.report(on: name)
        #expect(report.exitCode == 0)
        #expect(report.options.plan != nil)
        #expect(report.problems + report.advice + report.errors == [])
    }

    @Test(
        "B15 P33 a sample that grants less is found out",
        arguments: ["compose.yml", "kubernetes.yml", "lastcall.service"])
    func doesNotFit(name: String) throws {
        let report = try Self.report(on: name) { text in
            text.replacing(#/(stop_grace_period: |TimeoutStopSec=|terminationGracePeriodSeconds: )\d+/#) { "\($0.1)20" }
        }
        #expect(report.exitCode == 1)
        #expect(!report.problems.isEmpty)
    }
}
