import Testing

/// How a successor is handed over (semantics 1.14 and 1.15).
@Suite("A successor is delivered as configured")
struct DeliveryTests {
    private func answer(settings: String) throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings, upstream: origin)
        return try gateway.exchange(SlidingTests.request(Token.ending))
    }

    @Test func `under another header's name`() throws {
        let settings = "sliding: { buffer: 10m, deliver: { header: X-New-Token } }"
        let answer = try answer(settings: settings)
        #expect(Token(verifying: answer["X-New-Token"] ?? "") != nil)
        #expect(!answer.has("X-Refresh-Token"))
    }

    @Test func `in the answer's Authorization`() throws {
        let settings = "sliding: { buffer: 10m, deliver: authorization }"
        let answer = try answer(settings: settings)
        let value = try #require(answer["Authorization"])
        #expect(value.hasPrefix("Bearer "))
        #expect(Token(verifying: String(value.dropFirst(7))) != nil)
        #expect(!answer.has("X-Refresh-Token"))
    }

    @Test func `as a cookie that scripts and other sites cannot have`() throws {
        let settings = "sliding: { buffer: 10m, deliver: { cookie: __Host-session } }\ntokens: { from: [ { cookie: __Host-session } ] }"
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nSet-Cookie: other=1\r\nContent-Length: 0\r\n\r\n" }
        let gateway = try Gateway(settings, upstream: origin)
        let end = Token.now() + 300
        let token = Token.signed(claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#)
        let answer = try gateway.get("/", "Cookie: __Host-session=\(token)")
        #expect(!answer.has("X-Refresh-Token"))
        #expect(answer.values(of: "Set-Cookie").contains("other=1"))
        let cookie = try #require(answer.values(of: "Set-Cookie").first { $0.hasPrefix("__Host-session=") })
        let parts = cookie.split(separator: ";").map(\.trimmed)
        #expect(Token(verifying: String(parts[0].dropFirst("__Host-session=".count))) != nil)
        let attributes = Set(parts.dropFirst().map { $0.lowercased() })
        #expect(attributes.isSuperset(of: ["httponly", "secure", "path=/"]), "\(cookie)")
        #expect(attributes.contains { $0.hasPrefix("samesite=") })
        #expect(!attributes.contains { $0.hasPrefix("domain=") })
        let age = try #require(attributes.first { $0.hasPrefix("max-age=") }.flatMap { Int($0.dropFirst(8)) })
        #expect((end + 3000 - Token.now()...end + 3000 - Token.now() + 20).contains(age))
    }

    @Test func `not as a cookie where the upstream set that very cookie`() throws {
        let settings = "sliding: { buffer: 10m, deliver: { cookie: s } }\ntokens: { from: [ { cookie: s } ] }"
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nSet-Cookie: s=its-own; Path=/\r\nContent-Length: 0\r\n\r\n" }
        let gateway = try Gateway(settings, upstream: origin)
        let answer = try gateway.get("/", "Cookie: s=\(Token.ending)")
        #expect(answer.values(of: "Set-Cookie") == ["s=its-own; Path=/"])
    }

    @Test func `clients without a clock are told the seconds left`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let end = Token.now() + 300
        func remaining(_ name: String, _ answer: Message) throws -> Int { try #require(answer[name].flatMap { Int($0) }) }
        let renewed = try gateway.exchange(
            SlidingTests.request(Token.signed(claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#)))
        #expect(abs(try remaining("X-Token-Expires-In", renewed) - (end + 3000 - Token.now())) <= 5)
        #expect(
            abs(try remaining("X-Session-Expires-In", renewed) - (end - 3600 + SessionCapTests.cap - Token.now())) <= 5)
        let fresh = SlidingTests.request(Token.signed(claims: #"{"iat":\#(end - 600),"exp":\#(end + 3000)}"#))
        #expect(try !gateway.exchange(fresh).has("X-Token-Expires-In"), "a cache might keep the figure")
        let always = try Gateway("sliding: { buffer: 10m, expires_in: { on: all } }", upstream: origin)
        #expect(abs(try remaining("X-Token-Expires-In", always.exchange(fresh)) - (end + 3000 - Token.now())) <= 5)
        let silent = try Gateway(
            "sliding: { buffer: 10m, expires_in: { token: none, session: none } }", upstream: origin)
        let answer = try silent.exchange(SlidingTests.request(Token.ending))
        #expect(!answer.has("X-Token-Expires-In") && !answer.has("X-Session-Expires-In"))
    }
}
