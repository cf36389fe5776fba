import LastCallWork
import Testing

@testable import PaperScout

@Suite struct JudgementTests {
    /// So many papers.
    private func papers(_ count: Int) -> [Paper] { (0..<count).map { Paper(id: "P\($0)R0") } }

    /// The judgement of so many papers.
    private func judgement(_ count: Int, _ known: Known, shrinkMax: Int = 50) -> Judgement {
        judgement(.papers(papers(count), etag: nil), known, shrinkMax: shrinkMax)
    }

    /// The judgement of an answer that came after so many seconds.
    private func judgement(
        _ answer: PaperIndex.Answer, _ known: Known, shrinkMax: Int = 50, after seconds: Int = 0
    ) -> Judgement {
        Judgement.of(
            answer, known: known, limits: .init(shrinkMax: shrinkMax, silenceMax: .seconds(60)),
            at: WorkInstant(rawValue: Int64(seconds) * 1000))
    }

    @Test("the first good index is a first look, whatever was known halfway")
    func first() {
        #expect(judgement(3, Known()) == .seed(papers(3)))
        #expect(judgement(3, Known(papers: 100)) == .seed(papers(3)))
        #expect(judgement(0, Known()) == .trouble(.empty))
        #expect(judgement(.trouble(.notJSON), Known()) == .trouble(.notJSON))
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
        #expect(judgement(.unchanged, known) == .unchanged)
    }

    @Test("an index that cannot be had is trouble once that lasts")
    func silence() {
        var known = Known(isSeeded: true, papers: 100)
        #expect(judgement(.silence("503"), known, after: 1000) == .silence("503"))
        known.silentSince = WorkInstant(rawValue: 0)
        #expect(judgement(.silence("503"), known, after: 59) == .silence("503"))
        let trouble = judgement(.silence("503"), known, after: 60)
        #expect(trouble == .trouble(.silent(.seconds(60), why: "503")))
        #expect(trouble.notice(after: nil) == .trouble(.silent(.seconds(60), why: "503")))
        #expect(judgement(.silence("504"), known, after: 90).notice(after: "silent") == .none)
        // It says nothing of a trouble that was told of before.
        #expect(Judgement.silence("503").notice(after: "shrunk") == .none)
        #expect(judgement(.unchanged, known, after: 90).notice(after: "silent") == .well)
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
