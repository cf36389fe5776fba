/// A time zone of the IANA database, such as `Europe/Berlin`: what clocks show at a place, in the past and in the future.
///
/// The rules are read once, when the zone is created; a later update of the database is seen by zones created after it.
/// Zones are equal where they have the same name and the same rules.
public struct Zone: Sendable, Hashable, CustomStringConvertible {
    /// Coordinated universal time, which needs no database.
    public static let utc = Zone(name: "UTC", history: .utc)

    /// The longest name, in bytes.
    private static let nameBytesMax = 128

    /// The names of UTC that need no database.
    private static let utcNames: Set<String> = ["UTC", "Etc/UTC", "GMT", "Z"]

    /// The zone's name; `UTC` for all names of ``utc``.
    public let name: String

    /// What its clocks showed and will show.
    private let history: ZoneHistory

    /// Creates a zone from its parts.
    private init(name: String, history: ZoneHistory) {
        self.name = name
        self.history = history
    }

    /// Reads a zone from the machine's time zone database.
    ///
    /// The database is the folder that `$TZDIR` names; where that is not set, the first of `/usr/share/zoneinfo`,
    /// `/usr/lib/zoneinfo` and `/usr/share/lib/zoneinfo` that has the zone (see tzset(3)). `UTC`, `Etc/UTC`, `GMT` and `Z` are
    /// ``utc`` and need none.
    ///
    /// - Parameter name: A name of the IANA database; case counts.
    /// - Throws: ``WorkError/Code/invalidConfiguration`` where there is no such zone, no database, or a damaged file.
    public init(_ name: String) throws(WorkError) {
        try self.init(name, folders: ZoneFolder.usual)
    }

    /// Reads a zone from the first folder that has it.
    init(_ name: String, folders: [ZoneFolder]) throws(WorkError) {
        guard !Self.utcNames.contains(name) else {
            self = .utc
            return
        }
        guard Self.isName(name) else {
            throw .init(
                .invalidConfiguration,
                "\(name.prefix(64).debugDescription) cannot be the name of a time zone. \(Self.remedy)")
        }
        for folder in folders {
            guard let bytes = try folder.read(name) else { continue }
            do {
                self.init(name: name, history: try ZoneHistory(bytes))
                return
            } catch {
                throw .init(
                    .invalidConfiguration,
                    "the time zone file \(folder.path)/\(name) cannot be used: \(error.what); if \"\(name)\" is the zone that you mean, reinstall the package `tzdata`"
                )
            }
        }
        guard let folder = folders.first(where: \.exists) else {
            let looked = folders.map(\.path).joined(separator: ", ")
            throw .init(
                .invalidConfiguration,
                "there is no time zone \"\(name)\", because this machine has no time zone database (looked for \(looked)); install the package `tzdata`, or use \"UTC\""
            )
        }
        let nearest = folder.nearest(to: name).map { "; did you mean \"\($0)\"?" } ?? "."
        throw .init(.invalidConfiguration, "there is no time zone \"\(name)\"\(nearest) \(Self.remedy)")
    }

    /// What every error about a name ends with.
    private static let remedy = "Names are those of the IANA database, such as \"Europe/Berlin\" or \"UTC\""

    /// Whether a text may be looked up as a file below a folder: it leads nowhere else.
    private static func isName(_ name: String) -> Bool {
        guard (1...nameBytesMax).contains(name.utf8.count) else { return false }
        return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.utf8.first, first != UInt8(ascii: ".") else { return false }
            return part.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                    || "_+-.".unicodeScalars.contains(scalar)
            }
        }
    }

    /// How far its clocks are ahead of UTC at an instant, in seconds; negative west of it.
    public func offset(at instant: WorkInstant) -> Int {
        Int(span(at: instant.rawValue.dividedDown(by: 1000).quotient).offset)
    }

    /// The span that an instant lies in, in seconds since 1970.
    func span(at seconds: Int64) -> ZoneSpan { history.span(at: seconds) }

    /// Whether two zones have the same name and the same rules.
    public static func == (lhs: Zone, rhs: Zone) -> Bool { lhs.name == rhs.name && lhs.history == rhs.history }

    /// Hashes the name; zones of one name hardly ever differ.
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// The name.
    public var description: String { name }
}
