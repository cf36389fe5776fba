#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the process runs on, recognised by what each platform puts into the environment.
public struct Platform: Sendable, Hashable {
    /// The platform's name, as the receipt writes it, such as `kubernetes`.
    public let name: String
    /// What it grants between SIGTERM and SIGKILL, or `nil` where nothing is known.
    public let gracePeriod: GracePeriod?
    /// Where it reads a short message about the end, where there is such a place.
    public let terminationMessagePath: String?

    private init(_ name: String, _ grace: GracePeriod?, terminationMessagePath: String? = nil) {
        self.name = name
        self.gracePeriod = grace
        self.terminationMessagePath = terminationMessagePath
    }

    /// Kubernetes: 30 s by default, `terminationGracePeriodSeconds`; a pod is not told its value.
    package static let kubernetes = Platform(
        "kubernetes", GracePeriod(unchecked: .seconds(30), source: .assumed),
        terminationMessagePath: "/dev/termination-log")
    /// Heroku: 30 s for every dyno, not configurable (Dyno shutdown behavior).
    static let heroku = Platform("heroku", GracePeriod(unchecked: .seconds(30), source: .fixed))
    /// Cloud Run: 10 s for services, not configurable (Container runtime contract).
    static let cloudRun = Platform("cloud-run", GracePeriod(unchecked: .seconds(10), source: .fixed))
    /// Fly: 5 s by default, `kill_timeout` in fly.toml.
    static let fly = Platform("fly", GracePeriod(unchecked: .seconds(5), source: .assumed))
    /// ECS: 30 s by default, `stopTimeout` in the task definition.
    static let ecs = Platform("ecs", GracePeriod(unchecked: .seconds(30), source: .assumed))
    /// systemd: 90 s by default, `TimeoutStopSec=` (systemd.service(5), systemd-system.conf(5)).
    static let systemd = Platform("systemd", GracePeriod(unchecked: .seconds(90), source: .assumed))
    /// A plain container: 10 s by default (`docker stop --time`, `stop_grace_period`).
    static let container = Platform("container", GracePeriod(unchecked: .seconds(10), source: .assumed))
    /// None of them.
    static let unknown = Platform("unknown", nil)

    /// Recognises the platform.
    ///
    /// Kubernetes comes before Cloud Run, because Knative's pods carry both marks.
    ///
    /// - Parameters:
    ///   - environment: The environment.
    ///   - pid: This process, which systemd names in `SYSTEMD_EXEC_PID`.
    ///   - fileExists: Whether a file exists; for the marks of plain containers.
    package static func detect(
        environment: [String: String], pid: Int32 = getpid(),
        fileExists: (String) -> Bool = { access($0, F_OK) == 0 }
    ) -> Platform {
        let has = { (key: String) in !(environment[key] ?? "").isEmpty }
        if has("KUBERNETES_SERVICE_HOST") { return kubernetes }
        if has("K_SERVICE") || has("CLOUD_RUN_JOB") { return cloudRun }
        if has("DYNO") { return heroku }
        if has("FLY_APP_NAME") || has("FLY_MACHINE_ID") { return fly }
        if has("ECS_CONTAINER_METADATA_URI_V4") || has("ECS_CONTAINER_METADATA_URI") { return ecs }
        // INVOCATION_ID alone also reaches every shell of a desktop session; the pid does not lie.
        if has("NOTIFY_SOCKET") || environment["SYSTEMD_EXEC_PID"] == "\(pid)" { return systemd }
        if has("container") || fileExists("/.dockerenv") || fileExists("/run/.containerenv") { return container }
        return unknown
    }
}
