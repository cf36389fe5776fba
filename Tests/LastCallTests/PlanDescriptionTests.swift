import FoundationEssentials
import LastCall
import Testing

struct PlanDescriptionTests {
    private func decode(_ json: String) throws -> PlanDescription {
        try JSONDecoder().decode(PlanDescription.self, from: Data(json.utf8))
    }

    @Test("P33 a plan that was printed reads back as it was")
    func roundTrip() throws {
        let plan = try PlanDescription(
            name: "web", stages: [.init(name: "intake", budgetSeconds: 10), .init(name: "close", budgetSeconds: nil)],
            preStopSeconds: 5, reserveSeconds: 1.5
        )
        let json = String(decoding: try JSONEncoder().encode(plan), as: UTF8.self)
        #expect(try decode(json) == plan)
        #expect(plan.requests == [.init(stage: "intake", budget: .seconds(10)), .init(stage: "close", budget: nil)])
        #expect(plan.preStop == .seconds(5))
        #expect(plan.reserve == .milliseconds(1500))
    }

    @Test("P33 only the version and the stages are required, and unknown keys are passed over")
    func leastPlan() throws {
        let plan = try decode(#"{"version": 1, "stages": [{"name": "a", "later": 1}], "other": {}}"#)
        #expect(plan.requests == [.init(stage: "a", budget: nil)])
        #expect(plan.preStop == nil)
        #expect(plan.reserve == nil)
    }

    @Test("P33 a newer version is refused by its number, before anything else is looked at", arguments: [0, 2, 99])
    func otherVersions(_ version: Int) {
        #expect { try decode(#"{"version": \#(version), "phases": "not stages"}"#) } throws: { error in
            let error = error as? LastCallError
            return error?.code == .invalidConfiguration
                && error?.message.hasPrefix("version: \(version) is not a plan") == true
        }
    }

    @Test(
        "P33 a plan that no lifecycle could run is refused with its key",
        arguments: [
            (#""stages": []"#, "stages: the plan has none"),
            (#""stages": [{"name": ""}]"#, "stages: the name \"\" is empty or used twice"),
            (#""stages": [{"name": "a"}, {"name": "a"}]"#, "stages: the name \"a\" is empty or used twice"),
            (#""stages": [{"name": "a", "budgetSeconds": -1}]"#, "stages.a.budgetSeconds: -1.0"),
            (#""stages": [{"name": "a", "budgetSeconds": 1e300}]"#, "stages.a.budgetSeconds: 1e+300"),
            (#""stages": [{"name": "a"}], "preStopSeconds": -1"#, "preStopSeconds: -1.0"),
            (#""stages": [{"name": "a"}], "reserveSeconds": -0.5"#, "reserveSeconds: -0.5"),
        ]
    )
    func refused(_ body: String, _ message: String) {
        #expect { try decode("{\"version\": 1, \(body)}") } throws: { error in
            let error = error as? LastCallError
            return error?.code == .invalidPlan && error?.message.hasPrefix(message) == true
        }
    }

    @Test("P33 what is not a number is refused too")
    func notANumber() {
        #expect(throws: LastCallError.self) { try PlanDescription(stages: [.init(name: "a", budgetSeconds: .nan)]) }
        #expect(throws: LastCallError.self) {
            try PlanDescription(stages: [.init(name: "a", budgetSeconds: .infinity)])
        }
    }

    @Test("P33 a plan describes what was asked for, not what this machine's grace makes of it")
    func ofPlan() throws {
        let plan = try ShutdownPlan(
            grace: .detected(or: .seconds(10)), preStop: .seconds(2), environment: ["LASTCALL_BUDGET_WORK": "40s"]
        ) {
            Stage("intake", budget: .microseconds(10)) {}
            Stage("work", budget: .seconds(20)) {}
            Stage("close") {}
        }
        #expect(plan.arithmetic.isScaled)
        let description = PlanDescription(plan, name: "web")
        #expect(
            try description
                == PlanDescription(
                    name: "web",
                    stages: [
                        .init(name: "intake", budgetSeconds: 0.001), .init(name: "work", budgetSeconds: 40),
                        .init(name: "close", budgetSeconds: nil),
                    ], preStopSeconds: 2))
        #expect(try decode(description.json()) == description)
    }

    @Test("P33 a reserve that the code or the environment asks for is described, a default one is not")
    func reserveOfPlan() throws {
        let environment = ["LASTCALL_RESERVE": "250ms"]
        let inCode = try ShutdownPlan(reserve: .seconds(1), environment: [:]) { Stage("work") {} }
        let overridden = try ShutdownPlan(reserve: .seconds(1), environment: environment) { Stage("work") {} }
        let byDefault = try ShutdownPlan(environment: [:]) { Stage("work") {} }
        #expect([inCode, overridden, byDefault].map { PlanDescription($0).reserveSeconds } == [1, 0.25, nil])
    }

    @Test(
        "a plan is printed only where it is asked for, and not by what follows --",
        arguments: [[], ["--", "--print-plan"]])
    func notAsked(_ arguments: [String]) throws {
        // Otherwise this process ended here.
        try ShutdownPlan(environment: [:]) { Stage("work") {} }.printAndExitIfAsked(
            arguments: ["--print-plan"] + arguments)
    }
}
