import Testing

@testable import LastCallCommand

@Suite("Who belongs to a command")
struct ProcessTreeTests {
    private func entry(
        _ pid: Int32, parent: Int32, group: Int32? = nil, session: Int32? = nil, start: UInt64 = 100,
        isZombie: Bool = false
    ) -> ProcessRecord {
        ProcessRecord(
            pid: pid, parent: parent, group: group ?? pid, session: session ?? pid, start: start, residentPages: 1,
            isZombie: isZombie)
    }

    private func members(
        _ tree: inout ProcessTree, _ entries: [ProcessRecord], registered: Set<Int32> = [10],
        markers: [Int32: String] = [:]
    ) -> [Int32] {
        var snapshot = ProcessSnapshot()
        for entry in entries { snapshot.insert(entry) }
        return tree.members(in: snapshot, own: 2, registered: registered) { markers[$0] }.map(\.pid).sorted()
    }

    @Test("B13 C17 descendants, the group, the session and those who carry the id belong; others do not")
    func belongs() {
        var tree = ProcessTree(leader: 10, id: "abc", adoptsOrphans: false)
        let entries = [
            entry(1, parent: 0), entry(2, parent: 1), entry(10, parent: 2),
            entry(11, parent: 10), entry(12, parent: 11),
            entry(13, parent: 1, group: 10), entry(14, parent: 1, session: 10), entry(15, parent: 14),
            entry(16, parent: 1), entry(17, parent: 16), entry(18, parent: 1), entry(19, parent: 2),
            entry(20, parent: 1, start: 50),
        ]
        let markers: [Int32: String] = [16: "abc:nested", 18: "abcd", 20: "abc", 2: "abc"]
        #expect(members(&tree, entries, markers: markers) == [10, 11, 12, 13, 14, 15, 16, 17])
    }

    @Test(
        "B13 C17 who was seen once is still known when its parents are gone, unless its number is somebody else's now")
    func remembers() {
        var tree = ProcessTree(leader: 10, id: "abc", adoptsOrphans: false)
        #expect(members(&tree, [entry(10, parent: 2), entry(11, parent: 10), entry(12, parent: 11)]) == [10, 11, 12])
        let later = [entry(10, parent: 2, isZombie: true), entry(11, parent: 1, start: 500), entry(12, parent: 1)]
        #expect(members(&tree, later) == [12])
    }

    @Test("B13 C17 a zombie is nobody, and its children belong all the same")
    func zombies() {
        var tree = ProcessTree(leader: 10, id: "abc", adoptsOrphans: false)
        #expect(members(&tree, [entry(10, parent: 2, isZombie: true), entry(11, parent: 10)]) == [11])
    }

    @Test("B13 C17 orphans of this process belong where they are adopted, other commands never")
    func orphans() {
        let entries = [entry(2, parent: 1), entry(10, parent: 2), entry(30, parent: 2), entry(40, parent: 2)]
        var adopting = ProcessTree(leader: 10, id: "abc", adoptsOrphans: true)
        #expect(members(&adopting, entries, registered: [10, 40]) == [10, 30])
        var other = ProcessTree(leader: 10, id: "abc", adoptsOrphans: false)
        #expect(members(&other, entries, registered: [10, 40]) == [10])
    }

    @Test("C17 a process's name may hold anything and moves no field")
    func parses() {
        let tail = "S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 999 42 18446744073709551615 0\n"
        let expected = ProcessRecord(
            pid: 5, parent: 7, group: 8, session: 9, start: 12345, residentPages: 42, isZombie: false)
        for name in ["sh", ") Z 1 2 3", "a b", "((", ""] {
            #expect(ProcessSnapshot.parse(Array("5 (\(name)) \(tail)".utf8), pid: 5) == expected)
        }
        #expect(ProcessSnapshot.parse(Array("5 (sh) S 1".utf8), pid: 5) == nil)
        #expect(ProcessSnapshot.parse([], pid: 5) == nil)
    }
}
