import LastCallTesting
import Testing

@testable import LastCall

/// The receipt as a terminal shows it.
@Suite struct ReceiptTableTests {
    @Test("a clean stop: a line a member, figures where there is a ledger, one verdict") func clean() {
        #expect(
            ReceiptTable(SampleReceipt.clean).text == """
                last call shop: SIGTERM from pid 1 (uid 0) (grace 30s, stated)
                  stage  member   outcome  took     of  held  new  done  handed  kept  dead  cut
                  web    http     drained  20ms    10s     -    -     -       -     -     -    -
                         metrics  ended      0s            -    -     -       -     -     -    -
                  work   queue    drained  1.5s  17.5s    12    1     4       9     0     0    0
                  log    -        -          0s     1s
                clean after 1.52s, exit 0: 12 held + 1 accepted, all accounted for

                """)
    }

    @Test("a partial stop: what was lost, what failed, and what was foreseen stand below the table") func partial() {
        #expect(
            ReceiptTable(SampleReceipt.full).text == """
                last call shop: SIGTERM from pid 1 (uid 0) (grace 30s, stated)
                  then  stop() was called
                  stage  member    outcome    took     of  held  new  done  handed  kept  dead  cut
                  web    http      cancelled   10s    10s   312    3   300       2     5     1    7
                  store  database  failed       0s  17.5s     -    -     -       -     -     -    -
                  http: 312 queued at 1/s need 5m12s, there are 9s: 303 will not make it
                  http: poll cancelled
                  cut  http: GET /reports/7, held for 61.25s
                  cut  http: POST /orders
                  cut  http: and 5 more
                  database: no route to host
                  note the handler for SIGTERM was replaced, and was taken back
                partial after 12.345s, exit 1: 312 held + 3 accepted, all accounted for

                """)
    }

    @Test("a forced stop: figures that nobody reported have no columns") func forced() {
        #expect(
            ReceiptTable(SampleReceipt.forced).text == """
                last call shop: SIGINT from the kernel or another PID namespace (uid 0) (grace 30s, stated)
                  then  SIGINT from pid 41 (uid 1000)
                        SIGINT from pid 42 (uid 1000)
                  stage  member    outcome      took     of
                  web    http      abandoned      3s    10s
                  store  database  running        0s  1m30s
                         cache     not started    0s
                forced after 3s, exit 124

                """)
    }

    @Test("counts that do not add up are called a bug") func unaccounted() {
        var receipt = SampleReceipt.clean
        receipt.totals.unaccounted = 2
        #expect(
            ReceiptTable(receipt).lines.last == "clean after 1.52s, exit 0: 2 unaccounted: a bug, please report it")
    }

    @Test("long names widen their column for every line, and are not cut off") func longNames() {
        let long = String(repeating: "n", count: 200)
        var receipt = SampleReceipt.forced
        receipt.stages[0].name = "intake and everything before it"
        receipt.stages[0].members[0].name = long
        receipt.stages[1].members[1].name = "Zwischenspeicher für 🇩🇪"
        let rows = ReceiptTable(receipt).lines.filter { $0.hasPrefix("  ") }.dropFirst(2)
        let outcomes = rows.map { row in
            ["outcome", "abandoned", "running", "not started"].compactMap { word in
                row.firstRange(of: " \(word) ").map { row.distance(from: row.startIndex, to: $0.lowerBound) }
            }.last
        }
        // Two spaces, the stage, two spaces, the member, and the first of two spaces.
        let column: Int? = 2 + 31 + 2 + 200 + 1
        #expect(outcomes == [column, column, column, column])
        #expect(rows.contains { $0.contains(" \(long) ") })
    }

    /// The places of a receipt where a text from outside can stand.
    static let places: [@Sendable (inout Receipt, String) -> Void] = [
        { $0.name = $1 },
        { $0.cause = ShutdownCause(kind: .call, detail: $1) },
        { $0.laterCauses = [ShutdownCause(kind: .call, detail: $1, pid: 3)] },
        { $0.stages[0].name = $1 },
        { $0.stages[0].members[0].name = $1 },
        { $0.stages[0].members[0].error = $1 },
        { $0.stages[0].members[0].prediction = $1 },
        { $0.stages[0].members[0].remarks = [$1] },
        { $0.stages[0].members[0].cutItems[0].label = $1 },
        { $0.notes = [$1] },
    ]

    @Test(
        "control characters can neither move the cursor nor start a line, wherever they stand",
        arguments: places.indices)
    func controlCharacters(place: Int) throws {
        let hostile = "a\u{1B}[2J\u{1B}]0;title\u{7}\r\nb\tc\u{0}\u{7F}\u{9B}31m\u{85}\u{2028}\u{2029}d"
        var receipt = SampleReceipt.full
        let before = ReceiptTable(receipt).lines.count
        Self.places[place](&receipt, hostile)
        let table = ReceiptTable(receipt)
        let lines = table.lines + [table.progress]
        let isHarmless = { (scalar: Unicode.Scalar) in
            ![.control, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
        }
        for line in lines { #expect(line.unicodeScalars.allSatisfy(isHarmless)) }
        // A member that had no error has one now.
        #expect((before...(before + 1)).contains(table.lines.count))
        // What can be shown is shown, in its place.
        #expect(lines.contains { $0.contains("a [2J ]0;title   b c   31m   d") })
    }

    @Test("figures that no stop can have are shown, and trap nowhere", arguments: [1e300, -1e300, 1e18, 9.3e15])
    func absurdFigures(seconds: Double) throws {
        var receipt = SampleReceipt.full
        receipt.elapsedSeconds = seconds
        receipt.grace.seconds = seconds
        receipt.stages[0].budgetSeconds = seconds
        receipt.stages[0].members[0].elapsedSeconds = seconds
        receipt.stages[0].members[0].cutItems[0].ageSeconds = seconds
        // Such a receipt is valid JSON: whoever prints a file has to live with it.
        let table = ReceiptTable(try Receipt(json: receipt.json().utf8))
        #expect(table.lines.contains("  cut  http: GET /reports/7, held for \(seconds)s"))
        #expect(table.progress.contains("\(seconds)s"))
    }

    @Test("colours are around words only, and without them nothing differs") func colours() {
        for (receipt, colour) in [
            (SampleReceipt.clean, "32"), (SampleReceipt.full, "33"), (SampleReceipt.forced, "31"),
        ] {
            let coloured = ReceiptTable(receipt, isColoured: true)
            let plain = ReceiptTable(receipt)
            #expect(coloured.text.replacing(#/\u{1B}\[\d+m/#, with: "") == plain.text)
            #expect(!plain.text.contains("\u{1B}"))
            #expect(coloured.lines[0].hasPrefix("\u{1B}[1mlast call\u{1B}[0m shop: "))
            #expect(coloured.lines.last?.hasPrefix("\u{1B}[\(colour)m\(receipt.outcome.rawValue) after ") == true)
            // No colour runs over the end of a line.
            for line in coloured.lines { #expect(line.count(where: { $0 == "\u{1B}" }).isMultiple(of: 2)) }
        }
    }

    @Test("the live line says who is waited for, and how much each of them has left") func progress() {
        var receipt = SampleReceipt.full
        #expect(ReceiptTable(receipt).progress == "last call shop: 12.3s of 30s, finishing")
        receipt.stages[0].members[0].outcome = .stopping
        receipt.stages[0].members[0].done = 290
        receipt.stages[1].members[0].outcome = .stopping
        #expect(
            ReceiptTable(receipt).progress
                == "last call shop: 12.3s of 30s, waiting for web/http (10 left), store/database")
        // A member that counts too much has nothing left, not less.
        receipt.stages[0].members[0].done = 400
        #expect(ReceiptTable(receipt).progress.contains("web/http (0 left)"))
    }
}
