import Testing

/// The gateway's own answer to a request without a valid token (semantics 5), and what becomes of its connection.
@Suite("A refusal is an answer that programs can use")
struct RefusalAnswerTests {
    private func refusal(_ fields: String) throws -> Message { try RefusalTests.refusal(fields) }

    @Test func `a browser gets the same JSON, and never a redirect`() throws {
        let answer = try refusal("Accept: text/html,application/xhtml+xml\r\n")
        expectProblem(answer, status: 401, code: "token_missing")
        #expect(!answer.has("Location"))
    }

    @Test func `a problem says what RFC 9457 wants said`() throws {
        let problem = try #require(try refusal("").problem)
        #expect(problem["title"] is String)
        #expect(problem["status"] as? Int == 401)
        #expect(problem["code"] as? String == "token_missing")
    }

    @Test func `to HEAD it has no content`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            let answer = try client.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer.status == 401)
            #expect(answer.has("WWW-Authenticate"))
        }
        #expect(client.reader.unread.isEmpty)
    }

    @Test func `a refusal tells nothing of the token, the keys or the inside`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        for token in [Token.with(left: -5), "a.b.c", Token.fresh + "x"] {
            let answer = try gateway.get("/private/path?secret=1", "Authorization: Bearer \(token)", "Cookie: a=hidden")
            let text = answer.headText + answer.text
            for secret in [token, "jwt.secret", "\(origin.port)", "hidden", "HS256", String(
                decoding: Token.secret, as: UTF8.self), "user-1"] {
                #expect(!text.contains(secret), "\(secret) in \(text)")
            }
        }
    }

    @Test func `a refused request keeps its connection in step, content and all`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        let content = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)"
                + "GET /next HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n")
        expectProblem(try client.receive(to: "POST"), status: 401)
        do {
            #expect(try client.receive().status == 200)
            #expect(origin.requests.map(\.target) == ["/next"])
        } catch WireError.endOfStream, WireError.reset {
            #expect(origin.received.isEmpty)
        }
    }

    @Test func `a verdict is for one token: a good one, cached, opens nothing for a bad one`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        let good = Token.fresh
        let bad = String(good.dropLast(6)) + "AAAAAA"
        for _ in 0..<5 {
            #expect(
                try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(good)\r\n\r\n").status == 200)
            #expect(
                try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(bad)\r\n\r\n").status == 401)
        }
    }

    @Test func `a token that passed ends when it ends, cached or not`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 10% }", upstream: origin)
        let client = try gateway.connect()
        let end = Token.now() + 2
        let request = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.signed(claims: #"{"iat":\#(end - 4000),"exp":\#(end)}"#))\r\n\r\n"
        #expect(try client.exchange(request).status == 200)
        let deadline = Deadline.after(.seconds(10))
        var last = 200
        while !deadline.hasPassed, last == 200 {
            let before = Token.preciseNow()
            last = try client.exchange(request).status
            // The gateway may read a clock that ticks every few milliseconds.
            if last == 200 { #expect(before < Double(end) + 0.05) }
        }
        #expect(last == 401)
        #expect(Token.now() >= end)
    }
}
