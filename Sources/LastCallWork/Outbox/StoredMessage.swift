import FoundationEssentials

/// A message as a record keeps it: JSON, so that people can read it.
struct StoredMessage: Codable {
    /// Where it goes.
    var to: String
    /// The body's media type.
    var type: String
    /// The body, where it is text.
    var text: String?
    /// The body, in base 64, where it is not.
    var bytes: Data?
    /// The same for every attempt.
    var uuid: String

    init(_ message: Message) {
        to = message.destination
        type = message.contentType
        text = String(validating: message.body, as: UTF8.self)
        if text == nil { bytes = Data(message.body) }
        uuid = UUID().uuidString.lowercased()
    }

    /// The message again.
    func message(through transport: String) -> Message {
        let body = text.map { Array($0.utf8) } ?? bytes.map { Array($0) } ?? []
        return Message(transport, to: to, body: body, contentType: type)
    }
}
