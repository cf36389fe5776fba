import Testing

@testable import lastcall

@Suite("Sizes")
struct SizeTextTests {
    @Test(
        "sizes count in thousands or in 1,024s",
        arguments: [
            ("1", 1), ("512", 512), ("1B", 1), ("1kB", 1000), ("1KB", 1000), ("2MB", 2_000_000),
            ("1GB", 1_000_000_000), ("1KiB", 1024), ("512MiB", 512 << 20), ("2gib", 2 << 30), ("1.5KiB", 1536),
        ])
    func sizes(_ text: String, _ bytes: Int) {
        #expect(SizeText.parse(text) == bytes)
        #expect(SizeText.parse(text, allowingLetters: true) == bytes)
    }

    @Test(
        "what is no size is refused",
        arguments: [
            "", "B", "MiB", "1k", "1iB", "-1", "1 MiB", ".5MiB", "1.MiB", "1..2MiB", "0", "0.1B", "9999999999GiB",
            "1TB", "٣MiB",
        ])
    func noSizes(_ text: String) {
        #expect(SizeText.parse(text) == nil)
    }

    @Test(
        "letters alone are sizes only where they are asked for",
        arguments: [("1k", 1024), ("512m", 512 << 20), ("1G", 1 << 30)])
    func letters(_ text: String, _ bytes: Int) {
        #expect(SizeText.parse(text) == nil)
        #expect(SizeText.parse(text, allowingLetters: true) == bytes)
    }
}
