import LastCall
import LastCallTesting
import ServiceLifecycle
import Testing

/// The plan's arithmetic, and how grace periods are found.
@Suite struct PlanTests {
    static func requests(_ budgets: [Duration?]) -> [PlanArithmetic.Request] {
        budgets.enumerated().map { .init(stage: "s\($0.offset)", budget: $0.element) }
    }

    @Test("B2 P33 a stage without a budget gets what the others leave") func share() throws {
        let arithmetic = try PlanArithmetic(
            grace: GracePeriod(.seconds(30)), requests: Self.requests([.seconds(10), .seconds(12), .seconds(5), nil]))
        #expect(arithmetic.reserve == .milliseconds(1500))
        #expect(arithmetic.budgets.last == .milliseconds(1500))
        #expect(arithmetic.total == arithmetic.available)
        #expect(!arithmetic.isScaled)
    }

    @Test("P33 a stated plan that does not fit a stated grace is refused, with the sum") func refused() throws {
        let error = #expect(throws: LastCallError.self) {
            try PlanArithmetic(
                grace: GracePeriod(.seconds(30)), preStop: .seconds(5),
                requests: Self.requests([.seconds(20), .seconds(10)]))
        }
        #expect(error?.code == .planDoesNotFit)
        #expect(error?.message.contains("grace 30s (stated) - preStop 5s - reserve 1.5s = 23.5s") == true)
        #expect(error?.message.contains("s0 20s + s1 10s = 30s") == true)
    }

    @Test("P33 against an assumed grace the budgets are scaled, in proportion") func scaled() throws {
        let arithmetic = try PlanArithmetic(
            grace: GracePeriod(.seconds(10), source: .assumed), requests: Self.requests([.seconds(30), .seconds(10)]))
        #expect(arithmetic.isScaled)
        #expect(arithmetic.total <= arithmetic.available)
        #expect(arithmetic.budgets[0] == arithmetic.budgets[1] * 3)
    }

    @Test("the reserve is a twentieth, at least 0.2 s and at most 2 s") func reserve() {
        #expect(PlanArithmetic.defaultReserve(for: .seconds(1)) == .milliseconds(200))
        #expect(PlanArithmetic.defaultReserve(for: .seconds(20)) == .seconds(1))
        #expect(PlanArithmetic.defaultReserve(for: .seconds(600)) == .seconds(2))
    }

    @Test(
        "B14 each platform is recognised, and the grace says how it is known",
        arguments: [
            (["KUBERNETES_SERVICE_HOST": "10.0.0.1"], "kubernetes", 30, GracePeriod.Source.assumed),
            (["KUBERNETES_SERVICE_HOST": "10.0.0.1", "K_SERVICE": "a"], "kubernetes", 30, .assumed),
            (["DYNO": "web.1"], "heroku", 30, .fixed), (["K_SERVICE": "a"], "cloud-run", 10, .fixed),
            (["FLY_APP_NAME": "a"], "fly", 5, .assumed),
            (["ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2"], "ecs", 30, .assumed),
            (["NOTIFY_SOCKET": "/run/systemd/notify"], "systemd", 90, .assumed),
            (["SYSTEMD_EXEC_PID": "77"], "systemd", 90, .assumed), (["container": "podman"], "container", 10, .assumed),
        ])
    func platform(environment: [String: String], name: String, seconds: Int, source: GracePeriod.Source) {
        let platform = Platform.detect(environment: environment, pid: 77, fileExists: { _ in false })
        #expect(platform.name == name)
        #expect(platform.gracePeriod?.duration == .seconds(seconds))
        #expect(platform.gracePeriod?.source == source)
    }

    @Test("LASTCALL_GRACE makes the grace a stated one, and a bad value is named") func environment() throws {
        let plan = try ShutdownPlan(environment: ["LASTCALL_GRACE": "12s", "DYNO": "web.1"]) { Stage("a") {} }
        #expect(plan.arithmetic.grace.duration == .seconds(12))
        #expect(plan.arithmetic.grace.source == .stated)
        for bad in ["0", "5x", "-3s", "soon"] {
            let error = #expect(throws: LastCallError.self) {
                try ShutdownPlan(environment: ["LASTCALL_GRACE": bad]) { Stage("a") {} }
            }
            #expect(error?.message.contains("LASTCALL_GRACE=\(bad)") == true)
        }
    }

    @Test("names that the receipt could not tell apart are refused") func duplicates() {
        #expect(throws: LastCallError.self) {
            try ShutdownPlan {
                Stage("a") {}; Stage("a") {}
            }
        }
        #expect(throws: LastCallError.self) {
            try ShutdownPlan {
                Stage("a") {
                    Member("m") {}; Member("m") {}
                }
            }
        }
    }

    @Test(
        "durations are read as people write them",
        arguments: [
            ("30", 30_000), ("30s", 30_000), ("500ms", 500), ("1m30s", 90_000), ("1.5s", 1500), ("2h", 7_200_000),
            (" 5s ", 5000),
        ])
    func durations(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test("what is no duration is none", arguments: ["", "5x", "s", "-3s", "1s1m", "1e3", "∞", "9999999999999h"])
    func noDurations(text: String) { #expect(DurationText.parse(text) == nil) }
}
