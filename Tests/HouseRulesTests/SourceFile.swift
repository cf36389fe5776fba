/// A Swift source, split so that a rule can look at the code, at the comments or at both.
///
/// What stands in string literals is blanked out of the code, so that a shell script inside a test may sleep and a sentence
/// may say `default:`. Code inside an interpolation stays code.
struct SourceFile: Sendable {
    /// One line of the file.
    struct Line: Sendable {
        /// The line's number, from 1.
        let number: Int
        /// The line without comments and without the contents of string literals; columns are kept.
        let code: String
        /// The comments that stand on the line, without their markers.
        let comment: String
    }

    /// The path from the root of the repository, with forward slashes.
    let path: String
    /// The whole text.
    let text: String
    /// The lines.
    let lines: [Line]

    /// The file's name without its folder.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// All code as one text, for rules that look across lines.
    var code: String { lines.map(\.code).joined(separator: "\n") }

    init(path: String, text: String) {
        self.path = path
        self.text = text
        var scanner = SourceScanner(text)
        lines = scanner.scan()
    }
}

/// Tells code, comments and string literals apart, byte by byte.
///
/// It knows line comments, nested block comments, string literals of all four kinds with their interpolations, and
/// `#/extended/#` regular expressions. A bare `/expression/` is read as code; a stray quote in one ends with its line.
private struct SourceScanner {
    /// What the byte at hand belongs to.
    private enum Context {
        /// Code; the depth counts open parentheses, so that an interpolation knows its end.
        case code(parentheses: Int)
        /// A string literal with its number of `#` and whether it spans lines.
        case string(hashes: Int, multiline: Bool)
        /// An extended regular expression with its number of `#`.
        case expression(hashes: Int)
        /// A comment until the end of the line.
        case lineComment
        /// A block comment; they nest.
        case blockComment(depth: Int)
    }

    /// The file.
    private let bytes: [UInt8]
    /// The next byte to look at.
    private var index = 0
    /// The contexts, the innermost last; an interpolation puts code on top of its string.
    private var stack: [Context] = [.code(parentheses: 0)]
    /// The code of the current line.
    private var code: [UInt8] = []
    /// The comments of the current line.
    private var comment: [UInt8] = []
    /// The lines that are complete.
    private var lines: [SourceFile.Line] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func scan() -> [SourceFile.Line] {
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") {
                endLine()
                index += 1
            } else {
                step()
            }
        }
        if !code.isEmpty || !comment.isEmpty { endLine() }
        return lines
    }

    private mutating func endLine() {
        if case .lineComment = stack[stack.count - 1] { stack.removeLast() }
        while case .string(_, multiline: false) = stack[stack.count - 1] { stack.removeLast() }
        lines.append(
            SourceFile.Line(
                number: lines.count + 1,
                code: String(decoding: code, as: UTF8.self),
                comment: String(decoding: comment, as: UTF8.self)
            )
        )
        code.removeAll(keepingCapacity: true)
        comment.removeAll(keepingCapacity: true)
    }

    private mutating func step() {
        switch stack[stack.count - 1] {
        case .code(let parentheses): stepInCode(parentheses: parentheses)
        case .string(let hashes, let multiline): stepInString(hashes: hashes, multiline: multiline)
        case .expression(let hashes):
            if starts("/" + String(repeating: "#", count: hashes)) {
                stack.removeLast()
                blank(1 + hashes)
            } else {
                blank(1)
            }
        case .lineComment: keepComment(1)
        case .blockComment(let depth):
            if starts("*/") {
                stack.removeLast()
                if depth > 1 { stack.append(.blockComment(depth: depth - 1)) }
                blank(2)
            } else if starts("/*") {
                stack[stack.count - 1] = .blockComment(depth: depth + 1)
                blank(2)
            } else {
                keepComment(1)
            }
        }
    }

    private mutating func stepInCode(parentheses: Int) {
        if starts("//") {
            stack.append(.lineComment)
            blank(2)
            while index < bytes.count, bytes[index] == UInt8(ascii: "/") { blank(1) }
            if index == bytes.count || bytes[index] == UInt8(ascii: "\n") { comment.append(UInt8(ascii: " ")) }
            return
        }
        if starts("/*") {
            stack.append(.blockComment(depth: 1))
            blank(2)
            return
        }
        var hashes = 0
        while index + hashes < bytes.count, bytes[index + hashes] == UInt8(ascii: "#") { hashes += 1 }
        let after = index + hashes
        if after < bytes.count, bytes[after] == UInt8(ascii: "\"") {
            let multiline = bytes[after...].starts(with: Array("\"\"\"".utf8))
            stack.append(.string(hashes: hashes, multiline: multiline))
            keepCode(hashes + (multiline ? 3 : 1))
            return
        }
        if hashes > 0, after < bytes.count, bytes[after] == UInt8(ascii: "/") {
            stack.append(.expression(hashes: hashes))
            blank(hashes + 1)
            return
        }
        if bytes[index] == UInt8(ascii: "(") {
            stack[stack.count - 1] = .code(parentheses: parentheses + 1)
        } else if bytes[index] == UInt8(ascii: ")") {
            if parentheses == 0, stack.count > 1 {
                stack.removeLast()
                blank(1)
                return
            }
            stack[stack.count - 1] = .code(parentheses: max(0, parentheses - 1))
        }
        keepCode(1)
    }

    private mutating func stepInString(hashes: Int, multiline: Bool) {
        let marks = String(repeating: "#", count: hashes)
        if starts("\\" + marks + "(") {
            stack.append(.code(parentheses: 0))
            blank(2 + hashes)
        } else if starts("\\" + marks) {
            blank(1 + hashes)
            if index < bytes.count, bytes[index] != UInt8(ascii: "\n") { blank(1) }
        } else if starts((multiline ? "\"\"\"" : "\"") + marks) {
            stack.removeLast()
            keepCode((multiline ? 3 : 1) + hashes)
        } else {
            blank(1)
        }
    }

    /// Whether the bytes at hand are `token`.
    private func starts(_ token: String) -> Bool { bytes[index...].starts(with: token.utf8) }

    private mutating func keepCode(_ count: Int) {
        code.append(contentsOf: bytes[index..<index + count])
        index += count
    }

    private mutating func keepComment(_ count: Int) {
        comment.append(contentsOf: bytes[index..<index + count])
        index += count
    }

    private mutating func blank(_ count: Int) {
        code.append(contentsOf: repeatElement(UInt8(ascii: " "), count: count))
        index += count
    }
}
