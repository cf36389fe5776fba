import Foundation
import LastCall
import LastCallTesting
import Testing

/// The receipt's place in the file system.
@Suite struct ReceiptFileTests {
    /// Runs `body` in a folder of its own.
    static func inFolder(_ body: (String) throws -> Void) throws {
        let folder = try ScratchDirectory()
        try body(folder.path)
    }

    /// What is in a folder, sorted.
    static func list(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// The permission bits of a file.
    static func permissions(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    static func put(_ text: String, at path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// The name under which the next receipt is written before it takes the place of the last one.
    static func next(_ path: String) -> String { "\(path).\(getpid()).tmp" }

    @Test("C13 folders that are missing are made, by the probe and by the write") func missingFolders() throws {
        try Self.inFolder { folder in
            try ReceiptFile(path: "\(folder)/a/b//c/receipt.json").probe()
            #expect(try Self.list("\(folder)/a/b") == ["c"])
            // The probe leaves no receipt behind that nobody wrote.
            #expect(try Self.list("\(folder)/a/b/c").isEmpty)
            try ReceiptFile(path: "\(folder)/d/e/receipt.json").write("text")
            #expect(try FileText.read("\(folder)/d/e/receipt.json") == "text")
        }
    }

    @Test("a receipt takes the old one's place as a whole, and nothing is left beside it") func replaced() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/receipt.json"
            let file = ReceiptFile(path: path)
            try file.write("a long receipt, for a start")
            let reader = try #require(FileHandle(forReadingAtPath: path))
            try file.write("short")
            #expect(try FileText.read(path) == "short")
            #expect(try Self.list(folder) == ["receipt.json"])
            // Who opened the old one before reads the old one to its end: never half of each.
            #expect(try reader.readToEnd() == Data("a long receipt, for a start".utf8))
        }
    }

    @Test("whoever reads while receipts are written sees a whole one each time") func readers() async throws {
        let folder = try ScratchDirectory()
        let path = "\(folder.path)/receipt.json"
        let receipts = [1, 100_000].map { String(repeating: "x", count: $0) + "." }
        try ReceiptFile(path: path).write(receipts[0])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for run in 0..<200 { try ReceiptFile(path: path).write(receipts[run % 2]) } }
            group.addTask {
                for _ in 0..<200 {
                    let seen = try FileText.read(path)
                    // Not in the expectation: a failure would print all of it.
                    let isWhole = receipts.contains(seen)
                    #expect(isWhole, "\(seen.count) characters")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a new receipt can be read by everybody, and one that was made private stays private") func permissions()
        throws
    {
        try Self.inFolder { folder in
            let file = ReceiptFile(path: "\(folder)/receipt.json")
            try file.write("first")
            #expect(try Self.permissions(file.path) & 0o600 == 0o600)
            #expect(try Self.permissions(file.path) & 0o133 == 0)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
            try file.write("second")
            #expect(try Self.permissions(file.path) == 0o600)
            #expect(try FileText.read(file.path) == "second")
        }
    }

    @Test("C14 a folder in place of the receipt is a clear error, at start and at the end, and stays as it is")
    func folderAsTarget() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/receipt.json"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            try Self.put("data", at: "\(path)/precious")
            let refusal = #expect(throws: ReceiptFile.Failure.self) { try ReceiptFile(path: path).probe() }
            #expect(refusal?.description == "receipt \(path) is a folder; name a file in it")
            let failure = #expect(throws: ReceiptFile.Failure.self) { try ReceiptFile(path: path).write("text") }
            #expect(failure?.description == "receipt \(path) cannot be opened: Is a directory")
            #expect(try Self.list(folder) == ["receipt.json"])
            #expect(try FileText.read("\(path)/precious") == "data")
        }
    }

    @Test("C14 a path that leads through a file is a clear error, and the file stays as it is") func fileAsFolder()
        throws
    {
        try Self.inFolder { folder in
            try Self.put("data", at: "\(folder)/file")
            let file = ReceiptFile(path: "\(folder)/file/deeper/receipt.json")
            let message = "receipt \(file.path) its folder cannot be made: Not a directory"
            #expect(#expect(throws: ReceiptFile.Failure.self) { try file.probe() }?.description == message)
            #expect(#expect(throws: ReceiptFile.Failure.self) { try file.write("text") }?.description == message)
            #expect(try FileText.read("\(folder)/file") == "data")
        }
    }

    // Root may write everywhere, but not here.
    @Test("C14 a folder that takes no files is a clear error at start") func unwritableFolder() throws {
        let error = #expect(throws: ReceiptFile.Failure.self) {
            try ReceiptFile(path: "/sys/new/receipt.json").probe()
        }
        #expect(error?.description.hasPrefix("receipt /sys/new/receipt.json its folder cannot be made: ") == true)
    }

    @Test("a receipt that cannot be written throws, and leaves the old one whole and nothing beside it")
    func oldOneStays()
        throws
    {
        try Self.inFolder { folder in
            // The longest name that there is (NAME_MAX); the one for the next receipt would be longer.
            let name = String(repeating: "n", count: 255)
            try Self.put("old", at: "\(folder)/\(name)")
            let error = #expect(throws: ReceiptFile.Failure.self) {
                try ReceiptFile(path: "\(folder)/\(name)").write("new")
            }
            #expect(error?.description == "receipt \(folder)/\(name) cannot be opened: File name too long")
            #expect(try FileText.read("\(folder)/\(name)") == "old")
            #expect(try Self.list(folder) == [name])
        }
    }

    @Test("what a process of the same number left half written does not stand in the way") func leftBehind() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/receipt.json"
            // In a container every process is number 1.
            try Self.put("half of a much longer recei", at: Self.next(path))
            try ReceiptFile(path: path).write("whole")
            #expect(try FileText.read(path) == "whole")
            #expect(try Self.list(folder) == ["receipt.json"])
        }
    }

    @Test("a link that somebody laid where the next receipt is written is not followed") func plantedLink() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/receipt.json"
            try Self.put("data", at: "\(folder)/precious")
            try #require(symlink("\(folder)/precious", Self.next(path)) == 0)
            try ReceiptFile(path: path).write("receipt")
            #expect(try FileText.read("\(folder)/precious") == "data")
            #expect(try FileText.read(path) == "receipt")
            #expect(try Self.list(folder) == ["precious", "receipt.json"])
        }
    }

    // MARK: Links

    @Test(
        "where the path is a link, the file that it leads to is replaced and the link stays", arguments: [true, false])
    func link(isThere: Bool) throws {
        try Self.inFolder { folder in
            let (path, real) = ("\(folder)/receipt.json", "\(folder)/volume/real.json")
            try FileManager.default.createDirectory(atPath: "\(folder)/volume", withIntermediateDirectories: false)
            if isThere { try Self.put("old", at: real) }
            try #require(symlink("volume/real.json", path) == 0)
            try ReceiptFile(path: path).probe()
            try ReceiptFile(path: path).write("new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "volume/real.json")
            #expect(try FileText.read(real) == "new")
            #expect(try Self.list("\(folder)/volume") == ["real.json"])
        }
    }

    @Test("links that lead in a circle are a clear error") func circle() throws {
        try Self.inFolder { folder in
            let file = ReceiptFile(path: "\(folder)/receipt.json")
            try #require(symlink("receipt.json", file.path) == 0)
            let message = "receipt \(file.path) cannot be found: Too many levels of symbolic links"
            #expect(#expect(throws: ReceiptFile.Failure.self) { try file.probe() }?.description == message)
            #expect(#expect(throws: ReceiptFile.Failure.self) { try file.write("text") }?.description == message)
        }
    }

    // LASTCALL_RECEIPT=/dev/stdout with the output in a file: /dev/stdout is a link to this.
    @Test("a descriptor's own path is written to, not replaced, and what was written before stays") func descriptor()
        throws
    {
        try Self.inFolder { folder in
            let path = "\(folder)/log"
            try Self.put("a line of the log\n", at: path)
            let log = try #require(FileHandle(forWritingAtPath: path))
            try log.seekToEnd()
            let file = ReceiptFile(path: "/dev/fd/\(log.fileDescriptor)")
            try file.probe()
            try file.write("receipt\n")
            #expect(try FileText.read(path) == "a line of the log\nreceipt\n")
            // The same by a link, which /dev/stdout is.
            try #require(symlink(file.path, "\(folder)/stdout") == 0)
            try ReceiptFile(path: "\(folder)/stdout").write("again\n")
            #expect(try FileText.read(path) == "a line of the log\nreceipt\nagain\n")
            #expect(try Self.list(folder) == ["log", "stdout"])
        }
    }

    @Test("C14 a descriptor that is not open is a clear error at start") func closedDescriptor() {
        let path = "/proc/self/fd/999999"
        let error = #expect(throws: ReceiptFile.Failure.self) { try ReceiptFile(path: path).probe() }
        #expect(error?.description == "receipt \(path) cannot be written: No such file or directory")
    }

    // MARK: In place

    @Test("B14a a mounted termination message is written in place, the old text's end included") func inPlace() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/termination-log"
            try Self.put("a much longer message from before", at: path)
            let before = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
            let file = ReceiptFile(path: path, isInPlace: true)
            try file.probe()
            try file.write("short")
            #expect(try FileText.read(path) == "short")
            // A mounted file cannot be replaced (rename(2), EBUSY); it is the same file as before.
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int == before)
            #expect(try Self.list(folder) == ["termination-log"])
        }
    }

    @Test("a pipe that nobody reads is an error and holds nothing up") func pipeWithoutReader() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/pipe"
            try #require(mkfifo(path, 0o600) == 0)
            try ReceiptFile(path: path).probe()
            let error = #expect(throws: ReceiptFile.Failure.self) { try ReceiptFile(path: path).write("text") }
            #expect(error?.description == "receipt \(path) cannot be opened: No such device or address")
            #expect(try Self.list(folder) == ["pipe"])
        }
    }

    @Test("a pipe that somebody reads gets the receipt") func pipeWithReader() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/pipe"
            try #require(mkfifo(path, 0o600) == 0)
            let descriptor = open(path, O_RDONLY | O_NONBLOCK)
            let reader = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try ReceiptFile(path: path).write("text")
            #expect(try reader.readToEnd() == Data("text".utf8))
            #expect(try Self.list(folder) == ["pipe"])
        }
    }

    @Test("a full disk is an error with the system's own words") func fullDisk() throws {
        try ReceiptFile(path: "/dev/full").probe()
        let error = #expect(throws: ReceiptFile.Failure.self) { try ReceiptFile(path: "/dev/full").write("text") }
        #expect(error?.description == "receipt /dev/full cannot be written: No space left on device")
    }

    @Test("a device is written to and stays a device") func device() throws {
        try ReceiptFile(path: "/dev/null").probe()
        try ReceiptFile(path: "/dev/null").write("text")
        let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
        #expect(type == .typeCharacterSpecial)
    }
}
