import Foundation
import Testing

/// How a front proxy under test says which request it asks about.
enum Asking: String, CaseIterable {
    case nginx, caddy, traefik, envoy, haproxy

    static let path = "/decide"

    /// A request for a decision, as that proxy writes it.
    func request(
        _ method: String = "GET", _ target: String = "/", host: String = "api.example", from client: String? = nil,
        _ fields: [String] = [], path: String = Asking.path
    ) -> String {
        var lines: [String]
        switch self {
        case .nginx, .haproxy:
            lines = [
                "GET \(path) HTTP/1.1", "Host: gateway", "X-Original-Method: \(method)", "X-Original-URI: \(target)",
                "X-Original-Host: \(host)",
            ]
        case .caddy, .traefik:
            lines = [
                "GET \(path) HTTP/1.1", "Host: gateway", "X-Forwarded-Method: \(method)", "X-Forwarded-Uri: \(target)",
                "X-Forwarded-Host: \(host)",
            ]
        case .envoy: lines = ["\(method) \(path)\(target) HTTP/1.1", "Host: \(host)"]
        }
        if let client { lines.append("X-Forwarded-For: \(client)") }
        return (lines + fields).map { $0 + "\r\n" }.joined() + "\r\n"
    }
}

/// A gateway that only decides, for that proxy.
func decisionGateway(_ asking: Asking, _ settings: String = "", also more: String = "") throws -> Gateway {
    try Gateway(
        "trusted_proxies: [ 127.0.0.1 ]\nforward_auth: { path: \(Asking.path), proxy: \(asking.rawValue) }\n\(settings)\n\(more)",
        upstream: nil)
}

/// Goal: what a proxy in front is told is what the gateway would have done with the request itself (semantics §1, §5, §6).
@Suite("Decisions for proxies in front")
struct CoreDecisionTests {
    private static let bearer = "Authorization: Bearer "

    @Test(arguments: Asking.allCases)
    func `a request with a good token is admitted, and its end of life renewed`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking)
        let fresh = try gateway.exchange(asking.request("GET", "/a?b=c", [Self.bearer + Token.fresh]))
        #expect(fresh.status == 200 && fresh.body.isEmpty && fresh["Content-Length"] == "0")
        #expect(fresh["Cache-Control"] == "no-store" && !fresh.has("X-Refresh-Token"))
        let ending = try gateway.exchange(asking.request("POST", "/a", [Self.bearer + Token.ending]))
        #expect(ending.status == 200 && ending.body.isEmpty)
        #expect(Token(verifying: try #require(ending["X-Refresh-Token"])) != nil)
        #expect(ending.values(of: "Cache-Control") == ["private, no-store"] && ending["Pragma"] == "no-cache")
    }

    @Test(arguments: Asking.allCases)
    func `a request without a good one is refused with status, challenge and body`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking)
        let missing = try gateway.exchange(asking.request())
        expectProblem(missing, status: 401, code: "token_missing")
        #expect(missing["WWW-Authenticate"]?.hasPrefix("Bearer realm=") == true)
        let expired = try gateway.exchange(asking.request("GET", "/", [Self.bearer + Token.with(left: -100)]))
        expectProblem(expired, status: 401, code: "token_expired")
        #expect(expired["WWW-Authenticate"]?.contains("error=\"invalid_token\"") == true)
        let line = try gateway.process.waitForLine(containing: "code=token_expired")
        #expect(line.contains(" method=GET path=/ ") && line.hasSuffix(" via=forward_auth"))
    }

    @Test(arguments: Asking.allCases)
    func `method, path and host are those of the original`(_ asking: Asking) throws {
        let gateway = try decisionGateway(
            asking,
            """
            routes:
              - { path: /open, auth: none, methods: [ GET ] }
              - { path: /open, methods: [ POST ] }
              - { path: /open/admin, require: { role: admin } }
              - { path: /, host: public.example, auth: none }
              - { path: /, host: api.example }
            """)
        func status(_ method: String, _ target: String, host: String = "api.example", _ fields: String...) throws -> Int {
            try gateway.exchange(asking.request(method, target, host: host, fields)).status
        }
        #expect(try status("GET", "/open") == 200)
        #expect(try status("POST", "/open") == 401)
        #expect(try status("DELETE", "/open", host: "other.example") == 405)
        #expect(try status("GET", "/open/admin?x=/open") == 401)
        #expect(try status("GET", "/open/admin", Self.bearer + Token.fresh) == 403)
        #expect(try status("GET", "/open/admin/%61", Self.bearer + Token.fresh) == 403)
        #expect(try status("GET", "/else") == 401)
        #expect(try status("GET", "/else", host: "public.example") == 200)
        #expect(try status("GET", "/else", host: "other.example") == 404)
    }

    @Test(arguments: Asking.allCases)
    func `what the API might read as another path is refused`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, "routes: [ { path: /public, auth: none }, { path: / } ]")
        for target in [
            "//public/admin", "/admin/../public", "/admin/%2e%2E/public", "/public/.%2e/public", "/public//", "/public/./x", "/public/..", "/public%2f..%2fadmin",
            "/%2e%2e/public", "/public/..;/admin", "/%70ublic", "/publi%63/a", "/%61dmin/../public",
        ] {
            let answer = try gateway.exchange(asking.request("GET", target))
            #expect(answer.status == 400, "\(target): \(answer.text)")
            #expect(answer.problemCode?.hasPrefix("path_") == true, "\(target): \(answer.text)")
        }
        for target in ["/public", "/public/", "/public/a.b/..c/...", "/public/%C3%a9?/../..", "/public/%70/%7Euser"] {
            #expect(try gateway.exchange(asking.request("GET", target)).status == 200, "\(target)")
        }
    }

    @Test(arguments: Asking.allCases)
    func `nobody but trusted proxies may ask`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking)
        let stranger = try gateway.connect(from: "127.0.0.2")
        expectProblem(
            try stranger.exchange(asking.request("GET", "/", from: "127.0.0.1", [Self.bearer + Token.fresh])), status: 403,
            code: "peer_not_trusted")
    }

    @Test(arguments: Asking.allCases)
    func `the client's address is what the proxy says`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, "limits: { failed_verifications: 3/m }")
        let forged = Self.bearer + Token.with(left: 3000, secret: Array(repeating: 1, count: 48))
        for _ in 0..<3 { #expect(try gateway.exchange(asking.request("GET", "/", from: "192.0.2.1", [forged])).status == 401) }
        let refused = try gateway.exchange(asking.request("GET", "/", from: "192.0.2.1", [forged]))
        expectProblem(refused, status: 429, code: "too_many_failures")
        #expect(refused["Retry-After"] != nil)
        #expect(try gateway.exchange(asking.request("GET", "/", from: "192.0.2.2", [forged])).status == 401)
        #expect(try gateway.process.waitForLine(containing: "peer=192.0.2.1").contains("via=forward_auth"))
    }

    // MARK: Fail closed

    @Test(arguments: [Asking.nginx, .caddy, .traefik, .haproxy], ["method", "target", "host"])
    func `each field that says what the original is must be there once`(_ asking: Asking, _ part: String) throws {
        let gateway = try decisionGateway(asking, openToAll)
        let prefix = asking == .nginx || asking == .haproxy ? "X-Original-" : "X-Forwarded-"
        let uri = asking == .nginx || asking == .haproxy ? "URI" : "Uri"
        let name = prefix + ["method": "Method", "target": uri, "host": "Host"][part]!
        let whole = asking.request("GET", "/")
        let line = try #require(whole.components(separatedBy: "\r\n").first { $0.hasPrefix(name + ":") })
        let attempts = [
            whole.replacingOccurrences(of: line + "\r\n", with: ""),
            whole.replacingOccurrences(of: line, with: "\(name):"),
            whole.replacingOccurrences(of: line, with: line + "\r\n" + line),
            whole.replacingOccurrences(of: line, with: line + "\r\n" + line.lowercased()),
            whole.replacingOccurrences(of: line, with: line.replacingOccurrences(of: "-", with: "_")),
        ]
        #expect(try gateway.exchange(whole).status == 200)
        for attempt in attempts {
            let answer = try gateway.exchange(attempt)
            expectProblem(answer, status: 400, code: "decision_request_malformed")
            #expect((answer.problem?["detail"] as? String)?.contains(name) == true, "\(answer.text)")
        }
    }

    @Test func `fields of another proxy are a client's word and change nothing`() throws {
        let routes = "routes: [ { path: /public, auth: none }, { path: / } ]"
        for asking in Asking.allCases {
            let gateway = try decisionGateway(asking, routes)
            let others = asking == .nginx || asking == .haproxy
                ? ["X-Forwarded-Method: GET", "X-Forwarded-Uri: /public", "X-Forwarded-Host: api.example", "X-Original-Url: /public"]
                : ["X-Original-Method: GET", "X-Original-URI: /public", "X-Original-Host: api.example", "X-Rewrite-Url: /public"]
            #expect(try gateway.exchange(asking.request("GET", "/private", others)).status == 401)
            #expect(try gateway.exchange(asking.request("GET", "/private?/public", [])).status == 401)
        }
    }

    @Test(arguments: [
        ("GET", "http://api.example/public", "decision_request_malformed"), ("GET", "public", "decision_request_malformed"),
        ("GET", "/public HTTP/1.1", "decision_request_malformed"), ("GET", "/pub\tlic", "decision_request_malformed"),
        ("GET /public", "/private", "decision_request_malformed"), ("G(T", "/public", "decision_request_malformed"),
        ("GET", "/public#fragment", "target_malformed"), ("GET", "/public\u{e9}", "target_malformed"), ("GET", "/public%zz", "target_malformed"),
        ("GET", "*", "target_form_not_allowed"), ("CONNECT", "/public", "target_form_not_allowed"), ("TRACE", "/public", "method_not_implemented"),
    ])
    func `an original that is no request is refused`(_ method: String, _ target: String, _ code: String) throws {
        for asking in [Asking.nginx, .caddy] {
            let gateway = try decisionGateway(asking, openToAll)
            let answer = try gateway.exchange(asking.request(method, target))
            #expect(answer.status >= 400 && answer.problemCode == code, "\(answer.headText)\(answer.text)")
        }
    }

    @Test func `a host that is none is refused`() throws {
        for host in ["a b", "evil@api.example", "api.example/", "a, b", "[::1"] {
            let answer = try decisionGateway(.nginx, openToAll).exchange(Asking.nginx.request("GET", "/", host: host))
            expectProblem(answer, status: 400, code: "host_malformed")
        }
    }

    @Test func `limits of a head hold for the original`() throws {
        let gateway = try decisionGateway(.nginx, openToAll)
        let long = try gateway.exchange(Asking.nginx.request("GET", "/" + String(repeating: "a", count: 9000)))
        expectProblem(long, status: 414)
        expectProblem(try gateway.exchange(Asking.nginx.request(String(repeating: "A", count: 40), "/")), status: 501)
    }

    @Test(arguments: Asking.allCases)
    func `below the path nothing is proxied, however it is written`(_ asking: Asking) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            "trusted_proxies: [ 127.0.0.1 ]\nforward_auth: { path: /decide, proxy: \(asking.rawValue) }\n\(openToAll)", upstream: origin)
        var targets = ["/decide/../open", "/decide/%2e%2e/open", "//decide/open", "/./decide", "/%64ecide"]
        targets += asking == .envoy ? ["/decide", "/decide?x", "/decideopen", "/decide.", "/decide*x"] : ["/decide/", "/decide/x", "/decide//refusal"]
        for target in targets {
            let answer = try gateway.get(target)
            #expect(answer.status == 400, "\(target): \(answer.headText)")
        }
        #expect(origin.requests.isEmpty)
        #expect(try gateway.get("/open").status == 200)
    }

    @Test func `without an upstream other requests get 404`() throws {
        let gateway = try decisionGateway(.nginx, openToAll)
        expectProblem(try gateway.get("/"), status: 404, code: "no_route")
        expectProblem(try gateway.get("/decider", "Authorization: Bearer \(Token.fresh)"), status: 404, code: "no_route")
    }

    // MARK: What goes along

    @Test(arguments: Asking.allCases)
    func `identity is told as the route says, and a client's own is not believed`(_ asking: Asking) throws {
        let gateway = try decisionGateway(
            asking,
            "routes: [ { path: /, auth: optional, forward: { claims: { X-User-Id: sub, X-Role: role } } } ]")
        let forged = ["X-User-Id: root", "x_user_id: root", "X-Role: admin"]
        let known = try gateway.exchange(asking.request("GET", "/", [Self.bearer + Token.fresh] + forged))
        #expect(known.values(of: "X-User-Id") == ["user-1"] && !known.has("X-Role") && !known.has("x_user_id"))
        let nobody = try gateway.exchange(asking.request("GET", "/", forged))
        #expect(nobody.status == 200 && !nobody.has("X-User-Id") && !nobody.has("X-Role"))
        guard asking == .envoy else {
            #expect(!known.has("X-Envoy-Auth-Headers-To-Remove"))
            return
        }
        #expect(Set(known.members(of: "X-Envoy-Auth-Headers-To-Remove")).isSuperset(of: ["x-role", "x_user_id"]))
        #expect(!known.members(of: "X-Envoy-Auth-Headers-To-Remove").contains("x-user-id"))
        #expect(Set(nobody.members(of: "X-Envoy-Auth-Headers-To-Remove")).isSuperset(of: ["x-role", "x_user_id", "x-user-id"]))
    }

    @Test func `tokens are delivered in Authorization or a cookie where the file says so`() throws {
        let authorization = try decisionGateway(.nginx, "sliding: { buffer: 10m, deliver: authorization }")
            .exchange(Asking.nginx.request("GET", "/", [Self.bearer + Token.ending]))
        #expect(authorization["Authorization"]?.hasPrefix("Bearer ey") == true)
        let cookie = try decisionGateway(
            .caddy, "tokens: { from: [ { cookie: __Host-token } ] }\nsliding: { buffer: 10m, deliver: { cookie: { name: __Host-token } } }"
        ).exchange(Asking.caddy.request("GET", "/", ["Cookie: a=b; __Host-token=\(Token.ending)"]))
        #expect(cookie["Set-Cookie"]?.hasPrefix("__Host-token=ey") == true)
    }

    @Test func `seconds to the ends go along, and polls do not slide`() throws {
        let gateway = try decisionGateway(
            .nginx,
            """
            sliding: { buffer: 10m, opt_out: X-No-Refresh, expires_in: { token: X-Token-Expires-In, on: all } }
            routes: [ { path: /poll, slide: false }, { path: / } ]
            """)
        let token = Token.ending
        let (bearer, end) = (Self.bearer + token, try #require(Token(verifying: token)?.integer("exp")))
        let renewed = try gateway.exchange(Asking.nginx.request("GET", "/", [bearer]))
        #expect(renewed.has("X-Refresh-Token") && (Int(renewed["X-Token-Expires-In"] ?? "") ?? 0) > 3000)
        for request in [
            Asking.nginx.request("GET", "/poll", [bearer]), Asking.nginx.request("GET", "/", [bearer, "X-No-Refresh: 1"]),
        ] {
            let (answer, left) = try Token.withinOneSecond { (try gateway.exchange(request), end - Token.now()) }
            #expect(answer.status == 200 && !answer.has("X-Refresh-Token"))
            #expect(answer["X-Token-Expires-In"] == "\(left)")
        }
    }

    // MARK: Pages of other origins

    @Test func `with CORS rules decisions and refusals carry them, and preflights are answered`() throws {
        let gateway = try decisionGateway(.caddy, "cors: { origins: [ https://app.example ], credentials: true }")
        let origin = "Origin: https://app.example"
        let admitted = try gateway.exchange(Asking.caddy.request("GET", "/", [Self.bearer + Token.ending, origin]))
        #expect(admitted.status == 200 && admitted.values(of: "Access-Control-Allow-Origin") == ["https://app.example"])
        #expect(admitted["Access-Control-Allow-Credentials"] == "true")
        #expect(admitted.members(of: "Access-Control-Expose-Headers").contains("X-Refresh-Token"))
        let refused = try gateway.exchange(Asking.caddy.request("GET", "/", [origin]))
        #expect(refused.status == 401 && refused["Access-Control-Allow-Origin"] == "https://app.example")
        let preflight = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-a"]
        let answer = try gateway.exchange(Asking.caddy.request("OPTIONS", "/", preflight + [origin]))
        #expect(answer.status == 204 && answer["Access-Control-Allow-Methods"]?.contains("POST") == true)
        let foreign = try gateway.exchange(Asking.caddy.request("OPTIONS", "/", preflight + ["Origin: https://evil.example"]))
        expectProblem(foreign, status: 403, code: "origin_not_allowed")
    }

    @Test func `without them the names that scripts need are exposed, and preflights pass without a token`() throws {
        let gateway = try decisionGateway(.caddy)
        let origin = "Origin: https://app.example"
        let admitted = try gateway.exchange(Asking.caddy.request("GET", "/", [Self.bearer + Token.ending, origin]))
        #expect(admitted.members(of: "Access-Control-Expose-Headers").contains("X-Refresh-Token"))
        #expect(!admitted.has("Access-Control-Allow-Origin"), "whether it may be read is for the API to say")
        let fresh = try gateway.exchange(Asking.caddy.request("GET", "/", [Self.bearer + Token.fresh, origin]))
        #expect(!fresh.has("Access-Control-Expose-Headers"))
        let preflight = try gateway.exchange(Asking.caddy.request("OPTIONS", "/", ["Access-Control-Request-Method: POST", origin]))
        #expect(preflight.status == 200 && preflight.body.isEmpty)
    }

    @Test(arguments: Asking.allCases)
    func `a cookie does not open a WebSocket to another site's page`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, "tokens: { from: [ { cookie: token } ] }")
        let cookie = "Cookie: token=\(Token.fresh)"
        let foreign = "Origin: https://evil.example"
        let handshake = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        #expect(try gateway.exchange(asking.request("GET", "/", [cookie, foreign])).status == 200)
        let refused = try gateway.exchange(asking.request("GET", "/", [cookie, foreign] + handshake))
        expectProblem(refused, status: 403, code: "cross_site")
        let own = try gateway.exchange(asking.request("GET", "/", [cookie, "Origin: https://api.example"] + handshake))
        #expect(own.status == 200)
        #expect(try gateway.exchange(asking.request("POST", "/", [cookie, foreign])).status == 403)
    }

    // MARK: Refusals alone

    @Test(arguments: [Asking.nginx, .caddy])
    func `the path of refusals never admits`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, "cors: { origins: [ https://app.example ] }")
        let path = Asking.path + "/refusal"
        let refused = try gateway.exchange(asking.request("GET", "/", path: path))
        expectProblem(refused, status: 401, code: "token_missing")
        #expect(refused["WWW-Authenticate"] != nil)
        let admitted = try gateway.exchange(asking.request("GET", "/", [Self.bearer + Token.ending], path: path))
        expectProblem(admitted, status: 503, code: "admitted_meanwhile")
        #expect(admitted["Retry-After"] == "0" && !admitted.has("X-Refresh-Token"))
        let preflight = ["Access-Control-Request-Method: POST", "Origin: https://app.example"]
        expectProblem(try gateway.exchange(asking.request("OPTIONS", "/", preflight, path: path)), status: 503)
        #expect(try gateway.connect(from: "127.0.0.2").exchange(asking.request("GET", "/", path: path)).status == 403)
    }

    // MARK: The connection

    @Test func `many decisions go over one connection, HTTP 1.0 among them`() throws {
        let gateway = try decisionGateway(.nginx)
        let client = try gateway.connect()
        for _ in 0..<3 {
            #expect(try client.exchange(Asking.nginx.request("GET", "/", [Self.bearer + Token.fresh])).status == 200)
            #expect(try client.exchange(Asking.nginx.request()).status == 401)
            #expect(try client.exchange(Asking.nginx.request("GET", "/ x")).status == 400)
            #expect(try client.exchange(Asking.nginx.request("GET", "/#")).status == 400)
        }
        let old = Asking.nginx.request("GET", "/", [Self.bearer + Token.fresh]).replacingOccurrences(of: "/decide HTTP/1.1", with: "/decide HTTP/1.0")
        #expect(try client.exchange(old).status == 200)
        #expect(try client.isClosedByPeer())
    }

    @Test func `content is of no use, and does no harm`() throws {
        let gateway = try decisionGateway(.envoy)
        let client = try gateway.connect()
        let bearer = Self.bearer + Token.fresh
        let head = Asking.envoy.request("POST", "/", [bearer, "Content-Length: 5"])
        #expect(try client.exchange(head + "hello").status == 200)
        #expect(try client.exchange(Asking.envoy.request("PUT", "/", [bearer, "Transfer-Encoding: chunked"]) + "2\r\nab\r\n0\r\n\r\n").status == 200)
        #expect(try client.exchange(Asking.envoy.request("HEAD", "/")).status == 401)
        #expect(try client.exchange(Asking.envoy.request("HEAD", "/", [bearer])).status == 200)
    }

    @Test func `content without end closes the connection, behind the answer`() throws {
        let gateway = try decisionGateway(.envoy)
        let client = try gateway.connect()
        let head = Asking.envoy.request("POST", "/", [Self.bearer + Token.fresh, "Content-Length: 1000000"])
        #expect(try client.exchange(head).status == 200)
        try? client.send(String(repeating: "x", count: 400_000))
        #expect(try client.isClosedByPeer())
    }

    @Test func `a logout reaches decisions, and sessions need no upstream`() throws {
        let gateway = try decisionGateway(
            .nginx,
            """
            sessions: { store: memory, secret_file: $FOLDER/jwt.secret, endpoints: { logout: /auth/logout } }
            """)
        let bearer = Self.bearer + Token.with(left: 300, more: #","jti":"j","sid":"s""#)
        #expect(try gateway.exchange(Asking.nginx.request("GET", "/", [bearer])).has("X-Refresh-Token"))
        #expect(try gateway.exchange("POST /auth/logout HTTP/1.1\r\nHost: a\r\n\(bearer)\r\nContent-Length: 0\r\n\r\n").status == 204)
        try eventually { try gateway.exchange(Asking.nginx.request("GET", "/", [bearer])).problemCode == "token_revoked" }
    }

    @Test func `the log tells of decisions as of requests, and who asked`() throws {
        let gateway = try decisionGateway(.caddy, "logs: { decisions: all }")
        let bearer = Self.bearer + Token.ending
        _ = try gateway.exchange(Asking.caddy.request("GET", "/a?secret", from: "192.0.2.7", [bearer]))
        let renewed = try gateway.process.waitForLine(containing: " renewed route=/ token=")
        #expect(renewed.hasSuffix(" status=200 peer=192.0.2.7 via=forward_auth"))
        _ = try gateway.exchange("GET /decide HTTP/1.1\r\nHost: a\r\n\r\n")
        let failed = try gateway.process.waitForLine(containing: "code=decision_request_malformed")
        #expect(failed.contains("cause=\"X-Forwarded-Method is missing.\"") && failed.hasSuffix(" via=forward_auth"))
        #expect(!gateway.logs.contains("secret"))
        gateway.process.signal(15)
        #expect(try gateway.process.waitForLine(containing: "slidegate: stopped").contains(" decisions=2"))
    }

    @Test func `a proxy on the same machine may ask through a Unix socket`() throws {
        let gateway = try Gateway(
            """
            listeners: [ { address: 127.0.0.1:0 }, { address: 'unix:$FOLDER/in.sock' } ]
            trusted_proxies: unix
            forward_auth: { path: /decide, proxy: nginx }
            logs: { decisions: all }
            """, upstream: nil)
        let question = Asking.nginx.request("GET", "/", from: "192.0.2.1", [Self.bearer + Token.fresh])
        expectProblem(try gateway.exchange(question), status: 403, code: "peer_not_trusted")
        let path = gateway.path("in.sock")
        _ = try gateway.process.waitForLine(containing: "listening on unix:\(path)")
        #expect(try Client(try Socket.connected(toPath: path), of: gateway).exchange(question).status == 200)
        #expect(try gateway.process.waitForLine(containing: " admitted ").contains(" peer=192.0.2.1 "))
    }

    @Test func `a decision extends the tunnels of its session`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(UpgradeTests.switching)
            try connection.waitForEnd()
        }
        let gateway = try Gateway(
            "trusted_proxies: [ 127.0.0.1 ]\nforward_auth: { path: /decide, proxy: nginx }\nlogs: { decisions: changes }", upstream: origin)
        let client = try gateway.connect()
        let session = #","sid":"s""#
        try client.send(UpgradeTests.handshake + Self.bearer + Token.with(left: 3000, more: session) + "\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
        let later = Self.bearer + Token.with(left: 3001, more: session)
        #expect(try gateway.exchange(Asking.nginx.request("GET", "/", [later])).status == 200)
        #expect(try gateway.process.waitForLine(containing: " tunnel_extended until=").contains(" session="))
    }

    @Test func `a reload takes the upstream away`() throws {
        let gateway = try Gateway(openToAll, upstream: try Origin.ok())
        #expect(try gateway.get("/").status == 200)
        try gateway.rewrite(
            verbatim: """
                listen: 127.0.0.1:\(gateway.port)
                workers: 1
                key: { algorithm: HS256, secret_file: \(gateway.path("jwt.secret")) }
                trusted_proxies: [ 127.0.0.1 ]
                forward_auth: { path: /decide, proxy: nginx }
                """)
        gateway.process.signal(1)
        // The port is asked for by another address now, so a connection may be cut while one socket follows the other.
        try eventually { (try? gateway.get("/").status) == 404 }
        #expect(try gateway.exchange(Asking.nginx.request("GET", "/", [Self.bearer + Token.fresh])).status == 200)
    }

    @Test func `several proxies may ask, each in its own way`() throws {
        let gateway = try Gateway(
            """
            trusted_proxies: [ 127.0.0.1 ]
            forward_auth: [ { path: /n, proxy: nginx }, { path: /e, proxy: envoy } ]
            """, upstream: nil)
        let bearer = Self.bearer + Token.fresh
        #expect(try gateway.exchange(Asking.nginx.request("GET", "/", [bearer], path: "/n")).status == 200)
        #expect(try gateway.exchange(Asking.envoy.request("GET", "/", [bearer], path: "/e")).status == 200)
        #expect(try gateway.exchange(Asking.caddy.request("GET", "/", [bearer], path: "/n")).status == 400)
    }
}
