import CLibYAML

/// Reads YAML documents through libyaml's event parser.
///
/// Deployment files come from anywhere, so what an alias can blow up is bounded: an alias counts as large as what it
/// names ("billion laughs"), may not name itself, and nesting is limited before anything recursive sees the value.
struct YAMLReader {
    /// What a stream of documents may cost.
    struct Limits: Sendable {
        /// The deepest nesting, aliases written out.
        var depthMax = 64
        /// The most nodes in all documents together, aliases written out.
        var nodesMax = 500_000
    }

    private let limits: Limits
    /// How many nodes all documents have so far.
    private var nodes = 0
    /// What each anchor of the current document names; `nil` while it is still being read.
    private var anchors: [String: YAMLNode?] = [:]

    /// Reads all documents of a text.
    ///
    /// A document without content is a null scalar.
    static func documents(in bytes: [UInt8], limits: Limits = Limits()) throws(YAMLError) -> [YAMLNode] {
        var reader = YAMLReader(limits: limits)
        // libyaml reads in place, so the bytes must stay where they are until the parser is gone.
        let result: Result<[YAMLNode], YAMLError> = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(YAMLError) in try reader.readStream(YAMLEventSource(buffer)) }
        }
        return try result.get()
    }

    private init(limits: Limits) {
        self.limits = limits
    }

    private mutating func readStream(_ source: borrowing YAMLEventSource) throws(YAMLError) -> [YAMLNode] {
        var documents: [YAMLNode] = []
        while true {
            let event = try source.next()
            switch event.kind {
            case .streamEnd: return documents
            case .scalar, .sequenceStart, .mappingStart, .alias:
                documents.append(try readNode(event, source, depth: 1))
                anchors = [:]
            case .other, .sequenceEnd, .mappingEnd: continue
            }
        }
    }

    private mutating func readNode(
        _ event: YAMLEvent, _ source: borrowing YAMLEventSource, depth: Int
    ) throws(YAMLError) -> YAMLNode {
        try checkDepth(depth, line: event.line)
        if case .alias(let name) = event.kind { return try resolve(alias: name, line: event.line, depth: depth) }
        if let anchor = event.anchor { anchors[anchor] = .some(nil) }
        try count(1, line: event.line)

        var node: YAMLNode
        switch event.kind {
        case .scalar(let text, let isQuoted):
            node = YAMLNode(content: .scalar(text, isQuoted: isQuoted), line: event.line, size: 1, height: 1)
        case .sequenceStart: node = try readSequence(event, source, depth: depth)
        case .mappingStart: node = try readMapping(event, source, depth: depth)
        case .alias, .sequenceEnd, .mappingEnd, .streamEnd, .other:
            preconditionFailure("\(event.kind) does not begin a node")
        }
        // Compose: `!reset` takes a value away that another file gave.
        if event.tag == "!reset" {
            node = YAMLNode(content: .scalar("", isQuoted: false), line: event.line, size: 1, height: 1)
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func readSequence(
        _ start: YAMLEvent, _ source: borrowing YAMLEventSource, depth: Int
    ) throws(YAMLError) -> YAMLNode {
        var elements: [YAMLNode] = []
        while true {
            let event = try source.next()
            if case .sequenceEnd = event.kind { break }
            elements.append(try readNode(event, source, depth: depth + 1))
        }
        return YAMLNode(
            content: .sequence(elements), line: start.line,
            size: 1 + elements.reduce(0) { $0 + $1.size }, height: 1 + (elements.map(\.height).max() ?? 0)
        )
    }

    private mutating func readMapping(
        _ start: YAMLEvent, _ source: borrowing YAMLEventSource, depth: Int
    ) throws(YAMLError) -> YAMLNode {
        var pairs: [YAMLNode.Pair] = []
        var lines: [String: Int] = [:]
        var merged: [YAMLNode] = []
        while true {
            let event = try source.next()
            if case .mappingEnd = event.kind { break }
            let keyNode = try readNode(event, source, depth: depth + 1)
            guard case .scalar(let key, let isQuoted) = keyNode.content else {
                throw YAMLError(
                    code: .key, line: event.line, message: "a key must be text, this one is \(keyNode.kindName)")
            }
            let value = try readNode(try source.next(), source, depth: depth + 1)
            if let before = lines.updateValue(event.line, forKey: key) {
                throw YAMLError(
                    code: .key, line: event.line,
                    message: "the key \"\(key)\" is written twice (first on line \(before)); remove one of them"
                )
            }
            if key == "<<" && !isQuoted {
                merged += try mergeSources(value, line: event.line)
            } else {
                pairs.append(.init(key: key, line: event.line, value: value))
            }
        }
        // https://yaml.org/type/merge.html: written keys win, then the earlier of several merged mappings.
        for pair in merged.flatMap({ $0.pairs ?? [] }) where lines.updateValue(pair.line, forKey: pair.key) == nil {
            pairs.append(pair)
        }
        return YAMLNode(
            content: .mapping(pairs), line: start.line,
            size: 1 + pairs.reduce(0) { $0 + 1 + $1.value.size }, height: 1 + (pairs.map(\.value.height).max() ?? 1)
        )
    }

    private func mergeSources(_ value: YAMLNode, line: Int) throws(YAMLError) -> [YAMLNode] {
        let sources = value.elements ?? [value]
        guard sources.allSatisfy({ $0.pairs != nil }) else {
            throw YAMLError(
                code: .alias, line: line, message: "<< merges a mapping or a list of mappings, not \(value.kindName)")
        }
        return sources
    }

    private mutating func resolve(alias name: String, line: Int, depth: Int) throws(YAMLError) -> YAMLNode {
        guard let found = anchors[name] else {
            throw YAMLError(
                code: .alias, line: line,
                message: "*\(name) names nothing; write &\(name) before the value it stands for"
            )
        }
        guard let node = found else {
            throw YAMLError(code: .alias, line: line, message: "*\(name) stands for a value that contains itself")
        }
        try count(node.size, line: line)
        try checkDepth(depth + node.height - 1, line: line)
        return node
    }

    private mutating func count(_ size: Int, line: Int) throws(YAMLError) {
        nodes += size
        guard nodes > limits.nodesMax else { return }
        throw YAMLError(
            code: .limit, line: line,
            message:
                "more than \(limits.nodesMax) values once aliases are written out; split the file or remove aliases"
        )
    }

    private func checkDepth(_ depth: Int, line: Int) throws(YAMLError) {
        guard depth > limits.depthMax else { return }
        throw YAMLError(code: .limit, line: line, message: "nested more than \(limits.depthMax) levels deep")
    }
}
