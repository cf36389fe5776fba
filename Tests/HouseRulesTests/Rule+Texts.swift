// Rules over any text: they look at the file as it is, strings and comments included.
extension Rule {
    /// Hosts that packages are fetched from, in labels, so that this file keeps its own rule.
    private static let registryHosts = [
        ["deb", "debian", "org"], ["security", "debian", "org"], ["ftp", "debian", "org"],
        ["archive", "ubuntu", "com"],
        ["pypi", "org"], ["pypi", "python", "org"], ["files", "pythonhosted", "org"], ["npmjs", "org"],
        ["npmjs", "com"],
        ["yarnpkg", "com"], ["crates", "io"], ["rubygems", "org"], ["proxy", "golang", "org"],
        ["repo1", "maven", "org"],
        ["repo", "maven", "apache", "org"], ["swiftpackageindex", "com"], ["packages", "swift", "org"],
    ].map { $0.joined(separator: ".") }

    static let texts: [Rule] = [
        Rule(
            name: "no file names a package registry's host",
            instead: "name the package; which registry serves it is the machine's configuration",
            covers: { _ in true },
            find: { file in
                guard registryHosts.contains(where: file.text.contains) else { return [] }
                return file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
                    index, line in
                    registryHosts.first(where: line.contains).map { Finding(line: index + 1, found: $0) }
                }
            },
            breaching: (
                Example(
                    path: "scripts/a",
                    text: "apt-get update\npip install --index-url https://\(registryHosts[4])/simple a\n"),
                lines: [2]
            ),
            clean: Example(path: "scripts/a", text: "apt-get update\npip install a\n")
        )
    ]
}
