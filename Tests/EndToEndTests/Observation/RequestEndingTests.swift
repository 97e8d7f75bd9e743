import Glibc
import Testing

/// Goal: every request is counted once, whatever becomes of it, under its route, the class of the status that was sent, and what was
/// decided. Method: requests that end in each way there is, and the metrics behind them.
@Suite("Every request is counted once")
struct RequestEndingTests {
    static let routes = """
        routes:
          - { path: /, auth: none }
          - { path: /api, name: api }
          - { path: /api/admin, require: { role: admin } }
          - { path: /api/posts, methods: [ POST ] }

        """

    static func get(_ target: String, _ token: String? = nil) -> String {
        "GET \(target) HTTP/1.1\r\nHost: a\r\n" + (token.map { "Authorization: Bearer \($0)\r\n" } ?? "") + "\r\n"
    }

    private func gateway(_ settings: String = "", upstream: Origin?, routes: String = routes) throws -> Gateway {
        try Gateway(Gateway.admin + routes + settings, upstream: upstream)
    }

    // MARK: Proxied

    @Test func `that is passed on whole, by the status of its answer`() throws {
        let origin = try Origin.answering { request in
            let status = request.target.dropFirst(2)
            return "HTTP/1.1 \(status) X\r\n" + (status == "204" || status == "304" ? "" : "Content-Length: 0\r\n") + "\r\n"
        }
        let gateway = try gateway(upstream: origin)
        let client = try gateway.connect()
        for status in [200, 204, 301, 304, 404, 500, 599, 200] {
            #expect(try client.exchange(Self.get("/?\(status)")).status == status)
        }
        #expect(try client.exchange("HEAD /?200 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        try gateway.expectTally(["/ 2xx admitted": 4, "/ 3xx admitted": 2, "/ 4xx admitted": 1, "/ 5xx admitted": 2])
        #expect(try gateway.metric("slidegate_request_duration_seconds_count{route=\"/\"}") == 9)
        #expect(try gateway.metric("slidegate_upstream_duration_seconds_count{upstream=\"default\"}") == 9)
    }

    @Test func `that is admitted, renewed or refused on its route`() throws {
        let gateway = try gateway(upstream: try Origin.ok())
        let client = try gateway.connect()
        let admin = Token.with(left: 3000, more: #","role":"admin""#)
        for (target, token, status) in [
            ("/api", Token.fresh, 200), ("/api/x", Token.ending, 200), ("/api", Token.ending, 200), ("/api", nil, 401),
            ("/api", "nonsense", 401), ("/api/admin", Token.fresh, 403), ("/api/admin", admin, 200),
            ("/api/admin", Token.with(left: -9), 401),
        ] {
            #expect(try client.exchange(Self.get(target, token)).status == status, "\(target)")
        }
        try gateway.expectTally([
            "api 2xx admitted": 1, "api 2xx renewed": 2, "api 4xx refused": 2,
            "/api/admin 4xx refused": 2, "/api/admin 2xx admitted": 1,
        ])
    }

    @Test func `that comes early, behind others on one connection`() throws {
        let gateway = try gateway(upstream: try Origin.ok())
        let client = try gateway.connect()
        let good = Self.get("/api", Token.fresh)
        try client.send(good + Self.get("/api") + good + Self.get("/a/../b") + Self.get("/") + "GET / HTTP/1.1\r\nHost: a\r\n bad\r\n\r\n")
        var statuses: [Int] = []
        for _ in 0..<6 { statuses.append(try client.receive().status) }
        #expect(statuses == [200, 401, 200, 200, 200, 400])
        try gateway.expectTally([
            "api 2xx admitted": 2, "api 4xx refused": 1, "/ 2xx admitted": 2, "none 4xx failed": 1,
        ])
    }

    // MARK: Without a route

    @Test func `that has no route, or none for its method`() throws {
        let gateway = try gateway(upstream: try Origin.ok(), routes: "routes: [ { path: /api, auth: none, methods: [ GET ] } ]\n")
        let client = try gateway.connect()
        #expect(try client.exchange(Self.get("/elsewhere")).status == 404)
        #expect(try client.exchange("DELETE /api HTTP/1.1\r\nHost: a\r\n\r\n").status == 405)
        #expect(try client.exchange(Self.get("/api/%2e%2e%2fx")).status == 400)
        #expect(try client.exchange("TRACE /api HTTP/1.1\r\nHost: a\r\n\r\n").status == 501)
        try gateway.expectTally(["none 4xx refused": 3, "none 5xx failed": 1])
    }

    @Test(arguments: [
        ("BAD\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417),
    ])
    func `whose head is malformed`(_ text: String, _ status: Int) throws {
        let gateway = try gateway(upstream: try Origin.ok())
        #expect(try gateway.exchange(text).status == status)
        try gateway.expectTally(["none \(status / 100)xx failed": 1])
    }

    @Test func `that comes in clear where TLS is spoken`() throws {
        let gateway = try Gateway.secured(try Certificates.pair("exact"), Gateway.admin + openToAll)
        #expect(try gateway.get().status == 400)
        try gateway.expectTally(["none 4xx failed": 1])
    }

    @Test func `whose head does not come in time`() throws {
        let gateway = try gateway("timeouts: { head: 300ms }\n", upstream: try Origin.ok())
        #expect(try gateway.exchange("GET / HTTP/1.1\r\nHos").status == 408)
        try gateway.expectTally(["none 4xx failed": 1])
    }

    @Test func `and a connection that ends without one, or within its head, is none`() throws {
        let gateway = try gateway(upstream: try Origin.ok())
        let silent = try gateway.connect()
        silent.close()
        let half = try gateway.connect()
        try half.send("GET / HTTP/1.1\r\nHos")
        half.close()
        #expect(try gateway.exchange(Self.get("/")).status == 200)
        try eventually { try gateway.metric("slidegate_connections") == 0 }
        try gateway.expectTally(["/ 2xx admitted": 1])
    }

    // MARK: Limits

    @Test func `whose content is more than its route takes, told at once or found out`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextHead()
            try connection.waitForEnd()
        }
        let gateway = try gateway(upstream: origin, routes: "routes: [ { path: /, auth: none, body: 4B } ]\n")
        #expect(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").status == 413)
        #expect(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n").status == 413)
        try gateway.expectTally(["/ 4xx failed": 2])
    }

    @Test func `that is one too many at a time`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.waitForEnd()
        }
        let gateway = try gateway("limits: { requests: 1 }\n", upstream: origin)
        let first = try gateway.connect()
        try first.send(Self.get("/"))
        _ = try origin.waitForRequests(1)
        #expect(try gateway.exchange(Self.get("/")).status == 503)
        first.reset()
        try gateway.expectTally(["/ none admitted": 1, "/ 5xx failed": 1])
    }

    // MARK: The upstream fails

    @Test func `whose upstream is not there`() throws {
        let gone = try ListeningSocket().port
        let gateway = try gateway("upstream: 127.0.0.1:\(gone)\n", upstream: try Origin.ok())
        let client = try gateway.connect()
        #expect(try client.exchange(Self.get("/")).status == 502)
        #expect(try client.exchange(Self.get("/api", Token.ending)).status == 502)
        try gateway.expectTally(["/ 5xx failed": 1, "api 5xx failed": 1])
    }

    @Test func `whose upstream does not answer, or not in HTTP`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                if request.target == "/bad" { return try connection.send("HTTQ\r\n\r\n") }
                if request.target == "/gone" { return }
                try connection.waitForEnd()
            }
        }
        let gateway = try gateway(
            "upstreams: { api: { servers: [ 127.0.0.1:\(origin.port) ], timeouts: { response: 300ms } } }\n", upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.get("/slow")).status == 504)
        #expect(try client.exchange(Self.get("/bad")).status == 502)
        #expect(try client.exchange("POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 502)
        try gateway.expectTally(["/ 5xx failed": 3])
    }

    @Test func `whose answer is cut short, by the status that was sent`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        }
        let gateway = try gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.get("/"))
        #expect(throws: WireError.self) { try client.receive() }
        try gateway.expectTally(["/ 2xx failed": 1])
    }

    // MARK: The client goes

    @Test func `whose client goes before its answer, or within it`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                if request.target == "/begun" { try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") }
                try connection.waitForEnd()
            }
        }
        let gateway = try gateway(upstream: origin)
        let first = try gateway.connect()
        try first.send(Self.get("/silent"))
        _ = try origin.waitForRequests(1)
        first.reset()
        let second = try gateway.connect()
        try second.send(Self.get("/begun"))
        _ = try second.reader.readHead(by: .after())
        second.reset()
        try gateway.expectTally(["/ none admitted": 1, "/ 2xx admitted": 1])
    }

    @Test func `whose content stops coming`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextHead()
            try connection.waitForEnd()
        }
        let gateway = try gateway("timeouts: { body: 300ms }\n", upstream: origin)
        #expect(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").status == 408)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        client.close()
        try gateway.expectTally(["/ 4xx failed": 1, "/ none admitted": 1])
    }

    // MARK: What lasts

    @Test func `that became a tunnel, when that has ended`() throws {
        let gateway = try gateway(upstream: try UpgradeTests.echo())
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        #expect(try gateway.tally() == [:])
        #expect(try gateway.metric("slidegate_upstream_duration_seconds_count{upstream=\"default\"}") == 1)
        try client.send("1234")
        #expect(try client.reader.read(4, by: .after()) == Array("1234".utf8))
        client.finishWriting()
        _ = try client.reader.readToEnd(by: .after())
        try gateway.expectTally(["/ 1xx admitted": 1])
        #expect(try gateway.metric("slidegate_request_duration_seconds_count{route=\"/\"}") ?? 0 == 0, "that says nothing of speed")
    }

    @Test func `that became an event stream, when that has ended with its session`() throws {
        let gateway = try gateway("sliding: { buffer: 10% }\n", upstream: try EventStreamTests.origin(), routes: "")
        let client = try gateway.connect()
        try client.send(EventStreamTests.request(EventStreamTests.token(left: 2).compact))
        _ = try client.reader.readHead(by: .after())
        #expect(try gateway.tally() == [:])
        try gateway.expectTally(["/ 2xx renewed": 1])
    }

    // MARK: Answered here

    @Test func `that the gateway answers itself: files, preflights, redirects`() throws {
        let gateway = try gateway(
            "browser: { path: /browser }\ncors: { origins: [ \"https://app.example\" ] }\n"
                + "listeners: [ { address: \"127.0.0.1:0\" } ]\n", upstream: try Origin.ok())
        let client = try gateway.connect()
        let preflight = "OPTIONS /api HTTP/1.1\r\nHost: a\r\nOrigin: https://APP\r\nAccess-Control-Request-Method: GET\r\n\r\n"
        #expect(try client.exchange(preflight.replacing("APP", with: "app.example")).status == 204)
        #expect(try client.exchange(preflight.replacing("APP", with: "evil.example")).status == 403)
        #expect(try client.exchange(Self.get("/browser/slidegate.js")).status == 200)
        #expect(try client.exchange(Self.get("/browser/nothing")).status == 404)
        try gateway.expectTally(["none 2xx answered": 2, "none 4xx refused": 2])
    }

    @Test func `that is sent to HTTPS`() throws {
        let gateway = try gateway(
            "listeners: [ { address: \"127.0.0.1:0\", redirect_to_https: true } ]\n", upstream: try Origin.ok())
        let client = try gateway.connect()
        #expect(try client.exchange(Self.get("/x")).status == 308)
        #expect(try client.exchange("GET / HTTP/1.0\r\n\r\n").status == 400)
        try gateway.expectTally(["none 3xx answered": 1, "none 4xx failed": 1])
    }

    @Test func `to the endpoints of sessions, and logins that are captured`() throws {
        let sessions = try SessionGateway(root: "routes: [ { path: /, name: rest } ]")
        let gateway = sessions.gateway
        let pair = try sessions.logIn()
        #expect(try sessions.refresh(pair).status == 200)
        #expect(try sessions.refresh(TokenPair(access: "", refresh: "sgr_nonsense")).status == 400)
        #expect(try sessions.get(pair.access).status == 200)
        #expect(try gateway.exchange(sessions.post("/auth/logout", "", type: nil, ["Authorization: Bearer \(pair.access)"])).status == 204)
        let half = try gateway.connect()
        try half.send("POST \(sessions.preset.refreshPath) HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        half.reset()
        try gateway.expectTally([
            "\(sessions.preset.loginPath) 2xx admitted": 1, "none 2xx answered": 2, "none 4xx answered": 1, "rest 2xx admitted": 1,
            "none none answered": 1,
        ])
    }

    @Test(arguments: Asking.allCases)
    func `that a proxy in front has asked about`(_ asking: Asking) throws {
        let gateway = try decisionGateway(asking, Gateway.admin, also: "routes: [ { path: /, name: all } ]")
        let client = try gateway.connect()
        #expect(try client.exchange(asking.request("GET", "/", ["Authorization: Bearer \(Token.fresh)"])).status == 200)
        #expect(try client.exchange(asking.request("GET", "/", ["Authorization: Bearer \(Token.ending)"])).status == 200)
        #expect(try client.exchange(asking.request()).status == 401)
        #expect(try client.exchange("GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n").status == 404)
        try gateway.expectTally([
            "all 2xx admitted": 1, "all 2xx renewed": 1, "all 4xx refused": 1, "none 4xx refused": 1,
        ])
    }

    @Test func `and where it asks again, for the words of a refusal, that is none more`() throws {
        let gateway = try decisionGateway(.nginx, Gateway.admin, also: "routes: [ { path: /, name: all } ]")
        let client = try gateway.connect()
        #expect(try client.exchange(Asking.nginx.request()).status == 401)
        #expect(try client.exchange(Asking.nginx.request(path: Asking.path + "/refusal")).status == 401)
        #expect(try client.exchange(
            Asking.nginx.request("GET", "/", ["Authorization: Bearer \(Token.fresh)"], path: Asking.path + "/refusal")).status == 503)
        try gateway.expectTally(["all 4xx refused": 1, "all 4xx answered": 1, "all 5xx answered": 1])
    }

    // MARK: Shadow mode

    @Test func `that would be refused or renewed, were it not for shadow mode`() throws {
        let gateway = try gateway(upstream: try Origin.ok(), routes: "routes: [ { path: /, mode: shadow } ]\n")
        let client = try gateway.connect()
        for token in [nil, Token.ending, Token.fresh, "nonsense"] {
            #expect(try client.exchange(Self.get("/", token)).status == 200)
        }
        try gateway.expectTally(["/ 2xx would_refuse": 2, "/ 2xx would_renew": 1, "/ 2xx admitted": 1])
    }

    // MARK: Tokens

    @Test func `and what was verified, remembered and signed for all of them is counted and timed`() throws {
        let gateway = try gateway(upstream: try Origin.ok())
        let client = try gateway.connect()
        let token = Token.ending
        for _ in 0..<6 { #expect(try client.exchange(Self.get("/api", token)).has("X-Refresh-Token")) }
        // A token that comes once is not remembered: that is decided when it comes again.
        #expect(try gateway.metric("slidegate_token_cache_misses_total") == 2)
        #expect(try gateway.metric("slidegate_token_cache_hits_total") == 4)
        #expect(try gateway.metric("slidegate_token_cache_entries") == 1)
        #expect(try gateway.metric("slidegate_verify_duration_seconds_count") == 2)
        let mints = try #require(try gateway.metric("slidegate_mint_duration_seconds_count"))
        #expect((2...3).contains(mints), "a third one where the next slot has begun meanwhile")
        for time in ["verify", "mint"] {
            let sum = try #require(try gateway.metric("slidegate_\(time)_duration_seconds_sum"))
            #expect(sum > 0 && sum < 10)
        }
        #expect(try gateway.exchange(Self.get("/api", "not.a.token")).status == 401)
        #expect(try gateway.metric("slidegate_verify_duration_seconds_count") == 3)
        try gateway.rewrite(Gateway.admin + Self.routes + "logs: { decisions: all }\n")
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        try eventually { try gateway.metric("slidegate_token_cache_entries") == 0 }
        #expect(try gateway.metric("slidegate_token_cache_hits_total") == 4, "counts outlive the cache")
    }
}
