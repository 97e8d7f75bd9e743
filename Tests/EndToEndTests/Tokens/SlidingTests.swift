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
        let token = Token.signed(claims: claims(iat: end - 3600, nbf: end - 3600, exp: end, jti: "parent"), header: header)
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

    // MARK: the cap

    private func capped(_ claims: String, settings: String = "sliding: { buffer: 10m, session_cap: 12h }") throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings, upstream: origin)
        let answer = try gateway.exchange(Self.request(Token.signed(claims: claims)))
        #expect(answer.status == 200, "the cap ends renewal, not the token")
        return answer
    }

    static let cap = 12 * 3600

    @Test(arguments: ["orig_iat", "auth_time"])
    func `the session's cap shortens the last successor`(_ anchor: String) throws {
        let end = Token.now() + 300
        let answer = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"\#(anchor)":\#(end + 1800 - Self.cap)}"#)
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        #expect(successor.integer("exp") == end + 1800)
        #expect(successor.integer(anchor) == end + 1800 - Self.cap)
    }

    @Test func `orig_iat counts before auth_time, and auth_time before iat`() throws {
        let end = Token.now() + 300
        let both = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"auth_time":5,"orig_iat":\#(end + 1800 - Self.cap)}"#)
        #expect(Token(verifying: both["X-Refresh-Token"] ?? "")?.integer("exp") == end + 1800)
        let old = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"auth_time":5}"#)
        #expect(!old.has("X-Refresh-Token"))
    }

    @Test func `a gain below a tenth is not worth a successor, a tenth is`() throws {
        let end = Token.now() + 300
        let little = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":\#(end + 359 - Self.cap)}"#)
        #expect(!little.has("X-Refresh-Token"))
        let enough = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":\#(end + 360 - Self.cap)}"#)
        #expect(Token(verifying: enough["X-Refresh-Token"] ?? "")?.integer("exp") == end + 360)
    }

    @Test func `at the cap renewal stops`() throws {
        let end = Token.now() + 300
        for past in [0, 1, 200, 100_000] {
            let answer = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":\#(end - past - Self.cap)}"#)
            #expect(!answer.has("X-Refresh-Token"))
        }
    }

    @Test func `without a cap, only by an explicit none, sessions go on`() throws {
        let end = Token.now() + 300
        let claims = #"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":5}"#
        #expect(try capped(claims, settings: "sliding: { buffer: 10m, session_cap: none }").has("X-Refresh-Token"))
        #expect(try !capped(claims, settings: "sliding: { buffer: 10m }").has("X-Refresh-Token"))
    }

    @Test func `a token without any anchor is not slid`() throws {
        let end = Token.now() + 300
        #expect(try !capped(#"{"exp":\#(end)}"#, settings: "sliding: { buffer: 10m, lifetime: 1h }").has("X-Refresh-Token"))
        #expect(try !capped(#"{"exp":\#(end)}"#).has("X-Refresh-Token"))
    }

    // MARK: on which answers

    private func answer(_ upstream: String, method: String = "GET", settings: String = "", fields: String = "") throws -> Message {
        let origin = try Origin.answering { _ in upstream }
        let gateway = try Gateway(settings, upstream: origin)
        return try gateway.exchange(Self.request(Token.ending, method: method, fields))
    }

    @Test(arguments: [200, 201, 204, 206, 301, 302, 400, 403, 404, 409, 429, 500, 502, 503])
    func `the successor rides on any final status`(_ status: Int) throws {
        let length = status == 204 ? "" : "Content-Length: 0\r\n"
        #expect(try answer("HTTP/1.1 \(status) X\r\n\(length)\r\n").values(of: "X-Refresh-Token").count == 1)
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"])
    func `the successor rides on answers to any method`(_ method: String) throws {
        #expect(try answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", method: method).values(of: "X-Refresh-Token").count == 1)
    }

    @Test(arguments: [401, 304])
    func `but not on these`(_ status: Int) throws {
        let answer = try answer("HTTP/1.1 \(status) X\r\n\(status == 304 ? "" : "Content-Length: 0\r\n")ETag: \"x\"\r\n\r\n")
        #expect(answer.status == status)
        #expect(!answer.has("X-Refresh-Token"))
        #expect(answer["ETag"] == "\"x\"", "what bears no token is left as it is")
    }

    @Test func `the list of statuses without it is configurable`() throws {
        let settings = "sliding: { buffer: 10m, except_statuses: [ 401, 403 ] }"
        #expect(try !answer("HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n", settings: settings).has("X-Refresh-Token"))
        #expect(try !answer("HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n", settings: settings).has("X-Refresh-Token"))
        #expect(try answer("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", settings: settings).has("X-Refresh-Token"))
    }

    @Test func `not on 1xx, only on the final answer after them`() throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request(Token.ending))
        #expect(try !client.receiveAny().has("X-Refresh-Token"))
        #expect(try client.receiveAny().has("X-Refresh-Token"))
    }

    @Test func `not on 101`() throws {
        let origin = try UpgradeTests.echo()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "Authorization: Bearer \(Token.ending)\r\n\r\n")
        let answer = try client.receiveAny()
        #expect(answer.status == 101)
        #expect(!answer.has("X-Refresh-Token"))
    }

    @Test func `not where the upstream itself set that header`() throws {
        let answer = try answer("HTTP/1.1 200 OK\r\nx-refresh-token: its own\r\nCache-Control: max-age=9\r\nContent-Length: 0\r\n\r\n")
        #expect(answer.values(of: "X-Refresh-Token") == ["its own"])
    }

    @Test func `not on the gateway's own answers, 502 and 403`() throws {
        let origin = try Origin { _ = try $0.nextRequest() }
        let gateway = try Gateway("routes: [ { path: / }, { path: /admin/, require: { role: [ admin ] } } ]", upstream: origin)
        let failed = try gateway.exchange(Self.request(Token.ending, method: "POST", "Content-Length: 0\r\n"))
        expectProblem(failed, status: 502)
        #expect(!failed.has("X-Refresh-Token"))
        let refused = try gateway.get("/admin/", "Authorization: Bearer \(Token.ending)")
        expectProblem(refused, status: 403)
        #expect(!refused.has("X-Refresh-Token"))
    }

    @Test func `not where a route or the client says so`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: / }, { path: /poll, slide: false } ]", upstream: origin)
        let token = Token.ending
        #expect(try !gateway.get("/poll", "Authorization: Bearer \(token)").has("X-Refresh-Token"))
        #expect(try gateway.get("/", "Authorization: Bearer \(token)").has("X-Refresh-Token"))
        #expect(try !gateway.get("/", "Authorization: Bearer \(token)", "X-No-Refresh: 1").has("X-Refresh-Token"))
        #expect(origin.requests.count == 3)
        let renamed = try Gateway("sliding: { buffer: 10m, opt_out: X-Background }", upstream: origin)
        #expect(try !renamed.get("/", "Authorization: Bearer \(token)", "x-background: yes").has("X-Refresh-Token"))
        #expect(try renamed.get("/", "Authorization: Bearer \(token)", "X-No-Refresh: 1").has("X-Refresh-Token"))
    }

    @Test func `not where tokens are optional and none came, nor where they are not looked at`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: /, auth: optional }, { path: /open, auth: none } ]", upstream: origin)
        #expect(try !gateway.get("/").has("X-Refresh-Token"))
        #expect(try gateway.get("/", "Authorization: Bearer \(Token.ending)").has("X-Refresh-Token"))
        #expect(try !gateway.get("/open", "Authorization: Bearer \(Token.ending)").has("X-Refresh-Token"))
        expectProblem(try gateway.get("/", "Authorization: Bearer a.b.c"), status: 401)
    }

    // MARK: caches

    @Test func `an answer that bears a token is made uncacheable`() throws {
        let answer = try answer(
            "HTTP/1.1 200 OK\r\nCache-Control: public, max-age=600\r\ncache-control: s-maxage=9\r\nExpires: Thu, 01 Jan 2099 00:00:00 GMT\r\nETag: \"x\"\r\n"
                + "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT\r\nAge: 5\r\nCDN-Cache-Control: max-age=5\r\nSurrogate-Control: max-age=5\r\n"
                + "X-Accel-Expires: 5\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok")
        #expect(answer.has("X-Refresh-Token"))
        #expect(answer.members(of: "Cache-Control") == ["private", "no-store"])
        #expect(answer.members(of: "Pragma") == ["no-cache"])
        for name in ["Expires", "ETag", "Last-Modified", "Age", "CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"] {
            #expect(!answer.has(name), "\(name)")
        }
        #expect(answer["X-Kept"] == "1")
        #expect(answer.text == "ok")
    }

    @Test func `an answer that bears none keeps what the upstream said`() throws {
        let fields = "Cache-Control: public, max-age=600\r\nExpires: Thu, 01 Jan 2099 00:00:00 GMT\r\nETag: \"x\"\r\nAge: 5\r\n"
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\n\r\n" }
        let gateway = try Gateway(upstream: origin)
        let answer = try gateway.exchange(Self.request(Token.fresh))
        #expect(answer.members(of: "Cache-Control") == ["public", "max-age=600"])
        #expect(answer["ETag"] == "\"x\"" && answer["Age"] == "5" && answer.has("Expires"))
        #expect(!answer.has("Pragma"))
    }

    // MARK: delivery

    @Test func `under another header's name`() throws {
        let settings = "sliding: { buffer: 10m, deliver: { header: X-New-Token } }"
        let answer = try answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", settings: settings)
        #expect(Token(verifying: answer["X-New-Token"] ?? "") != nil)
        #expect(!answer.has("X-Refresh-Token"))
    }

    @Test func `in the answer's Authorization`() throws {
        let settings = "sliding: { buffer: 10m, deliver: authorization }"
        let answer = try answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", settings: settings)
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
        let renewed = try gateway.exchange(Self.request(Token.signed(claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#)))
        #expect(abs(try remaining("X-Token-Expires-In", renewed) - (end + 3000 - Token.now())) <= 5)
        #expect(abs(try remaining("X-Session-Expires-In", renewed) - (end - 3600 + Self.cap - Token.now())) <= 5)
        let fresh = Self.request(Token.signed(claims: #"{"iat":\#(end - 600),"exp":\#(end + 3000)}"#))
        #expect(try !gateway.exchange(fresh).has("X-Token-Expires-In"), "a cache might keep the figure")
        let always = try Gateway("sliding: { buffer: 10m, expires_in: { on: all } }", upstream: origin)
        #expect(abs(try remaining("X-Token-Expires-In", always.exchange(fresh)) - (end + 3000 - Token.now())) <= 5)
        let silent = try Gateway("sliding: { buffer: 10m, expires_in: { token: none, session: none } }", upstream: origin)
        let answer = try silent.exchange(Self.request(Token.ending))
        #expect(!answer.has("X-Token-Expires-In") && !answer.has("X-Session-Expires-In"))
    }
}
