import Foundation
import Testing

/// Goal: semantics section 1, as a client of the real program sees it. Method: tokens with chosen dates, and the
/// successor's claims compared with the formula; nothing waits for time to pass but where an edge itself is the subject.
@Suite("A token is renewed while it is used")
struct SlidingTests {
    static func request(_ token: String, method: String = "GET", _ fields: String = "") -> String {
        "\(method) / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\(fields)\r\n"
    }

    /// What a token gets that has `left` seconds left all the while.
    private func successor(_ gateway: Gateway, lifetime: Int, left: Int) throws -> String? {
        let answer = try Token.withinOneSecond {
            try gateway.exchange(Self.request(Token.with(lifetime: lifetime, left: left)))
        }
        #expect(answer.status == 200)
        return answer["X-Refresh-Token"]
    }

    // MARK: the window

    @Test(arguments: [(601, false), (600, true), (599, true), (2, true), (3000, false)])
    func `with a buffer of ten minutes, exactly in the last ten minutes`(_ left: Int, _ isRenewed: Bool) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        #expect((try successor(gateway, lifetime: 3600, left: left) != nil) == isRenewed)
    }

    @Test(arguments: [(901, false), (900, true), (1, true)])
    func `with a buffer of a quarter, exactly in the last quarter`(_ left: Int, _ isRenewed: Bool) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 25% }", upstream: origin)
        #expect((try successor(gateway, lifetime: 3600, left: left) != nil) == isRenewed)
    }

    @Test(arguments: [4, 60, 3600, 2_000_000])
    func `at any scale of lifetimes`(_ lifetime: Int) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 50%, session_cap: 100d }", upstream: origin)
        #expect(try successor(gateway, lifetime: lifetime, left: lifetime / 2 + 1) == nil)
        #expect(try successor(gateway, lifetime: lifetime, left: lifetime / 2) != nil)
    }

    @Test func `never once it has expired, though leeway admits it`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("tokens: { leeway: 60s }", upstream: origin)
        let answer = try gateway.exchange(Self.request(Token.with(left: -10)))
        #expect(answer.status == 200)
        #expect(!answer.has("X-Refresh-Token"))
    }

    @Test func `within an explicit grace even once it has expired`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 10m, grace: 60s }", upstream: origin)
        let answer = try gateway.exchange(Self.request(Token.with(left: -10)))
        #expect(answer.status == 200)
        #expect(Token(verifying: answer["X-Refresh-Token"] ?? "") != nil)
        expectProblem(try gateway.exchange(Self.request(Token.with(left: -100))), status: 401, code: "token_expired")
    }

    // MARK: the successor

    @Test func `the successor's dates are those of the formula`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let end = Token.now() + 300
        let token = Token.signed(claims: #"{"iat":\#(end - 3600),"exp":\#(end),"jti":"j0"}"#)
        let answer = try gateway.exchange(Self.request(token))
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        #expect(successor.integer("iat") == end - 600)
        #expect(successor.integer("exp") == end - 600 + 3600)
        #expect(successor.integer("orig_iat") == end - 3600)
        #expect(!successor.has("nbf"))
        #expect(successor.string("jti")?.isEmpty == false && successor.string("jti") != "j0")
        #expect(successor.string("sid")?.isEmpty == false)
    }

    @Test func `a fixed lifetime replaces the inherited one`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 10m, lifetime: 2h }", upstream: origin)
        let end = Token.now() + 300
        let answer = try gateway.exchange(Self.request(Token.signed(claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#)))
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        #expect(successor.integer("exp") == end - 600 + 7200)
    }

    @Test func `an inherited lifetime is bounded by its maximum`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 10m, lifetime_max: 40m, session_cap: 10d }", upstream: origin)
        let end = Token.now() + 300
        let answer = try gateway.exchange(Self.request(Token.signed(claims: #"{"iat":\#(end - 86400),"exp":\#(end)}"#)))
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        #expect(successor.integer("exp") == end - 600 + 2400)
    }

    @Test func `a smaller quantum gives a successor per slot`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("sliding: { buffer: 10m, quantum: 60s }", upstream: origin)
        let end = Token.now() + 300
        let windowStart = end - 600
        let before = Token.now()
        let answer = try gateway.exchange(Self.request(Token.signed(claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#)))
        let after = Token.now()
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        let possible = (before...after).map { windowStart + ($0 - windowStart) / 60 * 60 }
        let issued = try #require(successor.integer("iat"))
        #expect(possible.contains(issued))
        #expect(successor.integer("exp") == successor.integer("iat").map { $0 + 3600 })
    }

    @Test func `all else is copied byte for byte`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let end = Token.now() + 300
        func claims(iat: Int, nbf: Int, exp: Int, jti: String) -> String {
            #"{"z":1,"big":123456789012345678901234567890,"exp":\#(exp),"n":-0.10e+2,"t":"\u00e9\/\n","iat":\#(iat),"é":"ü","o":{"exp":1,"b":[1, 2 ,{"iat":3}]},"#
                + #""nbf":\#(nbf),"jti":"\#(jti)","sid":"s","orig_iat":\#(end - 4000),"aud":["a","b"],"scope":"x y","cnf":{"jkt":"k"},"auth_time":1,"f":false,"u":null}"#
        }
        let header = #"{"typ":"JWT","x":{"alg":"none"},"alg":"HS256","y":"\u0041"}"#
        let token = Token.signed(
            claims: claims(iat: end - 3600, nbf: end - 3600, exp: end, jti: "parent"), header: header)
        let answer = try gateway.exchange(Self.request(token))
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        let identifier = try #require(successor.string("jti"))
        let notBefore = try #require(successor.integer("nbf"))
        #expect(successor.claims == claims(iat: end - 600, nbf: notBefore, exp: end + 3000, jti: identifier))
        #expect(notBefore <= Token.now())
        #expect(successor.header == header)
        #expect(identifier != "parent")
    }

    @Test func `the successor names the signing key`() throws {
        let origin = try Origin.ok()
        let old = Array("the old secret, which verifies and no longer signs".utf8)
        let gateway = try Gateway(
            """
            keys:
              - { id: new, algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign }
              - { id: old, algorithm: HS256, secret_file: $FOLDER/old.secret, use: verify }
            """, upstream: origin, files: ["old.secret": String(decoding: old, as: UTF8.self)])
        let end = Token.now() + 300
        let claims = #"{"iat":\#(end - 3600),"exp":\#(end)}"#
        let token = Token.signed(claims: claims, header: #"{"alg":"HS256","kid":"old","typ":"JWT"}"#, secret: old)
        let answer = try gateway.exchange(Self.request(token))
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        #expect(successor.header == #"{"alg":"HS256","kid":"new","typ":"JWT"}"#)
        let crossed = Token.signed(claims: claims, header: #"{"alg":"HS256","kid":"new"}"#, secret: old)
        expectProblem(try gateway.exchange(Self.request(crossed)), status: 401, code: "token_invalid")
    }

    @Test func `the successor passes, and the parent stays valid`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let parent = Token.ending
        let successor = try #require(try gateway.exchange(Self.request(parent))["X-Refresh-Token"])
        let next = try gateway.exchange(Self.request(successor))
        #expect(next.status == 200)
        #expect(!next.has("X-Refresh-Token"), "a new token is far from its end")
        #expect(try gateway.exchange(Self.request(parent))["X-Refresh-Token"] == successor)
    }

    @Test func `a chain keeps its family and its anchor, and gives every member a name of its own`() throws {
        let origin = try Origin.ok()
        // Nine tenths of a lifetime are window, so each successor is born in its own and can be renewed at once.
        let gateway = try Gateway("sliding: { buffer: 90%, least_gain: 0% }", upstream: origin)
        let end = Token.now() + 100
        var token = Token.signed(claims: #"{"iat":\#(end - 1000),"exp":\#(end),"sid":"family"}"#)
        var names: Set<String> = []
        for _ in 0..<3 {
            let next = try #require(try gateway.exchange(Self.request(token))["X-Refresh-Token"])
            let successor = try #require(Token(verifying: next))
            #expect(successor.string("sid") == "family")
            #expect(successor.integer("orig_iat") == end - 1000)
            let name = try #require(successor.string("jti"))
            let isNew = names.insert(name).inserted
            #expect(isNew)
            token = next
        }
    }

    @Test func `tokens without a name of their own get children apart`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let end = Token.now() + 300
        let children = try ["a", "b"].map { subject -> Token in
            let claims = #"{"sub":"\#(subject)","iat":\#(end - 3600),"exp":\#(end)}"#
            let answer = try gateway.exchange(Self.request(Token.signed(claims: claims)))
            return try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        }
        #expect(children[0].string("jti") != children[1].string("jti"))
        #expect(children[0].string("sid") != children[1].string("sid"))
    }
}
