import Testing

@testable import PaperScout

@Suite struct SlashCommandTests {
    @Test(
        "commands are read as people write them",
        arguments: [
            ("follow P2300", .follow(.paper("P2300"))), (" FOLLOW  d2300r5 ", .follow(.paper("P2300"))),
            ("follow author Eric Niebler", .follow(.author("Eric Niebler"))),
            ("unfollow author  Eric  Niebler", .unfollow(.author("Eric Niebler"))),
            ("unfollow n4950", .unfollow(.paper("N4950"))), ("list", .list), ("Help", .help), ("", .help),
        ] as [(String, SlashCommand)])
    func reads(text: String, command: SlashCommand) { #expect(SlashCommand(text) == command) }

    @Test(
        "what cannot be understood says what to write",
        arguments: [
            "follow", "unfollow", "follow author", "follow author . ,", "follow Niebler", "follow P2300 P2301", "dance",
            "follow author \(String(repeating: "x", count: 101))",
        ])
    func mistakes(text: String) {
        guard case .mistake(let words) = SlashCommand(text) else {
            Issue.record("\(SlashCommand(text)) is no mistake")
            return
        }
        #expect(!words.isEmpty)
    }

    @Test("a form is read, and what is none is not")
    func forms() {
        let form = SlackForm("text=follow+author+Micha%C5%82+%26+Co&channel_id=C12&channel_name=x&user_id=U1&text=no")
        #expect(form?.text == "follow author Michał & Co")
        #expect(form?.target == "C12")
        #expect(SlackForm("channel_id=D12&channel_name=directmessage&user_id=U1")?.target == "U1")
        #expect(SlackForm("channel_id=c12&channel_name=x")?.target == nil)
        #expect(SlackForm("channel_id=C%2F..")?.target == nil)
        #expect(SlackForm("")?.target == nil)
        #expect(SlackForm("a&b=&=c")?.fields == ["a": "", "b": "", "": "c"])
        for bad in ["a=%", "a=%4", "a=%zz", "a=%FF", String(repeating: "a=b&", count: 51)] {
            #expect(SlackForm(bad) == nil)
        }
    }

    @Test("a topic covers what it should, however it is written")
    func topics() {
        let paper = Paper(id: "P2300R10", authors: ["Eric Niebler", "J. Garland"])
        for topic in [
            Topic.paper("P2300"), .author("eric niebler"), .author("Niebler"), .author("Niebler, Eric"),
            .author("J Garland"),
        ] { #expect(topic.covers(paper), "\(topic)") }
        for topic in [Topic.paper("P2301"), .paper("P0230"), .author("Eric Garland"), .author("Nieb"), .author("")] {
            #expect(!topic.covers(paper), "\(topic)")
        }
    }

    @Test("everybody is told once, the channel that hears of everything first")
    func targets() {
        let paper = Paper(id: "P2300R10", authors: ["Eric Niebler"])
        let followers = Followers(follows: [
            Follow(target: "C2", topic: .paper("P2300")), Follow(target: "C1", topic: .author("Niebler")),
            Follow(target: "C2", topic: .author("Eric")), Follow(target: "C3", topic: .paper("P1")),
        ])
        #expect(followers.targets(of: paper, everything: nil) == ["C1", "C2"])
        #expect(followers.targets(of: paper, everything: "C2") == ["C2", "C1"])
        #expect(followers.targets(of: Paper(id: "P7R0"), everything: "C9") == ["C9"])
    }

    @Test("a message has Slack's own marks only where they are meant")
    func texts() {
        let paper = Paper(
            id: "P1R0", title: "<!channel> & more", authors: ["A<B>"], date: "2026-01-01", link: "https://x.org/p")
        #expect(
            Alert.text(for: paper) == "*P1R0* <https://x.org/p|&lt;!channel&gt; &amp; more> by A&lt;B&gt; (2026-01-01)")
        #expect(Alert.text(for: Paper(id: "P1R0")) == "*P1R0* untitled")
    }
}
