import Testing

extension Gateway {
    /// The setting that turns the administration listener on, on a port of the system's choice.
    static let admin = "admin: { address: \"127.0.0.1:0\" }\n"

    /// Where the administration listener is; the program says so when it starts.
    func adminPort() throws -> UInt16 {
        let line = try process.waitForLine(containing: "slidegate: administration on ")
        return try #require(line.split(separator: ":").last.flatMap { UInt16($0) })
    }

    /// A GET at the administration listener, on a connection of its own.
    func administer(_ path: String, _ fields: String..., host: String = "127.0.0.1") throws -> Message {
        let client = try Client(to: adminPort(), of: self)
        defer { client.close() }
        let lines = fields.map { $0 + "\r\n" }.joined()
        return try client.exchange("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(lines)\r\n")
    }

    /// The value of one sample of the metrics, written as Prometheus shows it: `name` or `name{label="value"}`. Nil when it
    /// is not there.
    func metric(_ sample: String, secret: String? = nil) throws -> Double? {
        let page = try administer("/metrics", secret.map { "Authorization: Bearer \($0)" } ?? "X-No: secret").text
        for line in page.split(separator: "\n") where line.hasPrefix(sample + " ") {
            return Double(line.dropFirst(sample.utf8.count + 1))
        }
        return nil
    }
}
