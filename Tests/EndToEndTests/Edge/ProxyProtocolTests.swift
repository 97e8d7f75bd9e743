import Testing

/// Goal: behind a load balancer the client is whom the PROXY header names, and nobody gets in without one.
/// Method: headers written by hand, on one connection and in pieces; what the origin gets tells whom the gateway takes for the client.
@Suite("PROXY headers from a proxy in front")
struct ProxyHeaderInTests {
    static let settings = """
        listeners: [ { address: "127.0.0.1:0", proxy_protocol: true } ]
        trusted_proxies: [ 127.0.0.1/32, 10.0.0.0/8 ]
        timeouts: { head: 1s }
        \(openToAll)
        """
    static let line = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 8443\r\n"
    static let binary: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 15,
        192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 0x04, 0x20, 0xFB, 0x04, 0, 0,
    ]

    @Test(arguments: [true, false])
    func `name the client and the port that it connected to`(_ isBinary: Bool) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.settings, upstream: origin)
        let client = try gateway.connect()
        try client.send((isBinary ? Self.binary : Self.line.latin1) + plainGet.latin1)
        #expect(try client.receive().status == 200)
        #expect(try client.exchange(plainGet).status == 200)
        #expect(origin.requests.count == 2)
        for request in origin.requests {
            #expect(request.values(of: "X-Forwarded-For") == ["192.0.2.7"])
            #expect(request.values(of: "X-Forwarded-Port") == ["8443"])
            #expect(request.values(of: "X-Real-IP") == ["192.0.2.7"])
        }
    }

    @Test(arguments: [true, false])
    func `may come byte by byte`(_ isBinary: Bool) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.settings, upstream: origin)
        let client = try gateway.connect()
        for byte in (isBinary ? Self.binary : Self.line.latin1) + plainGet.latin1 { try client.send([byte]) }
        #expect(try client.receive().status == 200)
        #expect(origin.requests.first?["X-Forwarded-For"] == "192.0.2.7")
    }

    @Test func `that name a trusted proxy let it speak for its client`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.settings, upstream: origin)
        let client = try gateway.connect()
        try client.send("PROXY TCP4 10.1.1.1 198.51.100.1 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
        #expect(try client.receive().status == 200)
        #expect(origin.requests.first?["X-Forwarded-For"] == "203.0.113.9, 10.1.1.1")
        #expect(origin.requests.first?["X-Real-IP"] == "203.0.113.9")
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\u{20}\0\0\0"])
    func `without a client leave the connection its own`(_ header: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.settings, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(header + plainGet).status == 200)
        #expect(origin.requests.first?["X-Forwarded-For"] == "127.0.0.1")
    }

    @Test(arguments: [plainGet, "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", "\r\n\r\n\0\r\nQUIT\n\u{31}\u{11}\0\0"])
    func `that are none end the connection without a word`(_ text: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.settings, upstream: origin)
        let client = try gateway.connect()
        try client.send(text)
        #expect(throws: WireError.reset) { _ = try client.receive() }
        #expect(origin.received.isEmpty)
        try gateway.process.waitForLine(containing: "connection_rejected")
    }

    @Test func `that do not come in time end the connection`() throws {
        let gateway = try Gateway(Self.settings, upstream: try Origin.ok())
        let client = try gateway.connect()
        try client.send("PROXY TCP4 192.0.2.7")
        #expect(throws: WireError.reset) { _ = try client.receive(within: .seconds(5)) }
        try gateway.process.waitForLine(containing: "not there in time")
    }

    @Test func `count only from trusted proxies: others are not let in`() throws {
        let gateway = try Gateway(Self.settings, upstream: try Origin.ok())
        let client = try gateway.connect(from: "127.0.0.2")
        #expect(throws: (any Error).self) {
            try client.send(Self.line + plainGet)
            _ = try client.receive()
        }
        try gateway.process.waitForLine(containing: "no trusted proxy")
    }
}

@Suite("PROXY headers to an upstream")
struct ProxyHeaderOutTests {
    @Test func `name the client on each connection, which serves that client alone`() throws {
        let origin = try Origin { connection in
            let header = try connection.reader.read(28, by: .after())
            #expect(Array(header[..<16]) == [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12])
            while try connection.nextRequest() != nil {
                let client = header[16..<20].map(String.init).joined(separator: ".")
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(client.utf8.count)\r\n\r\n\(client)")
            }
        }
        let gateway = try Gateway(
            "upstream: { servers: \"127.0.0.1:\(origin.port)\", proxy_protocol: v2 }\n\(openToAll)", upstream: origin)
        let one = try gateway.connect(from: "127.0.0.1")
        let other = try gateway.connect(from: "127.0.0.9")
        #expect(try one.exchange(plainGet).text == "127.0.0.1")
        #expect(try other.exchange(plainGet).text == "127.0.0.9")
        #expect(try one.exchange(plainGet).text == "127.0.0.1")
        #expect(origin.connections.count == 3 && origin.failures.isEmpty, "\(origin.failures)")
    }

    @Test func `go ahead of health checks too, which speak for nobody`() throws {
        let checked = Gate()
        let origin = try Origin { connection in
            let header = try connection.reader.read(16, by: .after())
            #expect(header == [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x20, 0, 0, 0])
            while try connection.nextRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                checked.open()
            }
        }
        let gateway = try Gateway(
            "upstream: { servers: \"127.0.0.1:\(origin.port)\", proxy_protocol: v2, health: { path: /, interval: 100ms } }\n\(openToAll)",
            upstream: origin)
        try checked.wait()
        #expect(origin.failures.isEmpty, "\(origin.failures)")
        withExtendedLifetime(gateway) {}
    }
}
