import FoundationEssentials
import LastCallWork

/// Reads a message as one for Slack's `chat.postMessage`, and makes the body of the call.
enum SlackMessage {
    /// The most characters of a text; Slack cuts what is longer and says that all is well (docs: Truncating really long messages).
    static let textCharactersMax = 40_000
    /// The most blocks of a message (docs: Blocks).
    static let blocksMax = 50
    /// The most attachments of a message (docs: chat.postMessage, `too_many_attachments`).
    static let attachmentsMax = 100
    /// The most bytes of a body: more than any message within those limits has in practice.
    static let bodyBytesMax = 1024 * 1024
    /// The most characters of a destination.
    private static let destinationCharactersMax = 128

    /// The parts of a JSON body that are looked at.
    private struct Shape: Decodable {
        /// The keys of those parts.
        enum CodingKeys: String, CodingKey {
            case channel, text, blocks, attachments
        }

        /// Whether it names a channel of its own.
        var hasChannel: Bool
        /// The characters of its text.
        var textCharacters = 0
        /// Its blocks.
        var blocks = 0
        /// Its attachments.
        var attachments = 0

        /// Reads a body; a part that is of another type is Slack's to judge.
        init(from decoder: any Decoder) throws {
            let body = try decoder.container(keyedBy: CodingKeys.self)
            hasChannel = body.contains(.channel)
            if let text = try? body.decode(String.self, forKey: .text) {  // not there, or not a text
                textCharacters = text.unicodeScalars.count
            }
            blocks = Self.count(of: .blocks, in: body)
            attachments = Self.count(of: .attachments, in: body)
        }

        /// How many elements a part has; none where it is no array.
        private static func count(of key: CodingKeys, in body: KeyedDecodingContainer<CodingKeys>) -> Int {
            guard let list = try? body.nestedUnkeyedContainer(forKey: key) else { return 0 }  // not there, or no array
            return list.count ?? 0
        }
    }

    /// The call's body in the making.
    private struct TextBody: Encodable {
        /// Where it goes.
        var channel: String
        /// What is said.
        var text: String
    }

    /// The body of the call.
    ///
    /// A JSON body stays as it is, with `channel` put first: so that its numbers and the order of its keys stay, too.
    ///
    /// - Throws: `WorkError` with `WorkError.Code.invalidSubmission` and `WorkError.Code.tooLarge`, without the body's words.
    static func body(of message: Message) throws(WorkError) -> [UInt8] {
        try checkDestination(message.destination)
        guard message.body.count <= bodyBytesMax else {
            throw WorkError(
                .tooLarge, "the body has \(message.body.count) bytes; a message for Slack has \(bodyBytesMax)")
        }
        guard let text = String(validating: message.body, as: UTF8.self) else {
            throw WorkError(.invalidSubmission, "the body is not UTF-8, which Slack takes")
        }
        let mediaType = message.contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
        switch mediaType {
        case "text/plain":
            try checkCount(text.unicodeScalars.count, "characters of text", max: textCharactersMax)
            guard !text.isEmpty else { throw WorkError(.invalidSubmission, "the text is empty") }
            return try encode(TextBody(channel: message.destination, text: text))
        case "application/json":
            try checkJSON(message.body)
            return try splice(message.destination, into: message.body)
        default:
            throw WorkError(.invalidSubmission, "Slack takes a text (text/plain) or an object (application/json)")
        }
    }

    /// Says what is wrong with a destination.
    static func checkDestination(_ destination: String) throws(WorkError) {
        let isID: Bool
        switch destination.utf8.first {
        case UInt8(ascii: "C"), UInt8(ascii: "D"), UInt8(ascii: "G"), UInt8(ascii: "U"), UInt8(ascii: "W"):
            isID =
                destination.utf8.count > 1
                && destination.utf8.allSatisfy { byte in
                    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                }
        default: isID = false
        }
        let isName =
            destination.utf8.first == UInt8(ascii: "#") && destination.utf8.count > 1
            && destination.unicodeScalars.allSatisfy {
                !$0.properties.isWhitespace && $0.properties.generalCategory != .control
            }
        guard isID || isName, destination.unicodeScalars.count <= destinationCharactersMax else {
            throw WorkError(
                .invalidSubmission,
                "a destination of Slack is #name, or the id of a channel (C…), a user (U…) or a conversation (D…, G…)"
            )
        }
    }

    /// Says what is wrong with a JSON body.
    private static func checkJSON(_ body: [UInt8]) throws(WorkError) {
        // A decoder would take other encodings by their zeros; the text that is put in is UTF-8.
        guard body.first(where: { !isSpace($0) }) == UInt8(ascii: "{"), !body.contains(0) else {
            throw WorkError(.invalidSubmission, "the body is not a JSON object; Slack takes {\"text\": …}")
        }
        let shape: Shape
        do {
            shape = try JSONDecoder().decode(Shape.self, from: Data(body))
        } catch {
            // The decoder's words quote the body.
            throw WorkError(.invalidSubmission, "the body is not a JSON object that can be read")
        }
        guard !shape.hasChannel else {
            throw WorkError(
                .invalidSubmission, "the body has a channel of its own; the message's destination is the channel")
        }
        try checkCount(shape.textCharacters, "characters of text", max: textCharactersMax)
        try checkCount(shape.blocks, "blocks", max: blocksMax)
        try checkCount(shape.attachments, "attachments", max: attachmentsMax)
    }

    /// Says that something is too much.
    private static func checkCount(_ count: Int, _ what: String, max: Int) throws(WorkError) {
        guard count <= max else { throw WorkError(.tooLarge, "the message has \(count) \(what); Slack takes \(max)") }
    }

    /// Puts the channel into an object that was checked, before everything else.
    private static func splice(_ channel: String, into object: [UInt8]) throws(WorkError) -> [UInt8] {
        let field = Array("\"channel\":".utf8) + (try encode(channel))
        guard let brace = object.firstIndex(of: UInt8(ascii: "{")) else {
            preconditionFailure("splice: the object was not checked")
        }
        let rest = object[(brace + 1)...]
        let isEmpty = rest.first { !isSpace($0) } == UInt8(ascii: "}")
        return [UInt8(ascii: "{")] + field + (isEmpty ? [] : [UInt8(ascii: ",")]) + rest
    }

    /// Encodes as JSON.
    private static func encode(_ value: some Encodable) throws(WorkError) -> [UInt8] {
        do {
            return try PayloadCoding.encode(value)
        } catch {
            throw WorkError(.invalidSubmission, "the message cannot be written as JSON")
        }
    }

    /// Whether a byte is white space in JSON (RFC 8259, section 2).
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
}
