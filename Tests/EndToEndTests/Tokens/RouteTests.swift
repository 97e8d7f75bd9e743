import Testing

/// Per-route policy: longest path prefix, host, method (issue 2, item 4).
@Suite("Each route has its policy")
struct RouteTests {
    static let admin = #","role":"admin""#

    @Test func `the longest path prefix counts, whatever the order of the file`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            routes:
              - { path: /, auth: required }
              - { path: /public/secret/, auth: required }
              - { path: /public/, auth: none }
            """, upstream: origin)
        #expect(try gateway.get("/public/a").status == 200)
        #expect(try gateway.get("/public/").status == 200)
        #expect(try gateway.get("/public/secret/a").status == 401)
        #expect(try gateway.get("/publicity").status == 401)
        #expect(try gateway.get("/").status == 401)
    }

    @Test func `hosts select, without case and port, exact before pattern`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            routes:
              - { path: /, host: open.example, auth: none }
              - { path: /, host: "*.open.example", auth: none }
              - { path: /, host: closed.open.example, auth: required }
              - { path: / }
            """, upstream: origin)
        func status(_ host: String) throws -> Int { try gateway.exchange("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").status }
        #expect(try status("open.example") == 200)
        #expect(try status("OPEN.example:8080") == 200)
        #expect(try status("a.open.example") == 200)
        #expect(try status("closed.open.example") == 401)
        #expect(try status("notopen.example") == 401)
        #expect(try status("open.example.evil") == 401)
        #expect(try gateway.exchange("GET http://other.example/ HTTP/1.1\r\nHost: open.example\r\n\r\n").status == 401)
    }

    @Test func `methods select`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "routes: [ { path: /, methods: [ GET, HEAD ], auth: none }, { path: /, auth: required } ]",
            upstream: origin)
        #expect(try gateway.get("/").status == 200)
        #expect(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 401)
        #expect(try gateway.exchange("get / HTTP/1.1\r\nHost: a\r\n\r\n").status == 401)
    }

    @Test func `what no route matches is the gateway's own refusal`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: /api/, methods: [ GET ], auth: none } ]", upstream: origin)
        expectProblem(try gateway.get("/other"), status: 404)
        let method = try gateway.exchange("DELETE /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
        expectProblem(method, status: method.status)
        #expect([404, 405].contains(method.status))
        #expect(origin.received.isEmpty)
    }

    @Test func `routes lead to upstreams of their own`() throws {
        let first = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" }
        let second = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond" }
        let gateway = try Gateway(
            """
            upstreams: { a: "127.0.0.1:\(first.port)", b: "127.0.0.1:\(second.port)" }
            routes: [ { path: /, upstream: a, auth: none }, { path: /b/, upstream: b, auth: none } ]
            """, upstream: first, also: [second])
        let client = try gateway.connect()
        for _ in 0..<3 {
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text == "first")
            #expect(try client.exchange("GET /b/ HTTP/1.1\r\nHost: a\r\n\r\n").text == "second")
        }
    }

    // MARK: one normalisation for policy and forwarding

    static let guarded = """
        routes:
          - { path: /admin/, require: { role: [ admin ] } }
          - { path: /public/, auth: none }
          - { path: / }
        """

    @Test(arguments: [
        "/public/../admin/x", "/public/%2e%2e/admin/x", "/public/.%2E/admin/x", "/./admin/x", "//admin/x",
        "/%61dmin/x", "/admin//x", "/%41%44/../admin/x",
        "/public/a/../../admin/x", "/public//../admin/x", "/public/./../admin/x", "http://a/public/../admin/x",
        "/admin/./x", "/public/%2E%2E/%61%64min/x?y",
        "/a/b/c/../../../admin/x", "/../admin/x", "/../../admin/x", "/%2e/admin/x",
    ])
    func `no spelling of a path evades its route`(_ target: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.guarded, upstream: origin)
        let plain = try gateway.exchange(
            "GET \(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n")
        #expect([400, 403].contains(plain.status), "\(plain.startLine)")
        #expect(origin.received.isEmpty)
        let allowed = try gateway.exchange(
            "GET \(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.with(left: 3000, more: Self.admin))\r\n\r\n")
        if plain.status == 403 {
            #expect(allowed.status == 200)
            #expect(origin.requests.map { String(
                $0.target.prefix { $0 != "?" }) } == ["/admin/x"], "what the policy saw is what the upstream gets")
        }
    }

    @Test(arguments: [
        "/public/..%2fadmin/x", "/public/..%2Fadmin/x", "/public/%2e%2e%2fadmin/x", "/public/..%5cadmin/x",
        "/public%2f..%2fadmin/x", "/admin%2fx",
        "/public/%00/../admin/x", "/public/a%00", "/public/..\\admin/x", "/public/%", "/public/%g0",
        "/public/%c0%ae%c0%ae/admin/x\u{0}",
    ])
    func `what servers read in different ways is refused`(_ target: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.guarded, upstream: origin)
        expectProblem(try gateway.exchange("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n"), status: 400)
        #expect(origin.received.isEmpty)
    }

    @Test(arguments: [
        ("/public/%7Euser", "/public/~user"), ("/public/%e9", "/public/%E9"), ("/public/a%20b", "/public/a%20b"),
        ("/public/%252e%252e/x", "/public/%252e%252e/x"),
        ("/public/x?a=/../b//c%2e%2f", "/public/x?a=/../b//c%2e%2f"), ("/public/a/./b", "/public/a/b"),
        ("/public//a", "/public/a"), ("/public/a/..", "/public/"),
        ("/public/...", "/public/..."), ("/public/a/.", "/public/a/"),
    ])
    func `the upstream gets the normal form`(_ sent: String, _ received: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.guarded, upstream: origin)
        #expect(try gateway.get(sent).status == 200)
        #expect(origin.requests.map(\.target) == [received])
    }

    @Test func `encoded slashes pass where they are said to be data`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.guarded + "\npaths: { encoded_slashes: keep }", upstream: origin)
        #expect(try gateway.get("/public/a%2Fb").status == 200)
        #expect(origin.requests.map(\.target) == ["/public/a%2Fb"])
        #expect(try gateway.get("/public/..%2Fadmin/x", "Authorization: Bearer \(Token.fresh)").status != 500)
        #expect(origin.requests.allSatisfy { !$0.target.hasPrefix("/admin") })
    }
}

/// Semantics section 6.
@Suite("What goes upstream for an authorised request")
struct IdentityTests {
    private func forwarded(_ settings: String, _ token: String, _ fields: String = "") throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings, upstream: origin)
        let answer = try gateway.exchange(
            "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\(fields)\r\n")
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(origin.requests.first)
    }

    @Test func `Authorization goes as it came by default`() throws {
        let token = Token.ending
        #expect(try forwarded("", token).values(of: "Authorization") == ["Bearer \(token)"])
    }

    @Test func `or renewed, or not at all`() throws {
        let token = Token.ending
        let renewed = try forwarded("routes: [ { path: /, forward: { authorization: renewed } } ]", token)
        let value = try #require(renewed["Authorization"])
        #expect(value != "Bearer \(token)")
        #expect(Token(verifying: String(value.dropFirst("Bearer ".count))) != nil)
        #expect(renewed.values(of: "Authorization").count == 1)
        let fresh = Token.fresh
        let kept = try forwarded("routes: [ { path: /, forward: { authorization: renewed } } ]", fresh)
        #expect(kept.values(of: "Authorization") == ["Bearer \(fresh)"])
        #expect(
            try !forwarded("routes: [ { path: /, forward: { authorization: stripped } } ]", token).has("Authorization"))
    }

    @Test func `the renewed token that goes upstream is the one that goes to the client`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: /, forward: { authorization: renewed } } ]", upstream: origin)
        let answer = try gateway.get("/", "Authorization: Bearer \(Token.ending)")
        #expect(origin.requests.first?["Authorization"] == answer["X-Refresh-Token"].map { "Bearer \($0)" })
    }

    static let claims = "routes: [ { path: /, forward: { claims: { X-User-Id: sub, X-User-Role: role } } }, { path: /open, auth: none } ]"

    @Test func `claims go as headers`() throws {
        let request = try forwarded(Self.claims, Token.with(left: 3000, more: #","role":"ed\u0069tor""#))
        #expect(request.values(of: "X-User-Id") == ["user-1"])
        #expect(request.values(of: "X-User-Role") == ["editor"])
    }

    @Test(arguments: ["X-User-Id", "x-user-id", "X_User_Id", "x_USER-id", "X-User-Role", "X_USER_ROLE"])
    func `what a client says of itself does not pass, in no spelling, on no route`(_ name: String) throws {
        let request = try forwarded(Self.claims, Token.fresh, "\(name): root\r\n")
        #expect(!request.headText.contains("root"))
        #expect(request.values(of: "X-User-Id") == ["user-1"])
        #expect(!request.has("X-User-Role"), "an absent claim is no header")
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.claims, upstream: origin)
        #expect(try gateway.get("/open", "\(name): root").status == 200)
        #expect(origin.requests.first?.headText.contains("root") == false)
    }

    @Test(arguments: ["Connection: X-User-Id", "Connection: close, x-user-id"])
    func `a header of the gateway's cannot be nominated away`(_ line: String) throws {
        #expect(try forwarded(
            Self.claims, Token.fresh, line + "\r\nX-User-Id: root\r\n").values(of: "X-User-Id") == ["user-1"])
    }

    @Test(arguments: ["X-Refresh-Token", "x_refresh_token", "X-REFRESH_Token"])
    func `inbound copies of the token header do not pass`(_ name: String) throws {
        #expect(try !forwarded("", Token.fresh, "\(name): spoofed\r\n").headText.contains("spoofed"))
    }

    @Test(arguments: [#"a\r\nX-Evil: 1"#, #"a\nX-Evil: 1"#, #"a\u0000b"#, #"\r"#, #"a\u0085b"#])
    func `a claim never becomes more than one field value`(_ subject: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Self.claims, upstream: origin)
        let end = Token.now() + 3000
        _ = try gateway.get("/", "Authorization: Bearer \(Token.signed(claims: #"{"sub":"\#(subject)","iat":\#(end - 3600),"exp":\#(end)}"#))")
        for request in origin.requests {
            #expect(!request.has("X-Evil"))
            #expect(request.values(of: "X-User-Id").count <= 1)
        }
        #expect(origin.failures == [])
    }
}
