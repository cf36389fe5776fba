import FoundationEssentials
import Testing

@testable import PaperScout

@Suite struct IndexReaderTests {
    /// The papers in a text.
    private func papers(_ text: String) throws -> [Paper] { try IndexReader.papers(in: Data(text.utf8)) }

    @Test("a paper is read with all that is known of it")
    func whole() throws {
        let text = """
            {"P2300R10":{"type":"paper","title":" `std::execution`\\n ","subgroup":"LWG","author":"Micha\\u0142 D, Eric  Niebler,",
            "date":"2024-06-28","link":"https://wg21.link/p2300r10","long_link":"https://wg21.link/x","extra":[1]}}
            """
        let paper = try #require(try papers(text).first)
        #expect(
            paper
                == Paper(
                    id: "P2300R10", title: "`std::execution`", authors: ["Michał D", "Eric Niebler"],
                    date: "2024-06-28", subgroup: "LWG", link: "https://wg21.link/p2300r10"))
    }

    @Test("what is missing or of another type is left out, and issues and nonsense are passed over")
    func lenient() throws {
        let text = """
            {"p1R0":{"type":"paper","title":7,"author":null,"link":"javascript:alert(1)","long_link":"https://x.org/p1"},
            "CWG1":{"type":"issue","title":"x"},"P2R0":17,"":{"type":"paper"},"P 3":{"type":"paper"},"P4R0":{}}
            """
        #expect(try papers(text) == [Paper(id: "P1R0", link: "https://x.org/p1")])
        #expect(try papers("{\"P1R0\":{\"type\":\"paper\",\"link\":\"https://x|<y>\"}}").first?.link == "")
        #expect(try papers("{}").isEmpty)
    }

    @Test("a text that is not bounded is cut")
    func bounded() throws {
        let text = "{\"P1R0\":{\"type\":\"paper\",\"title\":\"\(String(repeating: "x", count: 9999))\"}}"
        #expect(try papers(text).first?.title.count == 500)
    }

    @Test("what is no JSON object is trouble", arguments: ["", "[]", "null", "<html>", "{\"P1R0\":", "\u{0}"])
    func notJSON(text: String) {
        #expect(throws: IndexTrouble.notJSON) { _ = try papers(text) }
    }
}
