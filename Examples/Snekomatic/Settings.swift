import LastCall

/// What the bot is told by its environment.
struct Settings: Sendable {
    /// A value that is missing or makes no sense.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// What webhooks are signed with.
    let webhookSecret: String
    /// What the bot shows GitHub.
    let token: String
    /// Where GitHub's API is.
    let apiURL: String
    /// The organisation that people are invited into; the repository's owner where it is `nil`.
    let organisation: String?
    /// Where webhooks are taken.
    let port: Int
    /// Where probes are answered; 0 for nowhere.
    let probePort: Int
    /// Where jobs and people are kept.
    let stateFolder: String

    /// The variables, with their defaults; `.env.example` and the README are held to this list by a test.
    static let variables: [(name: String, defaultValue: String, meaning: String)] = [
        ("GITHUB_WEBHOOK_SECRET", "required", "the secret of the webhook, as GitHub has it"),
        ("GITHUB_TOKEN", "required", "a token that may invite members and write comments"),
        ("GITHUB_ORGANISATION", "the repository's owner", "the organisation that people are invited into"),
        ("GITHUB_API_URL", "https://api.github.com", "where GitHub's API is"),
        ("PORT", "8080", "the port on which webhooks are taken, on all addresses"),
        ("PROBE_PORT", "8081", "the port of /livez, /readyz and /health; 0 for none"),
        ("STATE_FOLDER", "state", "the folder of jobs and people; it has to outlive the process"),
    ]

    /// Reads the environment.
    ///
    /// - Throws: ``Problem`` that names the variable and never its value where that is a secret.
    init(_ environment: [String: String]) throws(Problem) {
        func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func required(_ name: String) throws(Problem) -> String {
            guard let value = text(name) else {
                throw Problem(description: "\(name) is not set; see .env.example")
            }
            return value
        }
        func port(_ name: String, _ standard: Int) throws(Problem) -> Int {
            guard let value = text(name) else { return standard }
            guard let port = Int(value), (0...65535).contains(port) else {
                throw Problem(description: "\(name)=\(value): write a port from 0 to 65535")
            }
            return port
        }
        webhookSecret = try required("GITHUB_WEBHOOK_SECRET")
        token = try required("GITHUB_TOKEN")
        organisation = text("GITHUB_ORGANISATION")
        if let organisation, !GitHub.isName(organisation) {
            throw Problem(
                description: "GITHUB_ORGANISATION=\(organisation): write a name of letters, digits and hyphens")
        }
        guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Problem(description: "GITHUB_TOKEN has spaces or line breaks in it; write the token alone")
        }
        let url = text("GITHUB_API_URL") ?? "https://api.github.com"
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw Problem(description: "GITHUB_API_URL=\(url): write an http:// or https:// URL")
        }
        apiURL = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.port = try port("PORT", 8080)
        probePort = try port("PROBE_PORT", 8081)
        guard probePort != self.port else {
            throw Problem(description: "PORT and PROBE_PORT are both \(probePort): give one of them another")
        }
        stateFolder = text("STATE_FOLDER") ?? "state"
    }
}
