import LastCall

/// Who sends the signal, and how its files are written.
enum DeploymentKind: String, Sendable, Codable {
    /// Docker Compose.
    case compose
    /// Kubernetes.
    case kubernetes
    /// systemd.
    case systemd
    /// A Procfile, as Heroku runs it.
    case procfile

    /// The name for people.
    var title: String {
        switch self {
        case .compose: "Docker Compose"
        case .kubernetes: "Kubernetes"
        case .systemd: "systemd"
        case .procfile: "Procfile, Heroku"
        }
    }

    /// What is granted where the file says nothing.
    ///
    /// - Compose: 10 s, https://docs.docker.com/reference/compose-file/services/#stop_grace_period
    /// - Kubernetes: 30 s, PodSpec v1 `terminationGracePeriodSeconds`, "Defaults to 30 seconds"
    /// - systemd: 90 s, `DefaultTimeoutStopSec=` in systemd-system.conf(5)
    /// - Heroku: 30 s for everybody, https://devcenter.heroku.com/articles/dyno-shutdown-behavior
    var defaultGrace: GracePeriod {
        let (seconds, source): (Int, GracePeriod.Source) =
            switch self {
            case .compose: (10, .assumed)
            case .kubernetes: (30, .assumed)
            case .systemd: (90, .assumed)
            case .procfile: (30, .fixed)
            }
        return GracePeriod(unchecked: .seconds(seconds), source: source)
    }

    /// A grace period of whole seconds as this platform's files write it.
    func written(_ grace: Duration) -> String {
        let seconds = Int(grace.inSeconds.rounded(.up))
        return self == .kubernetes ? "\(seconds)" : "\(seconds)s"
    }
}
