import Testing

@testable import LastCallTransports

/// Which names are told to somebody who wrote another one.
@Suite struct NearestNamesTests {
    @Test("the nearest names come first, and three at most")
    func nearest() {
        let names = ["deploys", "builds", "alerts", "billing"]
        #expect(NearestNames.of("Deploy", among: names).first == "deploys")
        #expect(NearestNames.of("bulds", among: names).first == "builds")
        #expect(NearestNames.of("x", among: names).count == 3)
        #expect(NearestNames.of("", among: ["b", "a"]) == ["a", "b"])
        #expect(NearestNames.of("a", among: []).isEmpty)
    }
}
