import Testing

@testable import LastCall

struct SmallestGraceTests {
    private func fits(_ grace: Duration, _ preStop: Duration, _ requests: [PlanArithmetic.Request]) -> Bool {
        do {
            _ = try PlanArithmetic(grace: GracePeriod(grace), preStop: preStop, requests: requests)
            return true
        } catch {
            return false
        }
    }

    @Test(
        "P33 the smallest grace fits, and a second less does not",
        arguments: [1, 3, 10, 19, 20, 35, 38, 39, 40, 41, 100, 3600])
    func smallest(_ seconds: Int) throws {
        for preStop in [Duration.zero, .milliseconds(2500)] {
            let requests = [PlanArithmetic.Request(stage: "a", budget: .seconds(seconds))]
            let grace = try PlanArithmetic.smallestGrace(preStop: preStop, requests: requests)
            #expect(fits(grace, preStop, requests))
            #expect(grace == .seconds(1) || !fits(grace - .seconds(1), preStop, requests))
        }
    }

    @Test("P33 a stage that asks for a share gets a second at least")
    func shares() throws {
        let requests = [PlanArithmetic.Request(stage: "a", budget: .seconds(20)), .init(stage: "b", budget: nil)]
        let grace = try PlanArithmetic.smallestGrace(requests: requests)
        #expect(grace == .seconds(23))
        #expect(try PlanArithmetic(grace: GracePeriod(grace), requests: requests).budgets[1] >= .seconds(1))
    }

    @Test("P33 without stages it is the hook and the reserve")
    func noStages() throws {
        #expect(try PlanArithmetic.smallestGrace(requests: []) == .seconds(1))
        #expect(
            try PlanArithmetic.smallestGrace(preStop: .seconds(30), reserve: .seconds(2), requests: []) == .seconds(33))
    }

    @Test("P33 a budget that is not positive is the plan's mistake, not the grace period's")
    func invalidPlan() {
        #expect { try PlanArithmetic.smallestGrace(requests: [.init(stage: "a", budget: .zero)]) } throws: { error in
            (error as? LastCallError)?.code == .invalidPlan
        }
    }
}
