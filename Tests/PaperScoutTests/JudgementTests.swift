import Testing

@testable import PaperScout

@Suite struct JudgementTests {
    /// So many papers.
    private func papers(_ count: Int) -> [Paper] { (0..<count).map { Paper(id: "P\($0)R0") } }

    /// The judgement of so many papers.
    private func judgement(_ count: Int, _ known: Known, shrinkMax: Int = 50) -> Judgement {
        Judgement.of(.papers(papers(count), etag: nil), known: known, shrinkMax: shrinkMax)
    }

    @Test("the first good index is a first look, whatever was known halfway")
    func first() {
        #expect(judgement(3, Known()) == .seed(papers(3)))
        #expect(judgement(3, Known(papers: 100)) == .seed(papers(3)))
        #expect(judgement(0, Known()) == .trouble(.empty))
        #expect(Judgement.of(.trouble(.notJSON), known: Known(), shrinkMax: 50) == .trouble(.notJSON))
    }

    @Test("later ones are compared, unless more than half is missing")
    func later() {
        let known = Known(isSeeded: true, papers: 100)
        #expect(judgement(101, known) == .compare(papers(101)))
        #expect(judgement(50, known) == .compare(papers(50)))
        #expect(judgement(49, known) == .trouble(.shrunk(from: 100, to: 49)))
        #expect(judgement(0, known, shrinkMax: 100) == .trouble(.empty))
        #expect(judgement(1, known, shrinkMax: 100) == .compare(papers(1)))
        #expect(judgement(99, known, shrinkMax: 0) == .trouble(.shrunk(from: 100, to: 99)))
        #expect(Judgement.of(.unchanged, known: known, shrinkMax: 50) == .unchanged)
    }

    @Test("what was not seen is new, in the order in which it is told of")
    func news() {
        let papers = [Paper(id: "P3R0", date: "2"), Paper(id: "P2R0", date: "1"), Paper(id: "P1R0", date: "1")]
        #expect(Judgement.news(in: papers, seen: []).map(\.id) == ["P1R0", "P2R0", "P3R0"])
        #expect(Judgement.news(in: papers, seen: ["P2R0", "P9R9"]).map(\.id) == ["P1R0", "P3R0"])
    }

    @Test("the operator is told once of each kind of trouble, and of its end")
    func notices() {
        let shrunk = Judgement.trouble(.shrunk(from: 10, to: 1))
        #expect(shrunk.notice(after: nil) == .trouble(.shrunk(from: 10, to: 1)))
        #expect(Judgement.trouble(.shrunk(from: 10, to: 2)).notice(after: "shrunk") == .none)
        #expect(Judgement.trouble(.empty).notice(after: "shrunk") == .trouble(.empty))
        #expect(Judgement.unchanged.notice(after: "empty") == .well)
        #expect(Judgement.compare([]).notice(after: "empty") == .well)
        #expect(Judgement.compare([]).notice(after: nil) == .none)
    }
}
