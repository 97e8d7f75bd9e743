import Testing

/// What a gateway must remove, add and replace: RFC 9110 §7.6, semantics section 6 and 7.
@Suite("Hop-by-hop fields, Via and X-Forwarded")
struct ForwardingFieldTests {
    private func forwarded(_ settings: String = openToAll, _ fields: String...) throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings, upstream: origin)
        let lines = fields.map { $0 + "\r\n" }.joined()
        _ = try gateway.exchange("GET / HTTP/1.1\r\nHost: api.example\r\n\(lines)\r\n")
        return try #require(origin.requests.first)
    }

    @Test func `hop-by-hop request fields do not pass`() throws {
        let request = try forwarded(
            openToAll, "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip;q=0.5",
            "Proxy-Authorization: Basic Zm9vOmJhcg==", "X-Kept: yes")
        for name in ["Keep-Alive", "Proxy-Connection", "Proxy-Authorization"] { #expect(!request.has(name), "\(name)") }
        #expect(request["TE"] == nil || request["TE"] == "trailers")
        #expect(request["X-Kept"] == "yes")
    }

    @Test func `fields that Connection nominates do not pass, in any case and over several lines`() throws {
        let request = try forwarded(
            openToAll, "Connection: x-one , X-TWO", "X-One: 1", "x-two: 2", "connection:,,X-Three,", "X-Three: 3", "X-Four: 4")
        #expect(!request.has("X-One") && !request.has("X-Two") && !request.has("X-Three"))
        #expect(request["X-Four"] == "4")
        #expect(request.values(of: "Connection").allSatisfy { !$0.lowercased().contains("x-") })
    }

    @Test func `hop-by-hop answer fields do not pass`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Connection: keep-alive\r\n"
                + "Upgrade: h2c\r\nX-Kept: yes\r\nContent-Length: 0\r\n\r\n"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get()
        for name in ["Keep-Alive", "X-Hop", "Proxy-Connection", "Upgrade"] { #expect(!answer.has(name), "\(name)") }
        #expect(answer["X-Kept"] == "yes")
    }

    @Test(arguments: ["Host", "Content-Length"])
    func `nominating what the message hangs on is a 400`(_ name: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: \(name)\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")
        expectProblem(try client.receive(to: "POST"), status: 400)
        #expect(try client.isClosedByPeer())
        #expect(origin.received.isEmpty)
    }

    @Test func `nominating Transfer-Encoding, which each hop sets for itself, changes nothing`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        #expect(answer.status == 200 || answer.status == 400)
        #expect(origin.requests.allSatisfy { $0.text == "abc" && $0.framing == .chunked })
    }

    @Test(arguments: ["Authorization", "X-Forwarded-For", "X-User-Id", "Via", "Cookie"])
    func `nothing that the gateway vouches for can be nominated away`(_ name: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "routes: [ { path: /, forward: { claims: { X-User-Id: sub } } } ]", upstream: origin)
        let answer = try gateway.get("/", "Connection: \(name)", "Authorization: Bearer \(Token.fresh)", "Cookie: a=b")
        if answer.status == 200 {
            let request = try #require(origin.requests.first)
            #expect(request["X-User-Id"] == "user-1")
            #expect(request["X-Forwarded-For"] == "127.0.0.1")
            #expect(request.has("Via"))
            if name == "Authorization" { #expect(request.has("Authorization")) }
        } else {
            expectProblem(answer, status: 400)
            #expect(origin.received.isEmpty)
        }
    }

    @Test func `Via names the protocol of the client and follows what was there`() throws {
        #expect(try forwarded().members(of: "Via").map { $0.hasPrefix("1.1 ") } == [true])
        let more = try forwarded(openToAll, "Via: 1.0 fred, 1.1 p.example").members(of: "Via")
        #expect(Array(more.prefix(2)) == ["1.0 fred", "1.1 p.example"])
        #expect(more.count == 3 && more[2].hasPrefix("1.1 "))
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(origin.requests.first?.members(of: "Via").map { $0.hasPrefix("1.0 ") } == [true])
    }

    @Test func `X-Forwarded fields tell the client's address, scheme and host`() throws {
        let request = try forwarded()
        #expect(request.values(of: "X-Forwarded-For") == ["127.0.0.1"])
        #expect(request.values(of: "X-Forwarded-Proto") == ["http"])
        #expect(request.values(of: "X-Forwarded-Host") == ["api.example"])
    }

    @Test(arguments: [
        "X-Forwarded-For: 10.0.0.1", "x-forwarded-for: 10.0.0.1", "X_Forwarded_For: 10.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example", "Forwarded: for=10.0.0.1;proto=https;host=evil.example",
        "X-Real-IP: 10.0.0.1",
        "X-Forwarded_Proto: https", "X-Forwarded-Port: 443",
    ])
    func `what an untrusted client claims about its path does not pass`(_ line: String) throws {
        let request = try forwarded(openToAll, line)
        let text = request.headText
        let value = line[line.index(after: line.firstIndex(of: ":")!)...].trimmed
        #expect(!text.contains(": \(value)\r\n"), "\(text)")
        #expect(!text.lowercased().contains("_forwarded"))
        #expect(request.values(of: "X-Forwarded-For") == ["127.0.0.1"])
    }

    @Test func `Host passes as the client wrote it, once`() throws {
        #expect(try forwarded().values(of: "Host") == ["api.example"])
    }

    @Test func `a request without Host gets one, as HTTP/1.1 demands`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange("GET / HTTP/1.0\r\n\r\n")
        let hosts = try #require(origin.requests.first).values(of: "Host")
        #expect(hosts.count == 1)
    }

    @Test func `the authority of an absolute target replaces Host`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange("GET http://real.example:81/a?b HTTP/1.1\r\nHost: other.example\r\n\r\n")
        let request = try #require(origin.requests.first)
        #expect(request.values(of: "Host") == ["real.example:81"])
        #expect(request.target == "/a?b")
        #expect(request["X-Forwarded-Host"] == "real.example:81")
    }

    /// RFC 9112 §3.2.4.
    @Test func `OPTIONS of the server itself passes as an asterisk, in either form`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(try gateway.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        _ = try gateway.exchange("OPTIONS http://a.example:8001 HTTP/1.1\r\nHost: a.example:8001\r\n\r\n")
        #expect(origin.requests.map(\.target) == ["*", "*"])
        #expect(origin.requests.last?["Host"] == "a.example:8001")
    }

    @Test func `CONNECT is refused: a gateway is no tunnel to wherever one likes`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.exchange("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")
        #expect([400, 405, 501].contains(answer.status), "\(answer.startLine)")
        #expect(origin.received.isEmpty)
    }
}
