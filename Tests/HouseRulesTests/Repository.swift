import Foundation
import Testing

/// The checkout that the tests were built from.
struct Repository: Sendable {
    /// Its root: the nearest folder above this file that holds a Package.swift.
    let root: URL
    /// The files that are or could be committed, as paths from the root.
    let paths: [String]
    /// The files that are committed; nil where git cannot tell.
    let tracked: [String]?

    /// The checkout, read once.
    static let current = Result { try Repository() }

    init(above file: String = #filePath) throws {
        var folder = URL(filePath: file).deletingLastPathComponent()
        while !FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) {
            let parent = folder.deletingLastPathComponent()
            try #require(parent.path != folder.path, "no Package.swift above \(file)")
            folder = parent
        }
        root = folder
        tracked = Self.git(["ls-files", "-z"], in: folder)
        let visible = Self.git(["ls-files", "-z", "--cached", "--others", "--exclude-standard"], in: folder)
        paths = Set(visible ?? Self.walk(folder)).filter { path in
            FileManager.default.fileExists(atPath: folder.appending(path: path).path)
        }.sorted()
        try #require(!paths.isEmpty, "no files found in \(folder.path)")
    }

    /// The text of a file; nil for what is not UTF-8.
    func text(_ path: String) throws -> String? {
        String(data: try Data(contentsOf: root.appending(path: path)), encoding: .utf8)
    }

    /// Whether a file or a folder is there.
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root.appending(path: path).path) }

    /// What git lists, or nil where there is no git or no repository (an unpacked archive).
    private static func git(_ arguments: [String], in folder: URL) -> [String]? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["git", "-c", "safe.directory=*", "-C", folder.path] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: data, as: UTF8.self).split(separator: "\0").map(String.init)
    }

    /// All files below `folder`, without build folders and hidden ones.
    private static func walk(_ folder: URL) -> [String] {
        guard let files = FileManager.default.enumerator(atPath: folder.path) else { return [] }
        return files.compactMap { $0 as? String }.filter { path in
            var isFolder = ObjCBool(false)
            return !path.hasPrefix(".build") && !path.hasPrefix(".git/") && !path.hasPrefix("dist/")
                && FileManager.default.fileExists(atPath: folder.appending(path: path).path, isDirectory: &isFolder)
                && !isFolder.boolValue
        }
    }
}
