import Testing

/// Goal: trusted proxies say who the client is, nobody else does, and what cannot be read makes nobody someone else.
@Suite("Trusted proxies")
struct TrustedProxyTests {
    private func forwarded(_ settings: String, from source: String = "127.0.0.1", _ fields: String...) throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway("\(settings)\n\(openToAll)", upstream: origin)
        let client = try gateway.connect(from: source)
        let lines = fields.map { $0 + "\r\n" }.joined()
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: api.example\r\n\(lines)\r\n").status == 200)
        return try #require(origin.requests.first)
    }

    static let trusting = "trusted_proxies: [ 127.0.0.1, 10.0.0.0/8 ]"

    @Test func `are appended to and believed`() throws {
        let request = try forwarded(
            Self.trusting, "X-Forwarded-For: 6.6.6.6, 192.0.2.1", "X-Forwarded-For: 10.0.0.9", "X-Forwarded-Proto: HTTPS",
            "X-Forwarded-Host: shop.example:8443", "X-Forwarded-Port: 8443", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6")
        #expect(request.values(of: "X-Forwarded-For") == ["6.6.6.6, 192.0.2.1, 10.0.0.9, 127.0.0.1"])
        #expect(request.values(of: "X-Forwarded-Proto") == ["https"])
        #expect(request.values(of: "X-Forwarded-Host") == ["shop.example:8443"])
        #expect(request.values(of: "X-Forwarded-Port") == ["8443"])
        #expect(request.values(of: "X-Real-IP") == ["192.0.2.1"])
        #expect(!request.has("Forwarded"))
    }

    @Test func `are those that are listed: others are believed nothing`() throws {
        let request = try forwarded(
            Self.trusting, from: "127.0.0.2", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https",
            "X-Forwarded-Host: evil.example", "X-Forwarded-Port: 1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1")
        #expect(request.values(of: "X-Forwarded-For") == ["127.0.0.2"])
        #expect(request.values(of: "X-Forwarded-Proto") == ["http"])
        #expect(request.values(of: "X-Forwarded-Host") == ["api.example"])
        #expect(request.values(of: "X-Real-IP") == ["127.0.0.2"])
        #expect(!request.has("X-Forwarded-Port") && !request.has("Forwarded"))
    }

    @Test(arguments: ["192.0.2.1, garbage", "192.0.2.1, 1.2.3.4.5", "192.0.2.1, \"127.0.0.1\""])
    func `that write what nobody can read begin a new list`(_ list: String) throws {
        let request = try forwarded(Self.trusting, "X-Forwarded-For: \(list)", "X-Forwarded-Proto: https")
        #expect(request.values(of: "X-Forwarded-For") == ["127.0.0.1"])
        #expect(request.values(of: "X-Real-IP") == ["127.0.0.1"])
        #expect(request.values(of: "X-Forwarded-Proto") == ["http"])
    }

    @Test func `are not spoken for by fields with underscores`() throws {
        let request = try forwarded(Self.trusting, "X-Forwarded-For: 192.0.2.1", "X_Forwarded_For: 6.6.6.6")
        #expect(request.values(of: "X-Real-IP") == ["192.0.2.1"])
    }

    @Test(arguments: ["X-Forwarded-Proto: gopher", "X-Forwarded-Proto: https, http", "X-Forwarded-Proto: "])
    func `say http or https, or what the gateway knows holds`(_ line: String) throws {
        #expect(try forwarded(Self.trusting, line).values(of: "X-Forwarded-Proto") == ["http"])
    }

    @Test func `may speak RFC 7239, and then X-Forwarded is hearsay`() throws {
        let request = try forwarded(
            Self.trusting + "\nforwarded: rfc7239", "X-Forwarded-For: 6.6.6.6",
            "Forwarded: for=\"[2001:db8::7]:4711\";proto=https;host=shop.example")
        #expect(
            request.values(of: "Forwarded") == [
                "for=\"[2001:db8::7]:4711\";proto=https;host=shop.example, for=127.0.0.1;host=\"api.example\";proto=http"
            ])
        #expect(request.values(of: "X-Real-IP") == ["2001:db8::7"])
        #expect(!request.has("X-Forwarded-For") && !request.has("X-Forwarded-Proto"))
    }

    @Test func `that speak both ways and contradict themselves are not believed`() throws {
        let settings = Self.trusting + "\nforwarded: both"
        let agreed = try forwarded(settings, "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1;proto=https")
        #expect(agreed["X-Real-IP"] == "192.0.2.1" && agreed["X-Forwarded-Proto"] == "https")
        let contradicted = try forwarded(settings, "X-Forwarded-For: 192.0.2.1", "Forwarded: for=6.6.6.6")
        #expect(contradicted["X-Real-IP"] == "127.0.0.1" && contradicted["X-Forwarded-For"] == "127.0.0.1")
    }

    @Test func `do without: Forwarded is written for whoever comes`() throws {
        let request = try forwarded("forwarded: both", "Forwarded: for=6.6.6.6")
        #expect(request.values(of: "Forwarded") == ["for=127.0.0.1;host=\"api.example\";proto=http"])
        #expect(request.values(of: "X-Forwarded-For") == ["127.0.0.1"])
    }

    @Test func `may come through a Unix socket, and add no address of their own then`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "listen: [ \"127.0.0.1:0\", \"unix:$FOLDER/edge.sock\" ]\ntrusted_proxies: unix\n\(openToAll)", upstream: origin)
        try gateway.process.waitForLine(containing: "edge.sock")
        let client = Client(try Socket.connected(toPath: gateway.path("edge.sock")), of: gateway)
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n").status == 200)
        #expect(origin.requests.last?["X-Forwarded-For"] == "192.0.2.1" && origin.requests.last?["X-Real-IP"] == "192.0.2.1")
        #expect(try gateway.get("/", "X-Forwarded-For: 192.0.2.1").status == 200)
        #expect(origin.requests.last?["X-Forwarded-For"] == "127.0.0.1", "TCP is not trusted with it")
    }

    @Test func `are no longer believed once a reload says so, on open connections too`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("\(Self.trusting)\n\(openToAll)", upstream: origin)
        let client = try gateway.connect()
        let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        #expect(try client.exchange(request).status == 200)
        #expect(origin.requests.last?["X-Forwarded-For"] == "192.0.2.1, 127.0.0.1")
        try gateway.rewrite(openToAll)
        gateway.process.signal(1)
        try eventually {
            _ = try client.exchange(request)
            return origin.requests.last?["X-Forwarded-For"] == "127.0.0.1"
        }
    }

    @Test func `are logged as the client that they speak for`() throws {
        let gateway = try Gateway(Self.trusting, upstream: try Origin.ok())
        expectProblem(try gateway.get("/", "X-Forwarded-For: 2001:db8::5"), status: 401)
        try gateway.process.waitForLine(containing: "peer=2001:db8::5")
    }
}

@Suite("IPv6")
struct IPv6Tests {
    @Test func `clients are written as RFC 5952 and RFC 7239 want it`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "listen: [ \"127.0.0.1:0\", \"[::1]:0\" ]\nforwarded: both\n\(openToAll)", upstream: origin)
        let client = Client(try Socket.connected(to: gateway.port(on: "[::1]"), from: "::1"), of: gateway)
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n").status == 200)
        let request = try #require(origin.requests.first)
        #expect(request["X-Forwarded-For"] == "::1" && request["X-Forwarded-Host"] == "[::1]:8080")
        #expect(request["Forwarded"] == "for=\"[::1]\";host=\"[::1]:8080\";proto=http")
    }

    @Test func `upstreams may be addressed by it`() throws {
        // Two gateways in a row: the second one is the upstream, on ::1.
        let origin = try Origin.ok()
        let behind = try Gateway("listen: [ \"127.0.0.1:0\", \"[::1]:0\" ]\n\(openToAll)", upstream: origin)
        let gateway = try Gateway("upstream: \"[::1]:\(try behind.port(on: "[::1]"))\"\n\(openToAll)", upstream: origin)
        #expect(try gateway.get().status == 200)
        #expect(origin.requests.first?["X-Forwarded-For"] == "::1")
        #expect(try gateway.exchange("GET / HTTP/1.0\r\n\r\n").status == 200)
    }

    @Test func `the address that stands for all takes IPv4 clients too, as such`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("listen: [ \"127.0.0.1:0\", \"[::]:0\" ]\n\(openToAll)", upstream: origin)
        let port = try gateway.port(on: "[::]")
        for source in ["127.0.0.1", "::1"] {
            let client = Client(try Socket.connected(to: port, from: source), of: gateway)
            #expect(try client.exchange(plainGet).status == 200)
            #expect(origin.requests.last?["X-Forwarded-For"] == source)
        }
    }
}
