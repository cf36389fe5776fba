import LastCall

/// Plays one random stop and checks what must hold for every stop.
///
/// The seed decides everything, so a failure can be played again.
package struct LifecycleSimulation {
    /// What one seed came to.
    package struct Outcome: Sendable {
        /// What was violated; empty where all is well.
        package var violations: [String] = []
        /// The timeline, for the report.
        package var timeline = ""
        /// The final receipt, where the stop came to its end.
        package var receipt: Receipt?
    }

    /// The seed.
    package let seed: UInt64
    private var random: SeededGenerator
    /// How late alarms may come.
    private let lateness = Duration.milliseconds(40)

    package init(seed: UInt64) {
        self.seed = seed
        self.random = SeededGenerator(seed: seed)
    }

    /// Plays the seed.
    package mutating func run() -> Outcome {
        let stages = (0..<Int.random(in: 1...5, using: &random)).map {
            StageSpec(name: "stage\($0)", budget: .milliseconds(Int.random(in: 50...12_000, using: &random)))
        }
        let scripts = (0..<Int.random(in: 0...8, using: &random)).map { member($0, stages: stages.count) }
        var alarmRandom = SeededGenerator(seed: seed ^ 0xA1A2)
        let lateness = random.chance(30) ? lateness : .zero
        var rehearsal = Rehearsal(scripts: scripts, stages: stages, startTimeout: .seconds(5)) {
            lateness > .zero ? .milliseconds(Int.random(in: 0...40, using: &alarmRandom)) : .zero
        }
        let isInterrupted = planInputs(&rehearsal)
        let ledgers = scripts.map { _ in random.chance(60) ? LedgerScript(random: &random) : nil }
        let crashAfter = random.chance(25) ? Int.random(in: 1...40, using: &random) : Int.max

        var outcome = Outcome()
        var count = 0
        rehearsal.play { now in
            count += 1
            let receipt = Self.receipt(now, ledgers)
            let isFinished = now.machine.isFinished
            if now.machine.stop != nil, (receipt.outcome == .unfinished) == isFinished {
                outcome.violations.append("the receipt says \(receipt.outcome) while finished is \(isFinished)")
            }
            outcome.violations += Self.imbalance(receipt)
            return count < crashAfter
        }
        outcome.timeline = rehearsal.timeline.description
        guard count < crashAfter else { return outcome }
        let check = LifecycleInvariants(
            rehearsal: rehearsal, scripts: scripts, stages: stages, lateness: lateness, isInterrupted: isInterrupted)
        outcome.violations += check.violations
        outcome.receipt = Self.receipt(rehearsal, ledgers)
        return outcome
    }

    private mutating func member(_ index: Int, stages: Int) -> Rehearsal.Script {
        var script = Rehearsal.Script("m\(index)", stage: Int.random(in: 0..<stages, using: &random))
        script.readyAfter = random.chance(3) ? nil : time(0...900)
        if random.chance(15) { script.endsAfterStart = time(0...20_000) }
        script.endsAfterTold = random.chance(25) ? nil : time(0...9000)
        script.endsAfterCancelled = random.chance(20) ? nil : time(0...1500)
        if random.chance(20) { script.error = "error of m\(index)" }
        if random.chance(40) { script.endPolicy = random.chance(70) ? .ignore : .handOver }
        if random.chance(40) { script.failurePolicy = random.chance(70) ? .ignore : .handOver }
        script.isBestEffort = random.chance(10)
        return script
    }

    /// Plans signals; says whether any of them takes time away from somebody on purpose.
    private mutating func planInputs(_ rehearsal: inout Rehearsal) -> Bool {
        var isInterrupted = false
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let at = time(0...30_000)
            let pid = Int32.random(in: 1...9, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                isInterrupted = true
                rehearsal.at(at, .stop(ShutdownCause(kind: .signal, detail: "SIGQUIT", pid: pid), .handOver))
            case 1:
                isInterrupted = true
                rehearsal.at(at, .interrupt(ShutdownCause(kind: .signal, detail: "SIGINT", pid: pid)))
            default: rehearsal.at(at, .stop(ShutdownCause(kind: .signal, detail: "SIGTERM", pid: pid), .drain))
            }
        }
        // An impatient person presses Ctrl-C again and again.
        if random.chance(20) {
            isInterrupted = true
            var at = time(0...10_000)
            for _ in 0..<Int.random(in: 2...4, using: &random) {
                rehearsal.at(at, .interrupt(ShutdownCause(kind: .signal, detail: "SIGINT")))
                at += time(0...600)
            }
        }
        // Somebody stops it in the end.
        rehearsal.at(.seconds(40), .stop(ShutdownCause(kind: .call, detail: "the end"), .drain))
        return isInterrupted
    }

    private mutating func time(_ milliseconds: ClosedRange<Int>) -> Duration {
        // Equal instants are where machines go wrong: half of all times are round.
        let value = Int.random(in: milliseconds, using: &random)
        return .milliseconds(random.chance(50) ? value / 500 * 500 : value)
    }

    private static func receipt(_ rehearsal: Rehearsal, _ ledgers: [LedgerScript?]) -> Receipt {
        let machine = rehearsal.machine
        let pairs = ledgers.enumerated().map { index, script in
            script?.pair(at: rehearsal.now, record: machine.memberRecords[index], stop: machine.stop)
        }
        return builder.receipt(machine: machine, ledgers: pairs, at: rehearsal.now)
    }

    private static let builder: ReceiptBuilder = {
        do {
            let grace = GracePeriod(unchecked: .seconds(60), source: .stated)
            return ReceiptBuilder(
                name: "simulated", arithmetic: try PlanArithmetic(grace: grace, requests: []), platform: "unknown",
                epochMilliseconds: 0)
        } catch {
            preconditionFailure("a plan without stages fits: \(error)")
        }
    }()

    /// What is wrong with the receipt's sums.
    private static func imbalance(_ receipt: Receipt) -> [String] {
        var violations: [String] = []
        for member in receipt.stages.flatMap(\.members) where member.unaccounted != 0 {
            violations.append("\(member.name): \(member.unaccounted) unaccounted")
        }
        let totals = receipt.totals
        let ends = totals.done + totals.handedOver + totals.kept + totals.deadLettered + totals.cut
        if receipt.outcome != .unfinished && totals.heldAtStop + totals.acceptedDuringStop != ends {
            violations.append("\(totals.heldAtStop) + \(totals.acceptedDuringStop) held and accepted, \(ends) ended")
        }
        if receipt.outcome == .clean && receipt.exitCode != ExitCode.clean {
            violations.append("clean, but exit code \(receipt.exitCode)")
        }
        if totals.cut > 0 && receipt.outcome == .clean { violations.append("clean, but \(totals.cut) cut") }
        return violations
    }
}

/// A member's work in a simulation: so much in hand, some more coming in, one after the other leaving.
struct LedgerScript: Sendable {
    /// What it holds when the stop begins.
    private let held: Int
    /// What comes in during the stop.
    private let arriving: Int
    /// How much leaves in a second, while the member lives.
    private let perSecond: Int
    /// What becomes of it, in turn.
    private let ends: [WorkEnd]

    init(random: inout SeededGenerator) {
        held = Int.random(in: 0...40, using: &random)
        arriving = Int.random(in: 0...5, using: &random)
        perSecond = Int.random(in: 0...30, using: &random)
        ends = (0..<3).map { _ in WorkEnd.allCases.randomElement(using: &random) ?? .done }
    }

    /// What the ledger says at an instant.
    func pair(at now: Duration, record: MemberRecord, stop: StopRecord?) -> ReceiptBuilder.LedgerPair {
        guard record.startedAt != nil, let stop else { return .init(before: Ledger(), after: Ledger()) }
        let isEarly = record.endedAt.map { $0 <= stop.startedAt } ?? false
        let before = Ledger(held: isEarly ? 0 : held, accepted: 100 + held, done: 100)
        guard !isEarly else { return .init(before: before, after: before) }
        let until = min(now, record.endedAt ?? record.abandonedAt ?? now)
        let seconds = max(0, (until - stop.startedAt).inSeconds)
        var after = before
        after.accepted += min(arriving, Int(seconds * 10))
        let gone = min(held + after.accepted - before.accepted, Int(seconds * Double(perSecond)))
        after.held = held + after.accepted - before.accepted - gone
        for number in 0..<gone {
            switch ends[number % ends.count] {
            case .done: after.done += 1
            case .handedOver: after.handedOver += 1
            case .kept: after.kept += 1
            case .deadLettered: after.deadLettered += 1
            case .cut: after.cut += 1
            }
        }
        return .init(before: before, after: after)
    }
}
