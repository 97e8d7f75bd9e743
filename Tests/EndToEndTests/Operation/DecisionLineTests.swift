import Testing

/// Goal: an operator reads in the log what became of tunnels, and of renewals that failed (semantics §8).
@Suite("Lines of the decision log")
struct DecisionLineTests {
    @Test func `a tunnel gets a line when it opens, is extended and closes; none shows the token`() throws {
        let origin = try Origin { connection in
            while let head = try connection.nextHead() {
                try connection.finish(head)
                guard head.has("Upgrade") else {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    continue
                }
                try connection.send(UpgradeTests.switching + "12345")
                _ = try connection.reader.read(3, by: .after())
                try connection.waitForEnd()
                return
            }
        }
        let gateway = try Gateway("logs: { decisions: changes }", upstream: origin)
        let client = try gateway.connect()
        let token = Token.with(left: 3000, more: #","sid":"a-secret-name""#)
        try client.send(UpgradeTests.handshake + "Authorization: Bearer \(token)\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
        let opened = try gateway.process.waitForLine(containing: " tunnel route=/ token=")
        #expect(opened.hasSuffix(" protocol=websocket peer=127.0.0.1"))
        try client.send("abc")
        #expect(try client.reader.read(5, by: .after()) == Array("12345".utf8))
        let later = Token.with(left: 3001, more: #","sid":"a-secret-name""#)
        #expect(try gateway.get("/", "Authorization: Bearer \(later)").status == 200)
        let extended = try gateway.process.waitForLine(containing: " tunnel_extended until=")
        #expect(extended.contains(" session=") && extended.contains(" route=/ token="))
        client.finishWriting()
        let closed = try gateway.process.waitForLine(containing: " tunnel_closed ")
        #expect(closed.contains(" reason=client_ended received=3 sent=5 milliseconds="))
        let fingerprint = try #require(opened.split(separator: " ").first { $0.hasPrefix("token=") })
        #expect(closed.contains(fingerprint))
        gateway.process.signal(15)
        let counts = try gateway.process.waitForLine(containing: "slidegate: stopped")
        #expect(counts.contains(" tunnels_opened=1 tunnels_extended=1 tunnels_expired=0"))
        for secret in [token, later, "a-secret-name"] { #expect(!gateway.logs.contains(secret)) }
    }

    @Test func `the session's end is a reason, and is counted`() throws {
        let origin = try UpgradeTests.echo()
        let gateway = try Gateway("sliding: { buffer: 10% }\nlogs: { decisions: changes }", upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "Authorization: Bearer \(Token.with(left: 4))\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
        try gateway.process.waitForLine(containing: " tunnel_closed reason=session_expired ")
        gateway.process.signal(15)
        #expect(try gateway.process.waitForLine(containing: "slidegate: stopped").contains(" tunnels_expired=1"))
    }

    @Test func `a renewal that cannot be signed gets a line, and the request its answer`() throws {
        let origin = try Origin.ok()
        // The successor would have members that the token has not, and so be longer than tokens may be.
        let token = Token.with(left: 300, more: #","pad":"\#(String(repeating: "x", count: 400))""#)
        let gateway = try Gateway("tokens: { limits: { bytes: \(token.utf8.count)B } }", upstream: origin)
        let answer = try gateway.get("/", "Authorization: Bearer \(token)")
        #expect(answer.text == "ok")
        #expect(!answer.has("X-Refresh-Token"))
        let line = try gateway.process.waitForLine(containing: " mint_failed ")
        #expect(line.contains(" route=/ token=") && line.hasSuffix(" status=200 peer=127.0.0.1"))
        gateway.process.signal(15)
        #expect(try gateway.process.waitForLine(containing: "slidegate: stopped").contains(" mint_failures=1"))
        #expect(!gateway.logs.contains(token))
    }
}
