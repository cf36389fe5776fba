#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A folder with time zone files, one for each name.
struct ZoneFolder: Sendable, Hashable {
    /// Where it is.
    let path: String

    /// How many entries are looked at for a name that is near; the database has about 1,200.
    private static let entriesMax = 5000

    /// How deep names are: `America/Argentina/Salta`.
    private static let depthMax = 3

    /// The folders in which a machine has its database: the one that `$TZDIR` names, otherwise where systems install it.
    static var usual: [ZoneFolder] {
        if let chosen = getenv("TZDIR").map({ String(cString: $0) }), !chosen.isEmpty { return [.init(path: chosen)] }
        return ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"].map { .init(path: $0) }
    }

    /// Whether it is a folder that can be listed.
    var exists: Bool {
        guard let directory = opendir(path) else { return false }
        closedir(directory)
        return true
    }

    /// The bytes of a zone's file, or `nil` where there is no such file; of a long one the first part, which is too long as well.
    ///
    /// - Throws: ``WorkError/Code/invalidConfiguration`` where it is there and cannot be read.
    func read(_ name: String) throws(WorkError) -> [UInt8]? {
        guard let file = fopen("\(path)/\(name)", "re") else {
            let code = errno
            guard [ENOENT, ENOTDIR, ENAMETOOLONG].contains(code) else { throw unreadable(name, code) }
            return nil
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count <= ZoneHistory.bytesMax {
            let count = fread(&buffer, 1, buffer.count, file)
            let code = errno
            bytes.append(contentsOf: buffer.prefix(count))
            guard count < buffer.count else { continue }
            guard ferror(file) == 0 else {
                // `Europe` is a folder.
                guard code == EISDIR else { throw unreadable(name, code) }
                return nil
            }
            return bytes
        }
        return bytes
    }

    /// The error for a file that is there and cannot be read.
    private func unreadable(_ name: String, _ code: Int32) -> WorkError {
        WorkError(
            .invalidConfiguration,
            "the time zone file \(path)/\(name) cannot be read: \(String(cString: strerror(code))); let this user read it"
        )
    }

    /// The zone that somebody meant who wrote a name that is not there.
    ///
    /// Case does not count, and a word without a slash may be the end of a name: `berlin`. Otherwise an edit in four letters,
    /// at most three, may lie between. Of equals the first in the alphabet wins.
    func nearest(to name: String) -> String? {
        let wanted = Array(name.lowercased().utf8)
        let editsMax = max(1, min(3, wanted.count / 4))
        var best: (name: String, edits: Int)?
        for candidate in names() {
            let plain = candidate.lowercased()
            var edits = Self.edits(from: wanted, to: Array(plain.utf8))
            if !wanted.contains(UInt8(ascii: "/")), let end = plain.split(separator: "/").last {
                edits = min(edits, Self.edits(from: wanted, to: Array(end.utf8)))
            }
            if edits <= editsMax, edits < best?.edits ?? .max { best = (candidate, edits) }
        }
        return best?.name
    }

    /// The names of its zones in order, as many as ``entriesMax`` entries hold.
    ///
    /// Names begin with a capital; `posix/`, `right/`, `tzdata.zi` and their like do not.
    private func names() -> [String] {
        var names: [String] = []
        var folders: [(prefix: String, depth: Int)] = [("", 1)]
        var entriesLeft = Self.entriesMax
        while let (prefix, depth) = folders.popLast() {
            guard let directory = opendir("\(path)/\(prefix)") else {
                // No folder, so a file.
                names.append(String(prefix.dropLast()))
                continue
            }
            defer { closedir(directory) }
            while entriesLeft > 0, let entry = readdir(directory) {
                entriesLeft -= 1
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name.first?.isUppercase == true, depth <= Self.depthMax else { continue }
                folders.append(("\(prefix)\(name)/", depth + 1))
            }
        }
        return names.sorted()
    }

    /// How many letters have to be added, removed or replaced to come from one word to another (Levenshtein's distance).
    private static func edits(from first: [UInt8], to second: [UInt8]) -> Int {
        var last = Array(0...second.count)
        for row in first.indices {
            var current = [row + 1]
            for column in second.indices {
                let replaced = last[column] + (first[row] == second[column] ? 0 : 1)
                current.append(min(replaced, last[column + 1] + 1, current[column] + 1))
            }
            last = current
        }
        return last[second.count]
    }
}
