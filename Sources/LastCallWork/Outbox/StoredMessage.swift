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
    /// What the body is made from when it is sent, where it was not known before.
    var request: Data?
    /// The same for every attempt.
    var uuid: String

    /// A message whose body is made when it is sent.
    init(to destination: String, request: [UInt8]) {
        to = destination
        type = "application/json"
        self.request = Data(request)
        uuid = UUID().uuidString.lowercased()
    }

    init(_ message: Message) {
        to = message.destination
        type = message.contentType
        text = String(validating: message.body, as: UTF8.self)
        if text == nil { bytes = Data(message.body) }
        uuid = UUID().uuidString.lowercased()
    }

    /// The message again.
    ///
    /// - Parameter made: The body, where it was made just now.
    func message(through transport: String, made: [UInt8]? = nil) -> Message {
        let body = made ?? text.map { Array($0.utf8) } ?? bytes.map { Array($0) } ?? []
        return Message(transport, to: to, body: body, contentType: type)
    }
}
