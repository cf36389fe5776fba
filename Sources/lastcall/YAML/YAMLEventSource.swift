import CLibYAML

/// A libyaml parser over bytes that somebody else keeps in place.
struct YAMLEventSource: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>

    /// Creates a parser.
    ///
    /// `buffer` must outlive it.
    init(_ buffer: UnsafeBufferPointer<UInt8>) {
        parser = .allocate(capacity: 1)
        precondition(yaml_parser_initialize(parser) == 1, "libyaml could not allocate its buffers")
        yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next step.
    ///
    /// Not to be called again after it threw or returned the end of the stream.
    borrowing func next() throws(YAMLError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }

        var kind = YAMLEvent.Kind.other
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        var tag: UnsafeMutablePointer<yaml_char_t>?
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            (anchor, tag) = (scalar.anchor, scalar.tag)
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE && Self.text(scalar.tag) != YAML_STR_TAG
            kind = .scalar(String(decoding: bytes, as: UTF8.self), isQuoted: !isPlain)
        case YAML_ALIAS_EVENT: kind = .alias(Self.text(event.data.alias.anchor) ?? "")
        case YAML_SEQUENCE_START_EVENT:
            (anchor, tag) = (event.data.sequence_start.anchor, event.data.sequence_start.tag)
            kind = .sequenceStart
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            (anchor, tag) = (event.data.mapping_start.anchor, event.data.mapping_start.tag)
            kind = .mappingStart
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        default: kind = .other  // A C enum has no end: stream and document starts, document ends.
        }
        return YAMLEvent(
            kind: kind, line: Int(event.start_mark.line) + 1, anchor: Self.text(anchor), tag: Self.text(tag)
        )
    }

    /// libyaml's own words, and for the two commonest mistakes what to do.
    private borrowing func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "cannot be parsed"
        let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
        var line = Int(parser.pointee.problem_mark.line) + 1
        if parser.pointee.error == YAML_READER_ERROR { line = Int(parser.pointee.mark.line) + 1 }
        let hint =
            problem.contains("cannot start any token")
            ? "; YAML is indented with spaces, never tabs, and text that begins with @, ` or % needs quotes" : ""
        return YAMLError(code: .syntax, line: line, message: "not valid YAML: \(problem)\(context)\(hint)")
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(cString: UnsafePointer($0)) }
    }
}
