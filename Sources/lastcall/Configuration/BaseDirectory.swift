import FoundationEssentials

/// The directory that relative paths count from: that of the file they are written in.
struct BaseDirectory: Sendable, Hashable {
    /// Why a text is no path, and what to write instead.
    struct Flaw: Error, Sendable, Equatable {
        /// What is wrong and what to do about it.
        let message: String
    }

    /// The directory's path, absolute where the process knows its own.
    let path: String

    /// A directory that is named.
    init(_ path: String) { self.path = path }

    /// The directory that the process works in.
    static var current: BaseDirectory { BaseDirectory(FileManager.default.currentDirectoryPath) }

    /// The directory of a file; of `-`, which is standard input, the one that the process works in.
    init(ofFile file: String) {
        guard file != "-", let slash = file.lastIndex(of: "/") else {
            self = .current
            return
        }
        let folder = slash == file.startIndex ? "/" : String(file[..<slash])
        self.init(Self.current.path(to: folder))
    }

    /// The path as the system is to see it.
    ///
    /// Nothing is expanded, and `..` is left to the system, which knows the links.
    func resolve(_ text: String) throws(Flaw) -> String {
        guard !text.isEmpty else { throw Flaw(message: "is empty; write a path") }
        guard !text.contains("\0") else { throw Flaw(message: "holds a NUL byte, which no path can; remove it") }
        guard text != "~" && !text.hasPrefix("~/") else {
            throw Flaw(message: "begins with ~, which only a shell expands; write the whole path")
        }
        return path(to: text)
    }

    /// The path of something that is named from this directory.
    func path(to name: String) -> String { name.hasPrefix("/") ? name : Self.join(path, name) }

    private static func join(_ directory: String, _ path: String) -> String {
        var rest = path[...]
        while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop { $0 == "/" } }
        if rest.isEmpty || rest == "." { return directory }
        return directory.hasSuffix("/") ? directory + rest : "\(directory)/\(rest)"
    }
}
