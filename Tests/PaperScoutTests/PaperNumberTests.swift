import Testing

@testable import PaperScout

@Suite struct PaperNumberTests {
    @Test(
        "numbers are read as people write them, and written as they are printed",
        arguments: [
            ("P2300R10", "P2300R10", "P2300"), ("p2300", "P2300", "P2300"), ("d2300r11", "P2300R11", "P2300"),
            ("P9R3", "P0009R3", "P0009"), ("P0009R18", "P0009R18", "P0009"), ("n4950", "N4950", "N4950"),
            ("P12345R0", "P12345R0", "P12345"),
        ])
    func reads(text: String, number: String, paper: String) {
        #expect(PaperNumber(text)?.description == number)
        #expect(PaperNumber(text)?.paper == paper)
    }

    @Test(
        "what is no number is none",
        arguments: [
            "", "P", "2300", "CWG1234", "P23x0", "P2300R", "PR1", "P2300R1R2", "P-1", "N4950R1", "P1234567", "P٣",
        ])
    func refuses(text: String) { #expect(PaperNumber(text) == nil) }

    @Test("papers are told of by date, then by number and revision")
    func order() {
        let papers = ["P2300R10", "P2300R9", "P0009R18", "N4950", "SD-6"].map { Paper(id: $0, date: "2024-01-01") }
        let older = Paper(id: "P9999R0", date: "2023-12-31")
        #expect(
            (papers + [older]).sorted().map(\.id) == ["P9999R0", "N4950", "P0009R18", "P2300R9", "P2300R10", "SD-6"])
    }
}
