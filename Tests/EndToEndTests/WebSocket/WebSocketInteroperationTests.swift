import Testing

/// Goal: WebSockets pass whole between endpoints that are none of ours, and both understand how the gateway ends one.
/// Method: Debian's python3-websockets on both sides, which checks every byte.
@Suite("WebSockets between independent endpoints")
struct WebSocketInteroperationTests {
    /// Runs a client's task to its end; what the client and the server said is right and agrees.
    private func run(
        _ task: String, _ path: String, _ options: String..., compression: String? = nil, settings: String = ""
    ) throws {
        let (server, port) = try PythonWebSocket.server(compression: compression)
        let gateway = try Gateway(openToAll + settings, upstreamPort: port)
        var arguments = options
        if let compression { arguments.append("compression=\(compression)") }
        let client = try PythonWebSocket.client(task, to: gateway.webSocket(path), arguments)
        #expect(try client.waitForLine("closed") == "closed 4000 the client is done")
        #expect(client.isContent, "\(client.lines)")
        #expect(try server.waitForLine("closed") == "closed \(path) 4000 the client is done")
        #expect(!server.lines.contains { $0.hasPrefix("bad") }, "\(server.lines)")
    }

    @Test(arguments: [nil, "deflate"])
    func `10,000 messages go each way at once, all of them whole and in order`(_ compression: String?) throws {
        try run("exchange", "/exchange/10000", "count=10000", compression: compression)
    }

    @Test func `frames of all sizes come back as they were, up to 8 MiB`() throws {
        try run("large", "/echo", "sizes=0,1,125,126,65535,65536,1048576,8388608")
    }

    @Test func `fragmented messages pass in both directions`() throws {
        try run("fragments", "/fragments")
    }

    @Test func `pings are answered by the other side, not by the gateway`() throws {
        try run("ping", "/ping")
    }

    @Test func `a close by the server reaches the client with its code and reason`() throws {
        let (server, port) = try PythonWebSocket.server()
        let gateway = try Gateway(openToAll, upstreamPort: port)
        let client = try PythonWebSocket.client("hold", to: gateway.webSocket("/close"))
        #expect(try client.waitForLine("closed") == "closed 4001 the server is done")
        #expect(try server.waitForLine("closed") == "closed /close 4001 the server is done")
    }

    @Test func `a token offered as a subprotocol opens the tunnel, and the server still chooses another`() throws {
        let (server, port) = try PythonWebSocket.server()
        defer { server.stop() }
        let gateway = try Gateway("tokens: { from: [ websocket_protocol ] }", upstreamPort: port)
        let client = try PythonWebSocket.client(
            "large", to: gateway.webSocket("/echo"), Self.credentials(left: 600) + ["subprotocol=chat", "sizes=10"])
        #expect(try client.waitForLine("open") == "open subprotocol chat")
        try client.waitForLine("closed 4000")
        #expect(client.isContent)
    }

    // MARK: The session's end

    /// For a client that signs its token when it is ready to connect.
    private static func credentials(left: Int, lifetime: Int = 3600, sid: String? = nil) -> [String] {
        ["secret=\(String(decoding: Token.secret, as: UTF8.self))", "left=\(left)", "lifetime=\(lifetime)"]
            + (sid.map { ["sid=\($0)"] } ?? [])
    }

    /// The token that a client has signed.
    private func token(of client: PythonWebSocket) throws -> Token {
        try #require(Token(verifying: String(try client.waitForLine("token").dropFirst("token ".count))))
    }

    @Test(arguments: ["/echo", "/tick"])
    func `at the session's end both sides see 1008, in the middle of traffic as well`(_ path: String) throws {
        let (server, port) = try PythonWebSocket.server()
        let gateway = try Gateway("sliding: { buffer: 10% }", upstreamPort: port)
        let client = try PythonWebSocket.client("hold", to: gateway.webSocket(path), Self.credentials(left: 6))
        let end = try #require(try token(of: client).integer("exp"))
        #expect(try client.waitForLine("closed") == "closed 1008 session expired")
        #expect(Token.now() >= end)
        #expect(Token.now() < end + 8)
        #expect(try server.waitForLine("closed") == "closed \(path) 1008 session expired")
    }

    /// With a lifetime of 24 seconds and half of it as the window, a token that slides with 6 left gets 18.
    private static let sliding = "sliding: { buffer: 12s, session_cap: $CAP }\nworkers: 2"

    @Test func `a request that slides the session keeps its tunnels open, on all workers`() throws {
        let (server, port) = try PythonWebSocket.server()
        defer { server.stop() }
        let gateway = try Gateway(Self.sliding.replacing("$CAP", with: "none"), upstreamPort: port)
        let url = gateway.webSocket("/echo")
        let clients = try (0..<3).map { _ in
            try PythonWebSocket.client("hold", to: url, Self.credentials(left: 12, lifetime: 24, sid: "s-1"))
        }
        let stranger = try PythonWebSocket.client("hold", to: url, Self.credentials(left: 12, lifetime: 24, sid: "s-2"))
        for client in clients + [stranger] { try client.waitForLine("open") }
        let end = Token.now() + 6
        let answer = try gateway.get(
            "/api", "Authorization: Bearer \(Token.signed(claims: #"{"iat":\#(end - 24),"exp":\#(end),"sid":"s-1"}"#))")
        let successor = try #require(answer["X-Refresh-Token"].flatMap { Token(verifying: $0) })
        let next = try #require(successor.integer("exp"))
        #expect(next == end + 12)
        #expect(try stranger.waitForLine("closed") == "closed 1008 session expired")
        #expect(Token.now() < next, "another session is not extended")
        for client in clients {
            #expect(try client.waitForLine("closed") == "closed 1008 session expired")
            #expect(Token.now() >= next)
        }
        #expect(Token.now() < next + 6)
    }

    @Test func `a later token of the session that a request presents extends the tunnel as well`() throws {
        let (server, port) = try PythonWebSocket.server()
        defer { server.stop() }
        let gateway = try Gateway("sliding: { buffer: 1s }\nworkers: 2", upstreamPort: port)
        let client = try PythonWebSocket.client(
            "hold", to: gateway.webSocket("/echo"), Self.credentials(left: 8, sid: "s-1"))
        let first = try #require(try token(of: client).integer("exp"))
        try client.waitForLine("open")
        let later = Token.signed(claims: #"{"iat":\#(first - 600),"exp":\#(first + 4),"sid":"s-1"}"#)
        #expect(try gateway.get("/api", "Authorization: Bearer \(later)").status == 200)
        #expect(try client.waitForLine("closed") == "closed 1008 session expired")
        #expect(Token.now() >= first + 4)
    }

    @Test func `no request extends a tunnel past the session's cap`() throws {
        let (server, port) = try PythonWebSocket.server()
        defer { server.stop() }
        // The session ends four seconds after its first token, eight before the successor would have.
        let gateway = try Gateway(Self.sliding.replacing("$CAP", with: "28s"), upstreamPort: port)
        let client = try PythonWebSocket.client(
            "hold", to: gateway.webSocket("/echo"), Self.credentials(left: 10, lifetime: 24))
        let presented = try token(of: client)
        let first = try #require(presented.integer("exp"))
        try client.waitForLine("open")
        let answer = try gateway.get("/api", "Authorization: Bearer \(presented.compact)")
        let successor = try #require(answer["X-Refresh-Token"].flatMap { Token(verifying: $0) })
        #expect(successor.integer("exp") == first + 4)
        // It claims to belong to a session that began later.
        let sid = try #require(successor.string("sid"))
        let late = Token.signed(claims: #"{"iat":\#(Token.now()),"exp":\#(first + 600),"sid":"\#(sid)"}"#)
        #expect(try gateway.get("/api", "Authorization: Bearer \(late)").status == 200)
        #expect(try client.waitForLine("closed") == "closed 1008 session expired")
        #expect(Token.now() >= first + 4)
        #expect(Token.now() < first + 11)
    }
}
