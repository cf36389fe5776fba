/// A text that is used and never shown: printing, dumping and reflecting it show that it is there.
struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text.
    let text: String

    /// Hides a text.
    init(_ text: String) { self.text = text }

    /// Stands for the text.
    var description: String { "(hidden)" }
    /// Stands for the text.
    var debugDescription: String { description }
    /// Shows nothing.
    var customMirror: Mirror { Mirror(self, children: []) }
}
