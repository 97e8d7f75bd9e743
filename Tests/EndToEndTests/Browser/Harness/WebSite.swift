import Foundation

/// An origin with fixed files, for pages and scripts.
final class WebSite: Sendable {
    struct File: Sendable {
        var type: String
        var content: String
        /// Whole lines, without their ends.
        var fields: [String] = []

        static func page(_ html: String, _ fields: String...) -> File {
            File(type: "text/html; charset=utf-8", content: "<!doctype html><meta charset=utf-8>" + html, fields: fields)
        }

        static func script(_ text: String, _ fields: String...) -> File { File(type: "text/javascript", content: text, fields: fields) }
    }

    let origin: Origin

    init(_ files: [String: File]) throws {
        origin = try Origin.answering { request in
            Self.answer(files[String(request.target.prefix { $0 != "?" })])
        }
    }

    /// On a name that is its own site, `localhost`, or the gateway's, `127.0.0.1`.
    func url(_ path: String, host: String = "127.0.0.1") -> String { "http://\(host):\(origin.port)\(path)" }

    static func answer(_ file: File?) -> String {
        guard let file else { return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" }
        // Bytes as the harness sends them: one scalar each.
        let content = String(latin1: file.content.utf8)
        let fields = file.fields.map { $0 + "\r\n" }.joined()
        return "HTTP/1.1 200 OK\r\nContent-Type: \(file.type)\r\n\(fields)Content-Length: \(content.unicodeScalars.count)\r\n\r\n\(content)"
    }
}
