/// One step of libyaml's parser, with its C memory already copied and freed.
struct YAMLEvent {
    /// What the step is.
    enum Kind {
        /// Text, and whether its style or tag makes it a string.
        case scalar(String, isQuoted: Bool)
        /// `*name`
        case alias(String)
        /// A list begins.
        case sequenceStart
        /// A list ends.
        case sequenceEnd
        /// A mapping begins.
        case mappingStart
        /// A mapping ends.
        case mappingEnd
        /// Nothing follows.
        case streamEnd
        /// The stream or a document begins, or a document ends.
        case other
    }

    /// What the step is.
    let kind: Kind
    /// The line it begins on, counted from 1.
    let line: Int
    /// The name in `&name`, where there is one.
    let anchor: String?
    /// The tag as libyaml resolves it, where one is written.
    let tag: String?
}
