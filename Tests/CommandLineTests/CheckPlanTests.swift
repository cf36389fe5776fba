import LastCall
import Testing

@testable import lastcall

struct CheckPlanTests {
    private func plan(_ json: String) throws(CheckError) -> StagePlan {
        try StagePlan(file: InputFile(name: "plan.json", bytes: Array(json.utf8)))
    }

    @Test("B15 budgets from the command line are stages in order, named or numbered")
    func budgets() throws {
        let plan = try StagePlan(budgets: ["intake=30s", "5", "close = 1m30s"])
        #expect(plan.explanation == "intake 30s + stage 2 5s + close 1m30s = 2m5s")
        #expect(try StagePlan(budgets: ["5s"]).explanation == "stage 1 5s")
    }

    @Test("B15 a plan that a service printed is held against a file with its preStop and reserve")
    func planFile() throws {
        let json =
            #"{"version":1,"name":"web","stages":[{"name":"a","budgetSeconds":20}],"preStopSeconds":5,"reserveSeconds":3,"later":[]}"#
        let options = CheckOptions(plan: try plan(json))
        func verdict(_ grace: Int) -> ServiceCheck.Verdict? {
            let text =
                "apiVersion: v1\nkind: Pod\nspec:\n  terminationGracePeriodSeconds: \(grace)\n  containers:\n  - name: a\n    lifecycle: {preStop: {sleep: {seconds: 5}}}\n"
            return CheckReport(files: [InputFile(name: "p.yaml", bytes: Array(text.utf8))], options: options).checks
                .first?.verdict
        }
        #expect(verdict(28) == .fits)
        #expect(verdict(27) == .doesNotFit)
    }

    @Test("B15 a plan that declares less preStop than the hook takes is a problem of the service's environment")
    func planWithShortPreStop() throws {
        let options = CheckOptions(
            plan: try plan(#"{"version":1,"stages":[{"name":"a","budgetSeconds":5}],"preStopSeconds":2}"#))
        let text =
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    lifecycle: {preStop: {sleep: {seconds: 5}}}\n"
        let report = CheckReport(files: [InputFile(name: "p.yaml", bytes: Array(text.utf8))], options: options)
        #expect(report.problems == ["p.yaml:6 Pod/p containers.a.env.LASTCALL_PRESTOP: write 5s (is 2s, in the plan)"])
    }

    @Test("B15 stages without a budget need room, and the suggestion leaves each a second")
    func shares() throws {
        let options = CheckOptions(
            plan: try plan(#"{"version":1,"stages":[{"name":"a","budgetSeconds":20},{"name":"b"},{"name":"c"}]}"#))
        let files = [InputFile(name: "c.yml", bytes: Array("services: {web: {}}".utf8))]
        let report = CheckReport(files: files, options: options)
        #expect(report.problems == ["c.yml:1 services.web.stop_grace_period: write 24s or more (is 10s, the default)"])
        #expect(report.text.contains("20s + 2 shares"))
    }

    @Test("B15 --reserve wins over the default and the plan's")
    func reserve() throws {
        #expect(try checking("c.yml", "services: {web: {}}", budgets: ["10s"], reserve: .zero).exitCode == 0)
        #expect(try checking("c.yml", "services: {web: {}}", budgets: ["8s"], reserve: .seconds(3)).exitCode == 1)
    }

    @Test(
        "B15 a plan that is none is refused with the key and what to do",
        arguments: [
            ("", "plan.json: is empty; name a deployment file"),
            ("{", "plan.json: is not a plan: it is not valid JSON; write it with the service's --print-plan"),
            ("[]", "plan.json: is not a plan: it must be an object; write it with the service's --print-plan"),
            ("{}", "plan.json: is not a plan: version is missing; write it with the service's --print-plan"),
            (
                #"{"version":"1"}"#,
                "plan.json: is not a plan: version must be a whole number; write it with the service's --print-plan"
            ),
            (
                #"{"version":1}"#,
                "plan.json: is not a plan: stages is missing; write it with the service's --print-plan"
            ),
            (
                #"{"version":1,"stages":{}}"#,
                "plan.json: is not a plan: stages must be a list; write it with the service's --print-plan"
            ),
            (
                #"{"version":1,"stages":[{"name":"a","budgetSeconds":"5"}]}"#,
                "plan.json: is not a plan: stages.0.budgetSeconds must be a number; write it with the service's --print-plan"
            ),
            (
                #"{"version":1,"stages":[{"budgetSeconds":5}]}"#,
                "plan.json: is not a plan: stages.0.name is missing; write it with the service's --print-plan"
            ),
            (
                #"{"version":2,"stages":[]}"#,
                "plan.json: version: 2 is not a plan this lastcall reads (it reads 1 to 1); use the lastcall that belongs to the service, or a newer one"
            ),
            (
                #"{"version":1,"stages":[]}"#,
                "plan.json: stages: the plan has none; write at least one stage with a name"
            ),
            (
                #"{"version":1,"stages":[{"name":"a","budgetSeconds":0}]}"#,
                "plan.json: stages.a.budgetSeconds: 0.0 is not a number of seconds from 0.001 to 3153600000"
            ),
        ]
    )
    func malformedPlan(_ json: String, _ message: String) {
        do {
            _ = try plan(json)
            Issue.record("\(json) was read")
        } catch {
            #expect(error.description == message)
        }
    }
}
