import LastCall
import LastCallWork

extension TransportDefinition {
    /// Reads a transport; what cannot be read is reported and left at its default.
    init(_ value: ConfigurationValue, named name: String, in directory: BaseDirectory) {
        self.init(name: name)
        guard let keys = value.mapping(of: TransportKey.self) else { return }
        guard let type = keys[.type] else {
            value.report(.missing, "has no type; write type: slack or type: http below it")
            return
        }
        guard let kind = type.choice(of: Kind.self) else { return }
        self.kind = kind
        let foreign: [TransportKey] = kind == .slack ? [.endpoints] : [.tokenEnv, .tokenFile, .url]
        for key in foreign {
            keys[key]?.report(.unknownKey, "does not go with type: \(kind.rawValue); remove it")
        }
        switch kind {
        case .slack: readSlack(value, keys, in: directory)
        case .http: readEndpoints(value, keys[.endpoints], in: directory)
        }
        spacing = keys[.rate].flatMap(Self.spacing)
        timeout = keys[.timeout]?.duration() ?? timeout
        givesUpAfter = keys[.givesUpAfter]?.duration() ?? givesUpAfter
    }

    private mutating func readSlack(
        _ value: ConfigurationValue, _ keys: [TransportKey: ConfigurationValue], in directory: BaseDirectory
    ) {
        token = Self.source(keys[.tokenEnv], keys[.tokenFile], directory)
        if keys[.tokenEnv] != nil, let other = keys[.tokenFile] {
            other.report(.malformed, "stands beside tokenEnv; write one of them")
        }
        if keys[.tokenEnv] == nil, keys[.tokenFile] == nil {
            value.report(.missing, "has no token; write tokenEnv: SLACK_TOKEN, or tokenFile: PATH below it")
        }
        url = keys[.url].flatMap(Self.url)
    }

    private mutating func readEndpoints(
        _ value: ConfigurationValue, _ endpoints: ConfigurationValue?, in directory: BaseDirectory
    ) {
        guard let endpoints else {
            value.report(.missing, "has no endpoints; write endpoints: {deploys: {urlEnv: DEPLOYS_URL}} below it")
            return
        }
        let entries = endpoints.entries("write a mapping, as in {deploys: {urlEnv: DEPLOYS_URL}}") ?? []
        if endpoints.node.pairs?.isEmpty == true { endpoints.report(.malformed, "is empty; name an endpoint") }
        for (name, entry) in entries {
            if let flaw = ConfigurationValue.flaw(inName: name) { entry.report(.malformed, flaw) }
            guard entry.node.pairs != nil else {
                self.endpoints[name] = Self.url(entry).map { Endpoint(address: .text($0)) }
                continue
            }
            guard let keys = entry.mapping(of: EndpointKey.self) else { continue }
            guard [keys[.url], keys[.urlEnv], keys[.urlFile]].count(where: { $0 != nil }) == 1 else {
                entry.report(.malformed, "needs one of url, urlEnv, urlFile")
                continue
            }
            if keys[.authorizationEnv] != nil, let other = keys[.authorizationFile] {
                other.report(.malformed, "stands beside authorizationEnv; write one of them")
            }
            let address =
                keys[.url].flatMap(Self.url).map { .text($0) } ?? Self.source(keys[.urlEnv], keys[.urlFile], directory)
            self.endpoints[name] = address.map {
                Endpoint(
                    address: $0,
                    authorization: Self.source(keys[.authorizationEnv], keys[.authorizationFile], directory))
            }
        }
    }

    /// Where a secret is.
    private static func source(
        _ variable: ConfigurationValue?, _ file: ConfigurationValue?, _ directory: BaseDirectory
    ) -> Source? {
        variable.flatMap(Self.variable).map { .variable($0) }
            ?? file?.nonEmptyText("write a path").map { .file(directory.path(to: $0)) }
    }

    /// An address, which errors never show.
    private static func url(_ value: ConfigurationValue) -> String? {
        guard let text = value.nonEmptyText("write an http:// or https:// URL") else { return nil }
        guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
            value.report("is no http:// or https:// URL", shown: "(hidden)")
            return nil
        }
        return text
    }

    /// The name of an environment variable.
    private static func variable(_ value: ConfigurationValue) -> String? {
        guard let text = value.nonEmptyText("write the name of an environment variable") else { return nil }
        let isName = text.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_")
                || byte < 0x80 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
        }
        guard isName, text.first?.isNumber == false else {
            // Somebody may have written the secret itself here.
            value.report("is no name of an environment variable; write letters, digits and _", shown: "(hidden)")
            return nil
        }
        return text
    }

    /// The time between two, from a rate: `30/m`.
    private static func spacing(_ value: ConfigurationValue) -> Duration? {
        let wanted = "write COUNT/s, COUNT/m or COUNT/h, such as 1/s or 30/m, at most 1000/s"
        guard let text = value.text(wanted) else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let units: [Substring: Duration] = ["s": .seconds(1), "m": .seconds(60), "h": .seconds(3600)]
        guard parts.count == 2, let count = Int(parts[0]), count > 0, let unit = units[parts[1]],
            unit / count >= .milliseconds(1)
        else {
            value.report("is no rate; \(wanted)")
            return nil
        }
        return unit / count
    }
}

extension ScheduleDefinition {
    /// Reads a schedule, or reports why it cannot be read.
    init?(_ value: ConfigurationValue, named name: String) {
        guard let keys = value.mapping(of: ScheduleKey.self) else { return nil }
        let recurrence = Self.recurrence(value, keys)
        guard let task = keys[.task] else {
            value.report(.missing, "has no task; write task: NAME below it")
            return nil
        }
        let call = WorkflowFile.TaskCall(
            name: task.name() ?? "", arguments: keys[.arguments]?.arguments() ?? [:], line: task.line)
        guard let recurrence else { return nil }
        self.init(name: name, recurrence: recurrence, call: call)
        overlap = keys[.overlap]?.choice(of: Overlap.self) ?? overlap
        missed = keys[.missed]?.choice(of: Missed.self) ?? missed
        jitter = keys[.jitter]?.duration(orZero: true) ?? jitter
        if missed == .all, overlap == .skip {
            keys[.missed]?.report("makes up for one tick alone where overlap is skip; write overlap: queue beside it")
        }
    }

    private static func recurrence(
        _ value: ConfigurationValue, _ keys: [ScheduleKey: ConfigurationValue]
    ) -> Recurrence? {
        switch (keys[.every], keys[.cron]) {
        case (nil, nil):
            value.report(.missing, "says not when it is due; write every: 30m, or cron: \"0 3 * * *\" below it")
            return nil
        case (.some, .some(let cron)):
            cron.report(.malformed, "stands beside every; write one of them")
            return nil
        case (.some(let every), nil):
            keys[.zone]?.report(.unknownKey, "goes with cron; remove it")
            guard let interval = every.duration() else { return nil }
            guard interval >= .seconds(1) else {
                every.report("is too short; write 1s or more, such as 30m")
                return nil
            }
            return .every(interval)
        case (nil, .some(let cron)): return self.cron(cron, keys[.zone])
        }
    }

    private static func cron(_ value: ConfigurationValue, _ zone: ConfigurationValue?) -> Recurrence? {
        var place = Zone.utc
        if let zone {
            guard let name = zone.nonEmptyText("write the name of a time zone, such as Europe/Berlin") else {
                return nil
            }
            do {
                place = try Zone(name)
            } catch {
                zone.report(.unknownName, error.message)
                return nil
            }
        }
        guard let text = value.text("write five fields in quotes, such as \"0 3 * * *\"") else { return nil }
        do {
            return .cron(try Cron(text, zone: place))
        } catch {
            value.report(.malformed, error.message)
            return nil
        }
    }
}

extension NotifyDefinition {
    /// Reads a notification, or reports why it cannot be read.
    init?(_ value: ConfigurationValue) {
        guard let keys = value.mapping(of: NotifyKey.self) else { return nil }
        guard let through = keys[.through], let to = keys[.to] else {
            value.report(.missing, "needs through and to; write {through: TRANSPORT, to: DESTINATION}")
            return nil
        }
        guard let name = through.name(), let destination = to.nonEmptyText("write a channel or an endpoint's name")
        else { return nil }
        self.init(through: name, to: destination)
        guard let on = keys[.on] else { return }
        let words = on.node.elements == nil ? [on] : on.list("write a list of ends") ?? []
        if words.isEmpty { on.report("is an empty list; write at least one of complete, partial, failed") }
        self.on = Set(words.compactMap { $0.choice(of: Outcome.self) })
    }
}
