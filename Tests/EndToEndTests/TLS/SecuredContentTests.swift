import Testing

@Suite("Content under TLS")
struct SecuredContentTests {
    private func gateway(upstream: Origin) throws -> Gateway {
        try .secured(try Certificates.pair("exact"), "limits: { body: 64MiB }\n" + openToAll, upstream: upstream)
    }

    @Test func `passes whole in both directions at once, whatever its length`() throws {
        let size = 16 << 20
        let origin = try Origin(keepsLog: false) { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            try connection.finish(head)
            try connection.send([UInt8](repeating: 0x64, count: size), within: .seconds(60))
        }
        let request = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(size)\r\n\r\n"
        let client = try TLSClient(to: gateway(upstream: origin), options: "--request", request, "--upload", "\(size)")
        #expect(client.answer?.length == size, "\(client)")
        #expect(client.answer?.ending == "close_notify")
        #expect(origin.requests.first?.body.count == size)
    }

    @Test(arguments: ["1.2", "1.3"])
    func `is answered though the client has finished writing`(_ version: String) throws {
        let client = try TLSClient(to: gateway(upstream: .ok()), options: "--half-close", "--version", version)
        #expect(client.answer?.text == "ok", "\(client)")
    }

    /// Whoever cuts the connection would else choose where the content ends.
    @Test func `that ends with the connection is whole only with close_notify`() throws {
        for (options, isWhole) in [("--close", true), ("--truncate", false)] {
            let upstream = try TLSUpstream("--until-close", options)
            let gateway = try upstream.gateway("ca: \(try Certificates.path("authority.pem"))")
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            if isWhole {
                #expect(try client.receive().text == "ok")
            } else {
                #expect(throws: WireError.self) { try client.receive() }
            }
        }
    }
}
