import Testing

/// A server with TLS that is none of ours: Python's `ssl`, in a process of its own.
struct TLSUpstream {
    let process: ChildProcess
    let port: UInt16

    /// - Parameter options: of `Peers/tls_server.py`.
    init(certificate: String = "upstream", _ options: String...) throws {
        process = try ChildProcess([
            "/usr/bin/python3", try Certificates.peer("tls_server.py"), try Certificates.path("\(certificate).pem"),
            try Certificates.path("\(certificate).key"),
        ] + options)
        let line = try process.waitForLine(containing: "listening ", on: .output)
        port = try #require(UInt16(line.dropFirst("listening ".count)))
    }

    /// A gateway in front of it.
    /// - Parameter tls: what stands in the mapping `tls` of the upstream.
    func gateway(_ tls: String, timeouts: String = "{}") throws -> Gateway {
        try Gateway(
            """
            upstreams: { api: { servers: [ "127.0.0.1:\(port)" ], timeouts: \(timeouts), tls: { \(tls) } } }
            \(openToAll)
            """, upstream: .ok())
    }

    /// `full` or `resumed` and the client's name for each connection, once there are that many.
    func connections(_ count: Int) throws -> [String] {
        let start = "connection "
        try process.waitForLine(containing: start, skipping: count - 1, on: .output)
        return process.text(of: .output).split(separator: "\n").filter { $0.hasPrefix(start) }
            .map { String($0.dropFirst(start.count)) }
    }
}
