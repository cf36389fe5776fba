/// Finds the links of a Markdown text that lead to a file of the repository.
enum MarkdownLinks {
    /// The relative links with their lines.
    ///
    /// Code, addresses with a scheme and links within the page are left out.
    static func relative(in text: String) -> [(line: Int, target: String)] {
        var links: [(line: Int, target: String)] = []
        var inFence = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.trimmed.hasPrefix("```") { inFence.toggle() }
            if inFence { continue }
            let prose = line.replacing(#/`[^`]*`/#, with: "code")
            for match in prose.matches(
                of: #/\]\(<?(?<inline>[^)\s>]+)>?(\s+"[^"]*")?\)|^\s*\[[^\]]+\]:\s+<?(?<reference>[^\s>]+)/#)
            {
                let target = String(match.output.inline ?? match.output.reference ?? "")
                if target.hasPrefix("#") || target.contains(#/^[A-Za-z][A-Za-z0-9+.\-]*:/#) { continue }
                links.append((index + 1, target))
            }
        }
        return links
    }

    /// The path from the root that a link in `page` leads to; nil when it leaves the repository.
    static func resolve(_ target: String, from page: String) -> String? {
        let path = target.prefix { $0 != "#" && $0 != "?" }
        var folders = path.hasPrefix("/") ? [] : page.split(separator: "/").dropLast().map(String.init)
        for step in path.split(separator: "/") where step != "." {
            guard step == ".." else {
                folders.append(String(step))
                continue
            }
            guard !folders.isEmpty else { return nil }
            folders.removeLast()
        }
        return folders.isEmpty ? "." : folders.joined(separator: "/")
    }
}
