/// JSON as the YAML that it nearly is.
enum YAMLText {
    /// Writes the texts of a JSON document without escapes that only JSON knows, and leaves everything else as it is: numbers keep
    /// their digits, and lines their numbers.
    ///
    /// - Parameter json: JSON that somebody has read already.
    static func bytes(ofJSON json: [UInt8]) -> [UInt8] {
        let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
        var result: [UInt8] = []
        result.reserveCapacity(json.count)
        var index = json.startIndex
        while index < json.endIndex {
            guard json[index] == quote else {
                result.append(json[index])
                index += 1
                continue
            }
            var end = index + 1
            while end < json.endIndex && json[end] != quote { end += json[end] == backslash ? 2 : 1 }
            let text = Array(json[index..<min(end + 1, json.endIndex)])
            if text.contains(backslash), case .text(let value) = AnyJSON(text) {
                result += Array(JSONText.encode(AnyJSON.text(value)).utf8)
            } else {
                result += text
            }
            index = end + 1
        }
        return result
    }
}
