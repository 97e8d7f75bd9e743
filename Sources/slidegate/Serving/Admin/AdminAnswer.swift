/// What the administration listener answers.
struct AdminAnswer: Sendable {
    var status = 200
    var type: StaticString = "text/plain; charset=utf-8"
    /// Further field lines, each with its CRLF.
    var fields: StaticString = ""
    var content: [UInt8]

    init(status: Int = 200, type: StaticString = "text/plain; charset=utf-8", fields: StaticString = "", _ content: [UInt8]) {
        self.status = status
        self.type = type
        self.fields = fields
        self.content = content
    }

    init(status: Int = 200, fields: StaticString = "", _ text: String) {
        self.init(status: status, fields: fields, Array("\(text)\n".utf8))
    }

    /// RFC 9110 §15.
    var reason: StaticString {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 413: "Content Too Large"
        case 421: "Misdirected Request"
        case 503: "Service Unavailable"
        default: "Error"
        }
    }
}
