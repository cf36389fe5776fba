import LastCallWork
import Testing

@Suite struct GroupStateMachineTests {
    @Test("C7 a group that tells always lets run what waits, once its last member is over", arguments: [0, 1, 3])
    func always(failed: Int) {
        var machine = GroupStateMachine(pending: 3, policy: .always)
        let first = machine.membersEnded(2, failed: min(2, failed))
        #expect(first == .none)
        #expect(machine.pending == 1)
        let last = machine.membersEnded(1, failed: max(0, failed - 2))
        #expect(last == .run)
        #expect(machine.state == .closed)
        #expect(machine.failed == failed)
        #expect(machine.countsAsDone)
    }

    @Test("a group that needs all cancels what waits where a member did not end well")
    func all() {
        var good = GroupStateMachine(pending: 2, policy: .all)
        let run = good.membersEnded(2, failed: 0)
        #expect(run == .run)
        #expect(good.countsAsDone)
        var bad = GroupStateMachine(pending: 2, policy: .all)
        let first = bad.membersEnded(1, failed: 1)
        #expect(first == .none)
        let last = bad.membersEnded(1, failed: 0)
        #expect(last == .cancel("1 of what it waited for did not end well"))
        #expect(!bad.countsAsDone)
    }

    @Test("B7 a closed group says nothing more", arguments: GroupPolicy.allCases)
    func closedOnce(policy: GroupPolicy) {
        var machine = GroupStateMachine(pending: 1, policy: policy)
        let first = machine.membersEnded(1, failed: 0)
        #expect(first == .run)
        let before = machine
        let more = machine.membersEnded(1, failed: 1)
        #expect(more == .none)
        let again = machine.closeIfComplete()
        #expect(again == .none)
        let skipped = machine.skip("late")
        #expect(skipped == .none)
        #expect(machine == before)
    }

    @Test("an empty group is over once it is asked, a full one is not", arguments: GroupPolicy.allCases)
    func empty(policy: GroupPolicy) {
        var empty = GroupStateMachine(pending: 0, policy: policy)
        let run = empty.closeIfComplete()
        #expect(run == .run)
        #expect(empty.countsAsDone)
        var full = GroupStateMachine(pending: 1, policy: policy)
        let nothing = full.closeIfComplete()
        #expect(nothing == .none)
        #expect(full.state == .open)
    }

    @Test("a group behind a failed step never begins, and counts as failed", arguments: GroupPolicy.allCases)
    func skip(policy: GroupPolicy) {
        var machine = GroupStateMachine(pending: 2, policy: policy)
        let cancelled = machine.skip("the step before it failed")
        #expect(cancelled == .cancel("the step before it failed"))
        #expect(machine.state == .closed)
        #expect(!machine.countsAsDone)
        let more = machine.membersEnded(2, failed: 2)
        #expect(more == .none)
    }

    @Test("a machine goes on from what a store kept")
    func restored() {
        var machine = GroupStateMachine(state: .open, pending: 1, failed: 2, policy: .all)
        let action = machine.membersEnded(1, failed: 0)
        #expect(action == .cancel("2 of what it waited for did not end well"))
    }
}
