import LastCall
import LastCallTesting
import Testing

@testable import lastcall

/// Whatever the numbers are, what the report tells people to write must make the service fit.
struct ServiceExaminationTests {
    /// SplitMix64, https://prng.di.unimi.it/splitmix64.c: a failure prints its seed, which replays it.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var bits = state
            bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            return bits ^ (bits >> 31)
        }

        mutating func duration(_ range: ClosedRange<Int>) -> Duration {
            .milliseconds(Int.random(in: range, using: &self))
        }
    }

    private func service(_ random: inout Seeded) -> DeclaredService {
        let isStated = Bool.random(using: &random)
        let platform: DeploymentKind =
            isStated ? [.compose, .systemd, .kubernetes].randomElement(using: &random)! : .kubernetes
        let grace = isStated ? Duration.seconds(Int.random(in: 0...120, using: &random)) : .seconds(30)
        let isUnlimited = isStated && Int.random(in: 0..<10, using: &random) == 0
        var service = DeclaredService(
            file: "f", platform: platform, name: "s", names: ["s"],
            grace: .init(
                length: isUnlimited ? TimeSpan(nil) : TimeSpan(grace), source: isStated ? .stated : .assumed,
                key: "grace", line: 1
            ),
            environmentKey: "env."
        )
        if Bool.random(using: &random) { service.preStop = .takes(random.duration(0...60_000)) }
        if Bool.random(using: &random) { service.statedGrace = .init(value: random.duration(1...120_000)) }
        if Bool.random(using: &random) { service.statedPreStop = .init(value: random.duration(0...60_000)) }
        return service
    }

    private func options(_ random: inout Seeded) throws -> CheckOptions {
        var options = CheckOptions()
        if Int.random(in: 0..<4, using: &random) > 0 {
            let budgets = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                DurationText.format(random.duration(1...60_000))
            }
            options.plan = try StagePlan(budgets: budgets)
        }
        if Int.random(in: 0..<4, using: &random) == 0 { options.reserve = random.duration(0...5_000) }
        return options
    }

    /// The service after somebody wrote what the problems say.
    private func corrected(_ service: DeclaredService, by findings: [Finding]) throws -> DeclaredService {
        var service = service
        for finding in findings where finding.severity == .problem {
            let text = try #require(finding.suggested?.split(separator: " ").first.map(String.init))
            let value = try #require(DurationText.parse(text))
            switch finding.key {
            case "grace": service.grace.length = TimeSpan(value)
            case "env.LASTCALL_GRACE": service.statedGrace?.value = value
            case "env.LASTCALL_PRESTOP": service.statedPreStop = .init(value: value)
            default: Issue.record("unexpected key \(finding.key)")
            }
            if finding.key == "grace" { service.grace.source = .stated }
        }
        return service
    }

    @Test("B15 writing what the report says makes 5,000 random services fit, and nothing is said of those that fit")
    func suggestionsHelp() throws {
        for seed in UInt64(1)...5000 {
            var random = Seeded(state: seed)
            let service = service(&random)
            let options = try options(&random)
            let check = ServiceCheck(service, options: options)
            let after = ServiceCheck(try corrected(service, by: check.findings), options: options)
            #expect(
                after.verdict != .doesNotFit,
                "seed \(seed): \(check.findings.map(\.headline)), then \(after.findings.map(\.headline))"
            )
            #expect(
                check.findings.contains { $0.severity == .problem } == (check.verdict == .doesNotFit), "seed \(seed)")
        }
    }

    @Test("B15 a service fits exactly where the library itself would take the plan as it is")
    func sameArithmetic() throws {
        for seed in UInt64(1)...5000 {
            var random = Seeded(state: seed)
            var service = service(&random)
            (service.statedGrace, service.statedPreStop) = (nil, nil)
            let options = try options(&random)
            guard let grace = service.grace.length.duration, grace > .zero else { continue }
            var preStop = Duration.zero
            if case .takes(let length) = service.preStop { preStop = length }
            var isTaken = false
            do {
                let period = try GracePeriod(grace, source: .stated)
                _ = try PlanArithmetic(
                    grace: period, preStop: preStop, reserve: options.reserve, requests: options.plan?.requests ?? []
                )
                isTaken = true
            } catch {
                #expect(error.code == .planDoesNotFit, "seed \(seed)")
            }
            #expect((ServiceCheck(service, options: options).verdict != .doesNotFit) == isTaken, "seed \(seed)")
        }
    }
}
