import Foundation
import LastCallTesting
import Testing

@testable import LastCall

/// The receipt as other programs read it.
@Suite struct ReceiptJSONTests {
    /// Every key that there is, in the order in which it is written.
    static let golden = """
        {
          "cause" : {
            "detail" : "SIGTERM",
            "kind" : "signal",
            "pid" : 1,
            "uid" : 0
          },
          "deadline" : "2026-02-01T00:00:28.499Z",
          "elapsedSeconds" : 12.345,
          "exitCode" : 1,
          "grace" : {
            "seconds" : 30,
            "source" : "stated"
          },
          "laterCauses" : [
            {
              "detail" : "stop() was called",
              "kind" : "call"
            }
          ],
          "name" : "shop",
          "notes" : [
            "the handler for SIGTERM was replaced, and was taken back"
          ],
          "outcome" : "partial",
          "platform" : "kubernetes",
          "stages" : [
            {
              "beganAfterSeconds" : 0,
              "budgetSeconds" : 10,
              "elapsedSeconds" : 10,
              "members" : [
                {
                  "acceptedDuringStop" : 3,
                  "cut" : 7,
                  "cutItems" : [
                    {
                      "ageSeconds" : 61.25,
                      "label" : "GET /reports/7"
                    },
                    {
                      "label" : "POST /orders"
                    }
                  ],
                  "cutItemsOmitted" : 5,
                  "deadLettered" : 1,
                  "done" : 300,
                  "elapsedSeconds" : 10,
                  "handedOver" : 2,
                  "hasLedger" : true,
                  "heldAtStop" : 312,
                  "kept" : 5,
                  "name" : "http",
                  "outcome" : "cancelled",
                  "prediction" : "312 queued at 1/s need 5m12s, there are 9s: 303 will not make it",
                  "remarks" : [
                    "poll cancelled"
                  ],
                  "unaccounted" : 0
                }
              ],
              "name" : "web"
            },
            {
              "budgetSeconds" : 17.5,
              "elapsedSeconds" : 0,
              "members" : [
                {
                  "acceptedDuringStop" : 0,
                  "cut" : 0,
                  "cutItems" : [

                  ],
                  "cutItemsOmitted" : 0,
                  "deadLettered" : 0,
                  "done" : 0,
                  "elapsedSeconds" : 0,
                  "error" : "no route to host",
                  "handedOver" : 0,
                  "hasLedger" : false,
                  "heldAtStop" : 0,
                  "kept" : 0,
                  "name" : "database",
                  "outcome" : "failed",
                  "unaccounted" : 0
                }
              ],
              "name" : "store"
            }
          ],
          "startedAt" : "2026-01-31T23:59:59.999Z",
          "totals" : {
            "acceptedDuringStop" : 3,
            "cut" : 7,
            "deadLettered" : 1,
            "done" : 300,
            "handedOver" : 2,
            "heldAtStop" : 312,
            "kept" : 5,
            "unaccounted" : 0
          },
          "version" : 1
        }
        """

    @Test("a receipt with everything in it is written to the letter, and read back equal") func golden() throws {
        #expect(try SampleReceipt.full.json() == Self.golden)
        #expect(try Receipt(json: Self.golden.utf8) == SampleReceipt.full)
        let line = try SampleReceipt.full.json(isPretty: false)
        #expect(!line.contains("\n"))
        #expect(try Receipt(json: line.utf8) == SampleReceipt.full)
    }

    @Test("text of every kind comes back as it was") func anyText() throws {
        var receipt = SampleReceipt.full
        receipt.name = "a \"quoted\" / \\ name\n\u{1B}[31m\u{0}\u{7F}\u{2028} für 🛒"
        #expect(try Receipt(json: receipt.json().utf8) == receipt)
        #expect(try receipt.json(isPretty: false).unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }

    /// The keys that the documentation's tables name, table by table.
    ///
    /// A table is known by the words before it; `grace.seconds` stands for a key `grace`.
    static func documentedKeys(after words: String, in page: String) throws -> Set<String> {
        let start = try #require(page.range(of: words)).upperBound
        let rows = page[start...].split(separator: "\n").drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
        return Set(rows.compactMap { $0.firstMatch(of: #/^\| `(\w+)/#).map { String($0.1) } })
    }

    /// The keys of a JSON object.
    static func keys(_ object: Any?) throws -> Set<String> { Set(try #require(object as? [String: Any]).keys) }

    @Test("every key is documented, and no other") func documentation() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appending(path: "Sources/LastCall/LastCall.docc/TheReceipt.md"), encoding: .utf8)
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(Self.golden.utf8)) as? [String: Any])
        #expect(try Self.documentedKeys(after: "### The schema, version 1", in: page) == Self.keys(object))
        #expect(try Self.documentedKeys(after: "A **cause**:", in: page) == Self.keys(object["cause"]))
        let stages = try #require(object["stages"] as? [[String: Any]])
        #expect(try Self.documentedKeys(after: "A **stage**:", in: page) == Self.keys(stages[0]))
        // One member has a prediction and the other an error.
        let members = try stages.map { try Self.keys(($0["members"] as? [Any])?.first) }
        #expect(try Self.documentedKeys(after: "A **member**:", in: page) == members[0].union(members[1]))
        let totals = try #require(page.firstMatch(of: #/The \*\*totals\*\* have([^.]+)\./#))
        #expect(Set(totals.1.matches(of: #/`(\w+)`/#).map { String($0.1) }) == (try Self.keys(object["totals"])))
    }

    @Test("keys that a later version added are passed over, at every level") func unknownKeys() throws {
        let later = Self.golden.replacing("{\n", with: "{\n\"invented\" : [ { \"later\" : null } ],\n")
        #expect(later.count(where: { $0 == "[" }) > Self.golden.count(where: { $0 == "[" }) + 5)
        #expect(try Receipt(json: later.utf8) == SampleReceipt.full)
    }

    @Test("a kind of cause that is not known yet is kept as it is") func unknownCause() throws {
        let later = Self.golden.replacing("\"kind\" : \"call\"", with: "\"kind\" : \"telepathy\"")
        #expect(try Receipt(json: later.utf8).laterCauses[0].kind.rawValue == "telepathy")
    }

    @Test("another schema is refused by its number, before anything else of it is read", arguments: [2, 17, 0, -1])
    func otherVersion(version: Int) {
        let error = #expect(throws: LastCallError.self) { try Receipt(json: "{\"version\":\(version)}".utf8) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.description.hasPrefix("receipt schema \(version) ") == true)
        // What is not newer is not called so.
        #expect(error?.description.contains("newer") == (version > 1))
    }

    /// What is wrong with a receipt, and the key that the error names.
    struct Damage: Sendable, CustomTestStringConvertible {
        /// What stands in the receipt.
        let old: String
        /// What is there instead.
        let new: String
        /// Where the error says it is.
        let path: [String]

        var testDescription: String { "\(old.debugDescription) is \(new.debugDescription)" }
    }

    @Test(
        "a value of the wrong type is refused, and the error says where it stands",
        arguments: [
            Damage(old: "\"version\" : 1", new: "\"version\" : \"1\"", path: ["version"]),
            Damage(old: "\"exitCode\" : 1,", new: "\"exitCode\" : null,", path: ["exitCode"]),
            Damage(old: "\"outcome\" : \"partial\"", new: "\"outcome\" : \"fine\"", path: ["outcome"]),
            Damage(old: "\"source\" : \"stated\"", new: "\"source\" : \"guessed\"", path: ["grace", "source"]),
            Damage(old: "\"pid\" : 1", new: "\"pid\" : \"one\"", path: ["cause", "pid"]),
            Damage(
                old: "\"done\" : 300", new: "\"done\" : true",
                path: ["stages", "Index 0", "members", "Index 0", "done"]
            ),
            Damage(
                old: "\"label\" : \"POST /orders\"", new: "\"label\" : [ ]",
                path: ["stages", "Index 0", "members", "Index 0", "cutItems", "Index 1", "label"]),
        ])
    func wrongType(damage: Damage) throws {
        let range = try #require(Self.golden.firstRange(of: damage.old))
        let text = Self.golden.replacingCharacters(in: range, with: damage.new)
        let error = try #require(throws: DecodingError.self) { try Receipt(json: text.utf8) }
        #expect(error.path == damage.path)
    }

    @Test(
        "a number that does not fit is refused, not rounded and not a trap",
        arguments: [
            ("\"version\" : 1", "1.5"), ("\"exitCode\" : 1", "4294967297"), ("\"done\" : 300", "9223372036854775808"),
            ("\"uid\" : 0", "-1"), ("\"elapsedSeconds\" : 12.345", "1e999"),
        ])
    func outOfRange(old: String, number: String) throws {
        let range = try #require(Self.golden.firstRange(of: old))
        let key = try #require(old.split(separator: " ").first)
        let text = Self.golden.replacingCharacters(in: range, with: "\(key) : \(number)")
        #expect(throws: DecodingError.self) { try Receipt(json: text.utf8) }
    }

    @Test("a key that is missing is named", arguments: ["version", "name", "cause", "grace", "stages", "totals"])
    func missingKey(key: String) throws {
        var object = try #require(try JSONSerialization.jsonObject(with: Data(Self.golden.utf8)) as? [String: Any])
        object[key] = nil
        let bytes = try JSONSerialization.data(withJSONObject: object)
        let error = try #require(throws: DecodingError.self) { try Receipt(json: bytes) }
        guard case .keyNotFound(let missing, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(missing.stringValue == key)
    }

    @Test("a file that was cut off at any byte is refused, and traps nowhere") func torn() throws {
        let bytes = Array(try SampleReceipt.full.json(isPretty: false).utf8)
        for length in 0..<bytes.count {
            #expect(throws: DecodingError.self, "\(length) bytes") { try Receipt(json: bytes[..<length]) }
        }
    }

    @Test(
        "what is no receipt is refused",
        arguments: ["", " \n", "null", "[]", "1", "\"receipt\"", "{}", "\u{FEFF}", "{\"version\":1}", "\u{0}"])
    func noReceipt(text: String) {
        #expect(throws: DecodingError.self) { try Receipt(json: text.utf8) }
    }

    @Test("bytes that are no UTF-8 are refused") func notUTF8() throws {
        var bytes = Array(Self.golden.utf8)
        let name = try #require(Self.golden.range(of: "shop"))
        bytes[Self.golden.utf8.distance(from: Self.golden.startIndex, to: name.lowerBound)] = 0xFF
        #expect(throws: DecodingError.self) { try Receipt(json: bytes) }
    }

    @Test("B14a the short receipt drops lost items, then quiet members, then stages; the sums stay") func short() throws
    {
        var receipt = SampleReceipt.full
        receipt.stages[0].members.append(SampleReceipt.member("quiet"))
        let whole = try receipt.json(isPretty: false)
        #expect(try receipt.shortJSON(bytesMax: whole.utf8.count) == whole)

        let withoutItems = try Receipt(json: receipt.shortJSON(bytesMax: whole.utf8.count - 1).utf8)
        #expect(withoutItems.stages[0].members.map(\.name) == ["http", "quiet"])
        #expect(withoutItems.stages[0].members[0].cutItems.isEmpty)
        #expect(withoutItems.stages[0].members[0].cutItemsOmitted == 7)

        let size = try withoutItems.json(isPretty: false).utf8.count
        let withoutQuiet = try Receipt(json: receipt.shortJSON(bytesMax: size - 1).utf8)
        #expect(withoutQuiet.stages.map { $0.members.map(\.name) } == [["http"], ["database"]])

        let smallest = try Receipt(
            json: receipt.shortJSON(bytesMax: withoutQuiet.json(isPretty: false).utf8.count - 1).utf8)
        #expect(smallest.stages.isEmpty)
        #expect(smallest.totals == receipt.totals)
        #expect(smallest.cause == receipt.cause)
        #expect(smallest.notes.count == 1)
    }
}

extension DecodingError {
    /// Where in the text the error is.
    fileprivate var path: [String] {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context.codingPath.map(\.stringValue)
        @unknown default: ["unknown"]
        }
    }
}
