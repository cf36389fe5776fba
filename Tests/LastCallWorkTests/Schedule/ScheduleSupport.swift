import Foundation
import Testing

@testable import LastCallWork

/// What the tests of schedules write and read: instants as text, zones that were made up.
enum ScheduleSupport {
    /// The condition of tests that ask the machine's time zone database.
    static let needsZones: ConditionTrait = .enabled(
        if: ZoneFolder.usual.contains { $0.exists }, "this machine has no time zone database; install tzdata")

    /// The instant of a text such as `2025-03-30 01:00`, with seconds where they are wanted.
    static func instant(_ text: String) throws -> WorkInstant {
        let time = text.replacing(" ", with: "T") + (text.count == 16 ? ":00Z" : "Z")
        let date = try Date(time, strategy: .iso8601)
        return WorkInstant(rawValue: Int64(date.timeIntervalSince1970) * 1000)
    }

    /// An instant as such a text.
    static func text(_ instant: WorkInstant) -> String {
        let date = Date(timeIntervalSince1970: Double(instant.rawValue) / 1000)
        let text = date.formatted(.iso8601).replacing("T", with: " ").dropLast()
        return String(text.hasSuffix(":00") ? text.dropLast(3) : text)
    }

    /// When an expression is due after an instant, so many times.
    static func times(_ cron: Cron, after: String, _ count: Int) throws -> [String] {
        var instant = try Self.instant(after)
        var times: [String] = []
        while times.count < count, let next = cron.next(after: instant) {
            times.append(text(next))
            instant = next
        }
        return times
    }

    /// A time zone file of version 2 whose changes go from one type to the next.
    ///
    /// - Parameters:
    ///   - offsets: The offsets in seconds, of which the first is the one before all changes.
    ///   - changes: When the others begin, in seconds since 1970.
    ///   - rule: What is true after the last change.
    static func file(
        offsets: [Int32], changes: [Int64] = [], rule: String = "", version: UInt8 = UInt8(ascii: "2"), leaps: Int32 = 0
    ) -> [UInt8] {
        func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        func header(_ counts: [Int32]) -> [UInt8] {
            Array("TZif".utf8) + [version] + Array(repeating: 0, count: 15) + counts.flatMap { bytes($0) }
        }
        let count = Int32(offsets.count)
        // The block for readers of version 1 is as small as it may be.
        let old = header([0, 0, 0, 0, 1, 1]) + Array(repeating: 0, count: 7)
        var new = header([count, count, leaps, Int32(changes.count), count, 4])
        new += changes.flatMap { bytes($0) } + changes.indices.map { UInt8($0 + 1) }
        new += offsets.flatMap { bytes($0) + [0, 0] } + Array("ABC\0".utf8)
        new += Array(repeating: 0, count: Int(leaps) * 12 + offsets.count * 2)
        return old + new + Array("\n\(rule)\n".utf8)
    }

    /// The error of something that has to fail.
    static func error(_ body: () throws(WorkError) -> Void) -> WorkError? {
        do throws(WorkError) { try body() } catch { return error }
        return nil
    }

    /// What is wrong with a rule or a file; `nil` where nothing is.
    static func defect(_ body: () throws(ZoneDefect) -> Void) -> String? {
        do throws(ZoneDefect) { try body() } catch { return error.what }
        return nil
    }
}
