import Testing

@Suite("Links of Markdown files")
struct MarkdownLinksTests {
    @Test("relative links are found with their lines, everything else is left alone")
    func found() {
        let page = """
            [a](one.md) and [b](../two.md#part "title") ![c](<three.png>)
            [web](https://example.com/x.md) [here](#part) <doc:Article> `[no](code.md)`
            ```
            [no](fence.md)
            ```
            [ref]: four.md
            """
        let links = MarkdownLinks.relative(in: page)
        #expect(links.map(\.target) == ["one.md", "../two.md#part", "three.png", "four.md"])
        #expect(links.map(\.line) == [1, 1, 1, 6])
    }

    @Test(
        "links are resolved from the page's folder",
        arguments: [
            ("b.md", "a.md", "b.md"), ("b.md#x", "d/a.md", "d/b.md"), ("../b/", "d/e/a.md", "d/b"),
            ("./b", "d/a.md", "d/b"),
            ("/b.md", "d/a.md", "b.md"), ("..", "d/a.md", "."), ("../../b.md", "d/a.md", nil),
        ])
    func resolved(target: String, page: String, path: String?) {
        #expect(MarkdownLinks.resolve(target, from: page) == path)
    }
}
