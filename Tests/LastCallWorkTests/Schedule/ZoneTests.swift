import FoundationEssentials
import LastCallTesting
import Testing

@testable import LastCallWork

@Suite struct ZoneTests {
    /// The message of the error that a name gives; `nil` where there is such a zone.
    private func message(_ name: String, in folders: [String]) -> String? {
        let error = ScheduleSupport.error { () throws(WorkError) in
            _ = try Zone(name, folders: folders.map { ZoneFolder(path: $0) })
        }
        if let error { #expect(error.code == .invalidConfiguration) }
        return error?.message
    }

    /// A folder with zones that were made up.
    private func scratch() throws -> ScratchDirectory {
        let scratch = try ScratchDirectory()
        let manager = FileManager.default
        for folder in ["Europe", "America/Argentina", "right"] {
            try manager.createDirectory(atPath: "\(scratch.path)/\(folder)", withIntermediateDirectories: true)
        }
        let file = Data(ScheduleSupport.file(offsets: [3600]))
        for name in [
            "Europe/Berlin", "Europe/Paris", "America/Argentina/Salta", "Japan", "right/Berlin", "leapseconds",
        ] {
            try file.write(to: URL(filePath: "\(scratch.path)/\(name)"))
        }
        try scratch.write("TZif2, but not really a time zone file: this is text", to: "Broken")
        return scratch
    }

    @Test("UTC needs no database", arguments: ["UTC", "Etc/UTC", "GMT", "Z"])
    func utc(name: String) throws {
        let zone = try Zone(name, folders: [])
        #expect(zone == .utc)
        #expect(zone.description == "UTC")
        #expect(zone.offset(at: WorkInstant(rawValue: .max)) == 0)
        #expect(zone.offset(at: WorkInstant(rawValue: .min)) == 0)
    }

    @Test(
        "a name that leads elsewhere is refused before any file is read",
        arguments: [
            "", "/etc/passwd", "../zoneinfo/Japan", "Europe/../Japan", "..", ".", "./Japan", "Europe//Berlin", "Japan/",
            ".hidden", "Jap an", "Jap\0an", "Japan\n", "J\u{E4}pan", "~root", String(repeating: "a", count: 129),
            "\\Japan",
        ])
    func refused(name: String) throws {
        let scratch = try scratch()
        let message = try #require(self.message(name, in: [scratch.path]))
        #expect(message.contains("cannot be the name of a time zone. Names are those of the IANA database"))
        #expect(!message.unicodeScalars.contains { $0.value < 0x20 })
        #expect(self.message(name, in: ["/proc/self/no-such-folder"]) == message)
    }

    @Test("a zone that is not there is refused, with the nearest name")
    func unknown() throws {
        let scratch = try scratch()
        let end = "Names are those of the IANA database, such as \"Europe/Berlin\" or \"UTC\""
        let near = [
            ("Europe/Berln", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("Paris", "Europe/Paris"),
            ("Salta", "America/Argentina/Salta"), ("America/Salta", nil), ("Jepan", "Japan"), ("Mars/Olympus", nil),
            ("Europe", nil), ("leapsecond", nil), ("Europe/Berlin/Mitte", nil), ("X", nil),
        ]
        for (name, nearest) in near {
            let guess = nearest.map { "; did you mean \"\($0)\"?" } ?? "."
            #expect(message(name, in: [scratch.path]) == "there is no time zone \"\(name)\"\(guess) \(end)")
        }
    }

    @Test("without any database the error says what to install")
    func noDatabase() {
        let message = message("Europe/Berlin", in: ["/no/such/folder", "/nor/this"])
        #expect(
            message
                == "there is no time zone \"Europe/Berlin\", because this machine has no time zone database (looked for /no/such/folder, /nor/this); install the package `tzdata`, or use \"UTC\""
        )
    }

    @Test("a damaged file is named, and is not taken for a zone that is not there")
    func damaged() throws {
        let scratch = try scratch()
        #expect(
            message("Broken", in: [scratch.path])
                == "the time zone file \(scratch.path)/Broken cannot be used: it ends too early; if \"Broken\" is the zone that you mean, reinstall the package `tzdata`"
        )
        let large = [UInt8](repeating: 0, count: ZoneHistory.bytesMax + 100)
        try Data(large).write(to: URL(filePath: "\(scratch.path)/Large"))
        #expect(message("Large", in: [scratch.path])?.contains("it has more than 1048576 bytes") == true)
    }

    @Test("the first folder that has the zone is taken")
    func folders() throws {
        let scratch = try scratch()
        #expect(message("Japan", in: ["/no/such/folder", scratch.path]) == nil)
    }

    @Test("zones are equal where name and rules are")
    func equality() throws {
        let (scratch, other) = (try scratch(), try scratch())
        let folders = [ZoneFolder(path: scratch.path)]
        let japan = try Zone("Japan", folders: folders)
        #expect(try japan == Zone("Japan", folders: [ZoneFolder(path: other.path)]))
        #expect(try japan != Zone("Europe/Paris", folders: folders))
        try Data(ScheduleSupport.file(offsets: [7200])).write(to: URL(filePath: "\(scratch.path)/Japan"))
        #expect(try japan != Zone("Japan", folders: folders))
        #expect(try Set([japan, Zone("Japan", folders: folders), japan]).count == 2)
    }

    @Test(
        "offsets of real zones, in the past, now and far ahead", ScheduleSupport.needsZones,
        arguments: [
            ("Europe/Berlin", "1850-01-01 00:00", 3208), ("Europe/Berlin", "1893-03-31 23:06:31", 3208),
            ("Europe/Berlin", "1893-03-31 23:06:32", 3600), ("Europe/Berlin", "2025-07-01 00:00", 7200),
            ("America/New_York", "2025-11-02 05:59:59", -14400), ("America/New_York", "2025-11-02 06:00", -18000),
            ("Asia/Kathmandu", "2025-01-01 00:00", 20700), ("Pacific/Apia", "2011-12-30 09:59:59", -36000),
            ("Pacific/Apia", "2011-12-30 10:00", 50400), ("Africa/Monrovia", "1971-06-01 00:00", -2670),
            ("America/St_Johns", "2025-07-01 00:00", -9000), ("Australia/Lord_Howe", "2025-07-01 00:00", 37800),
        ])
    func real(name: String, time: String, offset: Int) throws {
        #expect(try Zone(name).offset(at: ScheduleSupport.instant(time)) == offset)
    }

    @Test("every file of the machine's database can be read", ScheduleSupport.needsZones)
    func everyZone() async throws {
        let folder = try #require(ZoneFolder.usual.first { $0.exists }).path
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).filter { name in
            name.first?.isUppercase == true && !name.contains(".")
        }
        var count = 0
        for name in names {
            if count % 50 == 0 { await Task.yield() }
            var isFolder = false
            guard FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder), !isFolder else {
                continue
            }
            let offset = try Zone(name).offset(at: WorkInstant(rawValue: 1_750_000_000_000))
            #expect(offset % 900 == 0 && (-12 * 3600...14 * 3600).contains(offset), "\(name)")
            count += 1
        }
        #expect(count > 300)
    }
}
