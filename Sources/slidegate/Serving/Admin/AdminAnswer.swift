import Bytes
import HTTP1
import JOSE

/// What the administration listener answers.
struct AdminAnswer: Sendable {
    var status = 200
    var type: StaticString = "text/plain; charset=utf-8"
    /// Further field lines, each with its CRLF.
    var fields = ""
    var content: [UInt8]

    init(status: Int = 200, type: StaticString = "text/plain; charset=utf-8", fields: String = "", _ content: [UInt8]) {
        self.status = status
        self.type = type
        self.fields = fields
        self.content = content
    }

    init(status: Int = 200, fields: String = "", _ text: String) {
        self.init(status: status, fields: fields, Array("\(text)\n".utf8))
    }

    /// - Parameter json: the text of an object.
    init(status: Int = 200, fields: String = "", json: String) {
        self.init(status: status, type: "application/json", fields: fields, Array("\(json)\n".utf8))
    }

    /// Problem details (RFC 9457).
    /// - Parameter code: stable, for programs.
    static func problem(_ status: Int, _ code: String, _ detail: String, fields: String = "") -> AdminAnswer {
        let text = """
            {"type":"about:blank","title":"\(reasonPhrase(of: status))","status":\(status),"code":"\(code)","detail":\(ClaimsText.quoted(detail))}

            """
        return AdminAnswer(status: status, type: "application/problem+json", fields: fields, Array(text.utf8))
    }
}
