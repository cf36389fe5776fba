import AsyncHTTPClient
import LastCall
import NIOCore
import Testing

@testable import PaperScout

@Suite(.timeLimit(.minutes(1))) struct DraftProbeTests {
    /// The drafts to look for.
    private func candidates(
        _ papers: [Paper], drafts: [String: Int] = [:], follows: [Topic]
    ) -> [String] {
        let latest = Dictionary(
            uniqueKeysWithValues: papers.compactMap { paper in paper.number.map { ($0.paper, paper) } })
        return DraftProbe.candidates(
            latest: latest, drafts: drafts,
            followers: Followers(follows: follows.map { Follow(target: "C1", topic: $0) }),
            template: "https://x.org/{paper}.html"
        ).map(\.url)
    }

    @Test("the next revision of what somebody follows is looked for, behind the latest of index and drafts")
    func nextRevisions() {
        let papers = [
            Paper(id: "P2300R10", authors: ["Eric Niebler"], date: "2024-06-28"),
            Paper(id: "P0009R18", authors: ["Christian Trott"], date: "2022-07-13"),
            Paper(id: "N4950", authors: ["Eric Niebler"]),
        ]
        #expect(candidates(papers, follows: []) == [])
        #expect(candidates(papers, follows: [.paper("P0009")]) == ["https://x.org/P0009R19.html"])
        #expect(
            candidates(papers, drafts: ["P2300": 11], follows: [.author("Niebler"), .paper("P2300"), .paper("P0009")])
                == ["https://x.org/P2300R12.html", "https://x.org/P0009R19.html"])
        // Nobody has seen it yet.
        #expect(candidates(papers, follows: [.paper("P9999"), .paper("N9")]) == ["https://x.org/P9999R0.html"])
        #expect(candidates(papers, drafts: ["P9999": 0], follows: [.paper("P9999")]) == ["https://x.org/P9999R1.html"])
        let many = (1...600).map { Topic.paper("P\($0 + 1000)") }
        #expect(candidates([], follows: many).count == DraftProbe.requestsMax)
    }

    /// So many drafts in a town.
    private func drafts(_ count: Int, in town: Town) -> [Draft] {
        (1...count).map { number in
            Draft(
                number: PaperNumber(series: "P", number: number, revision: 0), paper: Paper(id: "P\(number)R0"),
                url: town.url + "/drafts/P\(number)R0")
        }
    }

    /// A probe for that.
    private func probe(_ concurrency: Int) -> DraftProbe {
        DraftProbe(client: .shared, template: "", concurrency: concurrency)
    }

    @Test("as many requests are under way as it was told, and never more")
    func boundedConcurrency() async throws {
        let town = Town()
        town.state.change { state in
            state.draftHolds = []
            state.drafts = ["P3R0", "P7R0"]
        }
        try await town.run {
            let drafts = drafts(10, in: town)
            async let findings = probe(3).look(for: drafts)
            try await town.state.wait { $0.draftsInHand >= 3 }
            // One more would be here before all of these are answered.
            for _ in 0..<30 {
                _ = try await HTTPClient.shared.execute(
                    HTTPClientRequest(url: town.url + "/index.json"), timeout: .seconds(30)
                )
                .body.collect(upTo: 1000)
            }
            #expect(town.state.value.draftsInHandMax == 3)
            for released in 0..<drafts.count {
                try await town.state.wait { ($0.draftHolds?.count ?? 0) > released }
                town.state.value.draftHolds?[released].open()
            }
            let found = try await findings
            #expect(found.requests == 10)
            #expect(found.failures == 0)
            #expect(found.drafts.map(\.number.number) == [3, 7])
            #expect(town.state.value.draftsInHandMax == 3)
        }
    }

    @Test("a server that does not answer says nothing of its drafts, and is not asked for all of them")
    func unknown() async throws {
        let town = Town()
        town.state.change { $0.draftStatus = 500 }
        try await town.run {
            let found = try await probe(2).look(for: drafts(100, in: town))
            #expect(found.drafts.isEmpty)
            #expect(found.failures == found.requests)
            #expect((DraftProbe.failuresMax...DraftProbe.failuresMax + 1).contains(found.requests))
            #expect(town.state.value.draftCalls.count == found.requests)
        }
    }
}
