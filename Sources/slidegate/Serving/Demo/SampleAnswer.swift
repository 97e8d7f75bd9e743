import JOSE

/// What the sample API says to one request.
struct SampleAnswer {
    var status = "200 OK"
    /// Further field lines, each with its CRLF.
    var fields = ""
    var mediaType: String
    var content: [UInt8]
}

extension SampleAnswer {
    init(status: String = "200 OK", fields: String = "", json members: KeyValuePairs<String, String>) {
        let text = members.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }.joined(separator: ",")
        self.init(status: status, fields: fields, mediaType: "application/json", content: Array("{\(text)}\n".utf8))
    }

    private static func quoted(_ text: String) -> String { String(decoding: JSONString.quoted(text), as: UTF8.self) }

    func message(withContent: Bool) -> [UInt8] {
        let head = "HTTP/1.1 \(status)\r\n\(fields)Content-Type: \(mediaType)\r\nContent-Length: \(content.count)\r\n\r\n"
        return Array(head.utf8) + (withContent ? content : [])
    }
}

/// Who logs in: anybody who says a name, without a password.
struct SampleLogin {
    private static let nameMax = 64

    let user: String

    /// - Parameter content: `{"user":"NAME"}`, or nothing for alice. Nil: neither.
    init?(_ content: Span<UInt8>) {
        guard !content.isEmpty else {
            user = "alice"
            return
        }
        guard let object = try? JSONObject(parsing: content.withUnsafeBufferPointer { Array($0) }), let name = object.string(named: "user"),
            (1...Self.nameMax).contains(name.utf8.count), name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { return nil }
        user = name
    }

    /// For the gateway: what the tokens are to say, as base64url of JSON, since a field is no place for names in all scripts.
    var claims: String {
        let text = Array("{\"sub\":".utf8) + JSONString.quoted(user) + Array("}".utf8)
        return Base64URL.string(text.span)
    }
}
