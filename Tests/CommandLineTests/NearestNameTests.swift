import Testing

@testable import lastcall

@Suite("Nearest names")
struct NearestNameTests {
    @Test(
        "the nearest name is the one that was meant",
        arguments: [
            ("tiemout", "timeout"), ("retrys", "retries"), ("Timeout", "timeout"), ("on-lost", "onLost"),
            ("onlost", "onLost"), ("envs", "env"), ("t", nil), ("", nil), ("unrelated", nil), ("ab", nil),
        ])
    func nearest(_ word: String, _ expected: String?) {
        #expect(NearestName.match(word, among: ["timeout", "retries", "onLost", "env", "cwd"]) == expected)
    }

    @Test(
        "edits are counted with swaps of neighbours",
        arguments: [("", "", 0), ("ab", "ba", 1), ("abc", "", 3), ("kitten", "sitting", 3), ("ca", "abc", 3)])
    func distances(_ first: String, _ second: String, _ expected: Int) {
        #expect(NearestName.distance(Array(first.unicodeScalars), Array(second.unicodeScalars)) == expected)
    }
}
