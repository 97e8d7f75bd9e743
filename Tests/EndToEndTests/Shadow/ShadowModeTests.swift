import Foundation
import Glibc
import Testing

/// Goal: in shadow mode nobody notices the gateway but its operator, who reads what enforcing would have done. Method: what would be
/// refused is compared, byte for byte at the origin, with what a route without tokens lets through.
@Suite("Shadow mode, end to end")
struct ShadowModeTests {
    private static let policy = """
        tokens: { audience: api, from: [ authorization, { cookie: session } ] }
        logs: { decisions: changes }

        """

    private static func shadow(_ more: String = "") throws -> (gateway: Gateway, origin: Origin) {
        let origin = try Origin.ok()
        return (try Gateway(policy + "mode: shadow\n" + Gateway.admin + more, upstream: origin), origin)
    }

    /// A token that is good here.
    private static func good(left: Int = 3000, more: String = "") -> String { Token.with(left: left, more: #","aud":"api""# + more) }

    /// What each kind of refusal is made by: its name in the log, and the field lines.
    private static let refused: [(reason: String, status: Int, lines: [String])] = [
        ("token_missing", 401, []),
        ("token_malformed", 401, ["Authorization: Bearer"]),
        ("not_three_segments", 401, ["Authorization: Bearer nonsense"]),
        ("bad_signature", 401, ["Authorization: Bearer \(Token.with(left: 300, secret: Array("another secret that is long enough to serve".utf8)))"]),
        ("algorithm_not_allowed", 401, ["Authorization: Bearer \(Token.signed(claims: "{}", header: #"{"alg":"none"}"#))"]),
        ("expired", 401, ["Authorization: Bearer \(good(left: -10))"]),
        ("wrong_audience", 401, ["Authorization: Bearer \(Token.fresh)"]),
        ("invalid_request", 400, ["Authorization: Bearer \(good())", "Cookie: session=\(good())"]),
        ("insufficient_scope", 403, ["Authorization: Bearer \(good(more: #","role":"guest""#))"]),
        ("cross_site", 403, ["Cookie: session=\(good())", "Sec-Fetch-Site: cross-site"]),
    ]

    private static func request(_ path: String, _ lines: [String]) -> String {
        let fields = lines + ["X-User-Id: mallory", "X-Refresh-Token: mine", "Accept: */*", "Content-Length: 5"]
        return "POST \(path) HTTP/1.1\r\nHost: api.example\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\nhello"
    }

    @Test func `each kind of refusal reaches the API as if no token were asked for, and is told`() throws {
        let routes = """
            routes:
              - { path: /guarded, require: { role: admin }, forward: { claims: { X-User-Id: sub } } }
              - { path: /opened, auth: none, mode: enforce }
            """
        let (gateway, origin) = try Self.shadow(routes)
        for (reason, status, lines) in Self.refused {
            let before = origin.requests.count
            let answer = try gateway.exchange(Self.request("/guarded", lines))
            #expect(answer.status == 200 && answer.text == "ok", "\(reason)")
            #expect(!answer.has("WWW-Authenticate") && !answer.has("X-Refresh-Token"), "\(reason)")
            let line = try gateway.process.waitForLine(containing: " reason=\(reason) route=/guarded method=POST path=/guarded ")
            #expect(line.contains(" would_refuse status=\(status) code="), "\(line)")
            let guarded = try #require(origin.requests.dropFirst(before).first)
            #expect(guarded.body == Array("hello".utf8))
            // Two tokens are never right, so without a guard there is nothing to compare them with.
            guard reason != "invalid_request" else { continue }
            #expect(try gateway.exchange(Self.request("/opened", lines)).status == 200, "\(reason)")
            let opened = try #require(origin.requests.last)
            #expect(guarded.headText == opened.headText.replacingOccurrences(of: "/opened", with: "/guarded"), "\(reason)")
            #expect(!guarded.has("X-User-Id") && !guarded.has("X-Refresh-Token"))
        }
        for (_, _, lines) in Self.refused {
            for line in lines { for secret in line.split(separator: " ") where secret.count > 60 { #expect(!gateway.logs.contains(secret)) } }
        }
        #expect(!gateway.logs.contains(" refused "))

        let page = try gateway.administer("/shadow?format=json")
        let report = try #require(JSONSerialization.jsonObject(with: Data(page.body)) as? [String: Any])
        #expect(report["requests"] as? Int == Self.refused.count)
        #expect(report["would_refuse"] as? Int == Self.refused.count)
        let route = try #require((report["routes"] as? [[String: Any]])?.first)
        let reasons = try #require(route["reasons"] as? [[String: Any]])
        #expect(Set(reasons.compactMap { $0["reason"] as? String }) == Set(Self.refused.map(\.reason)))
        #expect(reasons.allSatisfy { $0["count"] as? Int == 1 })
        #expect((route["examples"] as? [[String: Any]])?.count == 8)
        let text = try gateway.administer("/shadow").text
        #expect(text.hasPrefix("Of 10 requests, enforcing would have refused 10 (100%) and renewed the token of 0 (0%).\n"))
        #expect(text.contains("401 wrong_audience") && text.contains("POST /guarded"))
        #expect(try gateway.metric(#"slidegate_requests_total{route="/guarded",status="2xx",decision="would_refuse"}"#) == 10)
    }

    @Test func `nothing is renewed, and what would be is counted and told`() throws {
        let (gateway, origin) = try Self.shadow("routes: [ { path: /, forward: { authorization: renewed, claims: { X-User-Id: sub } } } ]")
        let line = "Authorization: Bearer \(Self.good(left: 300))"
        let answer = try gateway.get("/", line)
        #expect(answer.fields.map(\.name) == ["Content-Length", "Date"] || !answer.has("X-Refresh-Token") && !answer.has("Cache-Control"))
        #expect(!answer.has("X-Token-Expires-In") && !answer.has("Pragma"))
        let request = try #require(origin.requests.last)
        #expect(request.headText.contains(line + "\r\n"))
        #expect(request["X-User-Id"] == "user-1", "a good token is passed on as ever")
        #expect(try gateway.get("/", "Authorization: Bearer \(Self.good())").status == 200)
        let told = try gateway.process.waitForLine(containing: " would_renew route=/ token=")
        #expect(told.contains(" status=200 "))
        #expect(try gateway.administer("/shadow").text.contains("would renew   1  50.0%  last "))
        #expect(try gateway.metric(#"slidegate_requests_total{route="/",status="2xx",decision="would_renew"}"#) == 1)
        #expect(try gateway.metric("slidegate_renewals_total") == 0)
    }

    @Test func `malformed requests, ambiguous paths, no route and limits are refused as ever`() throws {
        let (gateway, origin) = try Self.shadow("routes: [ { path: /a, methods: [ GET, POST ] } ]\nlimits: { body: 10B }")
        #expect(try gateway.exchange("GET /a HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n").status == 400)
        #expect(try gateway.exchange("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").status == 400)
        #expect(try gateway.get("/a/..%2fb").status == 400)
        #expect(try gateway.get("/elsewhere").status == 404)
        #expect(try gateway.exchange("DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n").status == 405)
        #expect(try gateway.exchange("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world").status == 413)
        #expect(origin.requests.isEmpty)
    }

    @Test func `one route in shadow leaves the others guarded`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: /new, mode: shadow }, { path: / } ]", upstream: origin)
        #expect(try gateway.get("/new").status == 200)
        #expect(try gateway.get("/").status == 401)
        #expect(try gateway.get("/newer").status == 401)
        try gateway.process.waitForLine(containing: "would_refuse")
    }

    @Test func `a reload ends shadow mode, and begins it, and counts go on until it does`() throws {
        let (gateway, _) = try Self.shadow()
        #expect(try gateway.get("/").status == 200)
        func reload(_ settings: String, until status: Int) throws {
            try gateway.rewrite(Self.policy + settings + Gateway.admin)
            gateway.process.signal(SIGHUP)
            let deadline = Deadline.after()
            while try gateway.get("/").status != status { try #require(!deadline.hasPassed) }
        }
        try reload("", until: 401)
        let left = try gateway.administer("/shadow").text
        #expect(left.contains("no longer in shadow mode"))
        let answer = try gateway.get("/", "Authorization: Bearer \(Self.good(left: 300))")
        #expect(answer.has("X-Refresh-Token"))
        try reload("mode: shadow\n", until: 200)
        #expect(try gateway.administer("/shadow").text.hasPrefix("Of 1 request,"), "it begins anew")
        #expect(!(try gateway.administer("/shadow?format=xml")).text.contains("Of "))
    }

    @Test func `a tunnel outlives the session that it would have ended with`() throws {
        let origin = try UpgradeTests.echo()
        let gateway = try Gateway("mode: shadow\nsliding: { buffer: 10% }\nlogs: { decisions: changes }", upstream: origin)
        let enforced = try Gateway("sliding: { buffer: 10% }\nlogs: { decisions: changes }", upstream: UpgradeTests.echo())
        let line = "Authorization: Bearer \(Token.with(left: 3))\r\n\r\n"
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + line)
        #expect(try client.receiveAny().status == 101)
        let other = try enforced.connect()
        try other.send(UpgradeTests.handshake + line)
        #expect(try other.receiveAny().status == 101)
        try enforced.process.waitForLine(containing: " tunnel_closed reason=session_expired ")
        try client.send("still there")
        #expect(try client.reader.read(11, by: .after()) == Array("still there".utf8))
        #expect(!gateway.logs.contains("tunnel_closed"))
    }

    @Test func `an event stream without a token runs on`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n")
            try connection.waitForEnd()
        }
        let gateway = try Gateway("mode: shadow", upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.with(left: -5))\r\n\r\n")
        let head = try client.reader.readHead(by: .after())
        #expect(head.status == 200)
        #expect(try client.reader.read(12, by: .after()) == Array("7\r\ndata: 1\r\n".utf8))
        #expect(try client.isSilent(for: .milliseconds(300)))
    }

    @Test(arguments: Asking.allCases)
    func `decisions for proxies in front are 200`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, "mode: shadow", also: Gateway.admin)
        let answer = try gateway.exchange(asking.request("GET", "/x"))
        #expect(answer.status == 200 && !answer.has("WWW-Authenticate"))
        let line = try gateway.process.waitForLine(containing: " would_refuse status=401 code=token_missing reason=token_missing route=/ ")
        #expect(line.hasSuffix(" via=forward_auth"))
        #expect(!(try gateway.exchange(asking.request("GET", "/", ["Authorization: Bearer \(Token.ending)"]))).has("X-Refresh-Token"))
        #expect(try gateway.exchange(asking.request("GET", "/a/..%2fb")).status == 400)
        #expect(try gateway.administer("/shadow").text.hasPrefix("Of 2 requests, enforcing would have refused 1 (50.0%)"))
    }

    @Test func `a login's answer passes as the API wrote it`() throws {
        let claims = #"X-Session-Claims: {"sub":"alice"}"#
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\n\(claims)\r\nContent-Length: 2\r\n\r\n{}" }
        let sessions = """
            sessions:
              store: memory
              secret_file: $FOLDER/refresh.secret
              endpoints: { login: { path: /login }, refresh: /refresh }

            """
        let files = ["refresh.secret": "a secret for refresh tokens that nobody else has"]
        let gateway = try Gateway("mode: shadow\n" + sessions, upstream: origin, files: files)
        let login = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
        let answer = try gateway.exchange(login)
        #expect(answer.status == 200 && answer.text == "{}")
        #expect(answer.headText.contains(claims), "what the API says, it says to its clients")
        let enforced = try Gateway(sessions, upstream: origin, files: files)
        #expect(try enforced.exchange(login).text.contains("access_token"))
    }
}
