import LastCallTesting
import LastCallWork
import Testing

@Suite struct BreakerStateMachineTests {
    private let zero = WorkInstant(rawValue: 1_000_000)
    private let one = WorkID(rawValue: 1)
    private let two = WorkID(rawValue: 2)

    private func fail(_ machine: inout BreakerStateMachine, _ record: WorkID, at now: WorkInstant) {
        machine.failed(record, at: now, failuresMax: 3, coolDown: .seconds(30))
    }

    @Test("P22c so many failures in a row open it, and one success in between does not let them add up")
    func opens() {
        var machine = BreakerStateMachine()
        for _ in 0..<2 { fail(&machine, one, at: zero) }
        #expect(machine.state(at: zero) == .closed)
        let changed = machine.succeeded()
        #expect(!changed)
        #expect(machine.isPristine)
        for _ in 0..<2 { fail(&machine, one, at: zero) }
        #expect(machine.state(at: zero) == .closed)
        fail(&machine, one, at: zero)
        #expect(machine.state(at: zero) == .open(until: zero + .seconds(30)))
        #expect(machine.state(at: zero + .milliseconds(29_999)) == .open(until: zero + .seconds(30)))
        #expect(machine.state(at: zero + .seconds(30)) == .halfOpen)
    }

    @Test("P22c half open it admits exactly one probe, whose end decides")
    func probes() {
        var machine = BreakerStateMachine()
        for _ in 0..<3 { fail(&machine, one, at: zero) }
        let later = zero + .seconds(30)
        machine.attempted(one, at: later)
        #expect(machine.state(at: later) == .probing)
        machine.attempted(two, at: later)
        #expect(machine.probe == one)
        fail(&machine, one, at: later + .seconds(1))
        #expect(machine.state(at: later + .seconds(1)) == .open(until: later + .seconds(31)))
        machine.attempted(two, at: later + .seconds(31))
        let changed = machine.succeeded()
        #expect(changed)
        #expect(machine.isPristine)
    }

    @Test("P22c a probe that ends in a way that says nothing lets another one try")
    func probeIsLost() {
        var machine = BreakerStateMachine()
        for _ in 0..<3 { fail(&machine, one, at: zero) }
        machine.attempted(one, at: zero + .seconds(30))
        machine.ended(two)
        #expect(machine.state(at: zero + .seconds(30)) == .probing)
        machine.ended(one)
        #expect(machine.state(at: zero + .seconds(30)) == .halfOpen)
    }

    @Test("P22c what was on its way when it opened prolongs nothing")
    func lateFailures() {
        var machine = BreakerStateMachine()
        for _ in 0..<3 { fail(&machine, one, at: zero) }
        fail(&machine, two, at: zero + .seconds(20))
        #expect(machine.state(at: zero + .seconds(20)) == .open(until: zero + .seconds(30)))
    }

    @Test("P22c whatever happens, at most one probe is on its way, and it is open only after failures")
    func atRandom() async {
        var random = SeededGenerator(seed: 20_261_122)
        var machine = BreakerStateMachine()
        var now = zero
        var inFlight: Set<WorkID> = []
        var streak = 0
        for step in 0..<20_000 {
            if step.isMultiple(of: 1000) { await Task.yield() }
            now = now + .milliseconds(Int64.random(in: 0...8000, using: &random))
            let record = WorkID(rawValue: Int64.random(in: 1...6, using: &random))
            switch Int.random(in: 0...3, using: &random) {
            case 0:
                guard !inFlight.contains(record) else { continue }
                switch machine.state(at: now) {
                case .open, .probing: continue
                case .closed, .halfOpen: break
                }
                machine.attempted(record, at: now)
                inFlight.insert(record)
            case 1 where inFlight.remove(record) != nil:
                _ = machine.succeeded()
                streak = 0
            case 2 where inFlight.remove(record) != nil:
                fail(&machine, record, at: now)
                streak += 1
            default:
                guard inFlight.remove(record) != nil else { continue }
                machine.ended(record)
            }
            if let probe = machine.probe { #expect(inFlight.contains(probe)) }
            #expect(machine.failures == streak)
            if machine.openUntil != nil { #expect(streak >= 3) } else { #expect(streak < 3) }
        }
    }
}
