import Foundation
import Testing

/// Goal: `/status.json` says what is so, to who may know it, and the page's files say nothing to anybody. Method: the administration
/// listener of the real program, by its own protocol.
@Suite("Status report")
struct StatusReportTests {
    private func report(_ gateway: Gateway, secret: String? = nil) throws -> JSON {
        let answer = try gateway.administer("/status.json", secret.map { "Authorization: Bearer \($0)" } ?? "X-No: secret")
        #expect(answer.status == 200 && answer["Content-Type"] == "application/json" && answer["Cache-Control"] == "no-store")
        return try JSON(answer.body)
    }

    private static let routes = "routes: [ { path: /api/, name: api }, { path: /, auth: none } ]\n"

    @Test func `it counts requests by route, and says how long they took and what they were decided to be`() throws {
        let gateway = try Gateway(Gateway.admin + Self.routes, upstream: Origin.ok())
        for _ in 0..<3 { _ = try gateway.get("/api/x", "Authorization: Bearer \(Token.fresh)") }
        for _ in 0..<2 { _ = try gateway.get("/api/x", "Authorization: Bearer \(Token.ending)") }
        _ = try gateway.get("/api/x")
        _ = try gateway.get("/y")
        let status = try report(gateway)
        let routes = status["routes"]?.elements ?? []
        #expect(Set(routes.compactMap { $0["name"]?.string }) == ["api", "/"])
        let api = try #require(routes.first { $0["name"] == "api" })
        #expect(api["requests"] == ["admitted": 3, "renewed": 2, "refused": 1])
        #expect(api["statuses"] == ["2xx": 5, "4xx": 1])
        #expect(api["latency"]?["count"] == 6)
        let bounds = status["latency_bounds"]?.elements.compactMap(\.number) ?? []
        #expect(bounds.first == 1e-6 && bounds == bounds.sorted())
        let buckets = api["latency"]?["buckets"]?.elements.map { $0.elements.compactMap(\.number) } ?? []
        #expect(buckets.reduce(0) { $0 + $1[1] } == 6 && buckets.allSatisfy { $0[0] >= 0 && $0[1] > 0 })
        let upstream = try #require(status["upstreams"]?.elements.first)
        #expect(upstream["latency"]?["count"] == 6 && upstream["servers"]?.elements.first?["requests"] == 6)
        #expect(upstream["servers"]?.elements.first?["state"] == "up")
        #expect(status["readiness"] == "ready" && status["workers"] == ["count": 1, "reporting": 1])
        #expect(status["sessions"] == "none" && status["store"] == .null)
    }

    @Test func `keys say how many requests are theirs, and when the last one came`() throws {
        let gateway = try Gateway(
            Gateway.admin + """
                keys:
                  - { id: new, algorithm: HS256, secret_file: $FOLDER/jwt.secret, use: sign }
                  - { id: old, algorithm: HS256, secret_file: $FOLDER/old.secret, use: verify }
                """, upstream: Origin.ok(), files: ["old.secret": String(repeating: "o", count: 48)])
        let before = Token.now()
        let header = #"{"alg":"HS256","kid":"new"}"#
        let token = Token.signed(claims: #"{"sub":"a","iat":\#(before),"exp":\#(before + 3000)}"#, header: header)
        #expect(try gateway.get("/", "Authorization: Bearer \(token)").status == 200)
        let keys = try report(gateway)["keys"]?.elements ?? []
        #expect(keys.count == 2)
        let (new, old) = (try #require(keys.first { $0["id"] == "new" }), try #require(keys.first { $0["id"] == "old" }))
        #expect(new["signs"] == true && new["verified"] == 1 && old["signs"] == false && old["verified"] == 0)
        #expect(old["last_used"] == .null)
        let lastUsed = try #require(new["last_used"]?.number)
        #expect((Double(before - 1)...Double(Token.now())).contains(lastUsed))
    }

    @Test(arguments: [#"/api/%3Cscript%3Ealert(1)%3C/script%3E"#, #"/api/';alert(1)"#, "/api/\(String(repeating: "a", count: 80))"])
    func `refusals are told, the newest first, with path, reason and client`(_ path: String) throws {
        let gateway = try Gateway(Gateway.admin + Self.routes, upstream: Origin.ok())
        _ = try gateway.get("/api/first?secret=1", "Authorization: Bearer \(Token.with(left: -100))")
        _ = try gateway.get(path)
        let refusals = try report(gateway)["refusals"]?.elements ?? []
        #expect(refusals.count == 2)
        let (new, old) = (try #require(refusals.first), try #require(refusals.last))
        #expect(new["code"] == "token_missing" && new["status"] == 401 && new["method"] == "GET" && new["client"] == "127.0.0.1")
        let isCut = path.utf8.count > 60
        #expect(isCut ? new["path"]?.string?.hasSuffix("...") == true : new["path"] == .string(path))
        #expect(old["path"] == "/api/first" && old["code"] == "token_expired" && old["route"] == "api" && old["asked"] == false)
    }

    @Test func `reloads are told, with what was wrong`() throws {
        let gateway = try Gateway(Gateway.admin, upstream: Origin.ok())
        #expect(try report(gateway)["configuration"]?["last_reload"] == .null)
        try gateway.rewrite(Gateway.admin + "nonsense: <b>1</b>")
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "reload refused")
        let refused = try #require(try report(gateway)["configuration"])
        #expect(refused["reloads_refused"] == 1 && refused["last_reload"]?["applied"] == false)
        #expect(refused["last_reload"]?["complaints"]?.elements.first?.string?.contains("nonsense") == true)
        #expect(refused["file"]?.string?.hasSuffix("/slidegate.yaml") == true)
        try gateway.rewrite(Gateway.admin + "limits: { body: 1KiB }")
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        let applied = try #require(try report(gateway)["configuration"])
        #expect(applied["reloads_applied"] == 1 && applied["last_reload"]?["applied"] == true)
        #expect(try #require(applied["generation"]?.number) > (refused["generation"]?.number ?? 0))
        #expect(applied["digest"] != refused["digest"])
    }

    // MARK: Who is told

    @Test(arguments: [
        ("/", "text/html; charset=utf-8"), ("/status", "text/html; charset=utf-8"), ("/status.css", "text/css; charset=utf-8"),
        ("/status.js", "text/javascript; charset=utf-8"), ("/gateway.js", "text/javascript; charset=utf-8"),
        ("/history.js", "text/javascript; charset=utf-8"), ("/show.js", "text/javascript; charset=utf-8"),
        ("/sessions.js", "text/javascript; charset=utf-8"), ("/icon.svg", "image/svg+xml"),
    ])
    func `the page is there without the secret, and takes nothing from elsewhere`(_ path: String, _ type: String) throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let answer = try gateway.administer(path)
        #expect(answer.status == 200 && answer["Content-Type"] == type && !answer.body.isEmpty)
        let policy = try #require(answer["Content-Security-Policy"])
        #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("unsafe") && policy.contains("require-trusted-types-for 'script'"))
        #expect(answer["X-Content-Type-Options"] == "nosniff" && answer["Cross-Origin-Resource-Policy"] == "same-origin")
        #expect(!answer.text.contains("http://") || path == "/icon.svg" || path == "/show.js", "something from elsewhere")
        let gone = try gateway.administer("/status.json")
        #expect(gone.status == 401 && gone["WWW-Authenticate"] != nil)
        #expect(try report(gateway, secret: Gateway.adminSecret)["sessions"] == "available")
    }

    @Test func `without a secret the report says that sessions are not shown`() throws {
        let gateway = try Gateway(
            Gateway.admin + "sessions: { secret_file: $FOLDER/refresh.secret, store: memory, endpoints: { refresh: /refresh } }",
            upstream: Origin.ok(), files: Gateway.sessionFiles)
        let status = try report(gateway)
        #expect(status["sessions"] == "secret_required" && status["store"]?["up"] == true)
        #expect(try gateway.api("GET", "/sessions", secret: nil).status == 403)
    }

    // MARK: Pages of other sites

    @Test(arguments: [
        "Origin: https://evil.example", "Origin: null", "Origin: http://localhost:1", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
        "Origin: http://localhost\r\nSec-Fetch-Site: cross-site",
    ])
    func `a page of another site changes nothing, with the secret neither`(_ field: String) throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let begun = try gateway.beginSession(of: "ann")
        func delete(_ field: String) throws -> Message {
            let client = try Client(to: gateway.adminPort(), of: gateway)
            defer { client.close() }
            return try client.exchange(
                "DELETE /sessions/\(begun.id) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(Gateway.adminSecret)\r\n\(field)\r\n\r\n")
        }
        let answer = try delete(field)
        #expect(answer.status == 403 && answer.text.contains("cross_site"))
        #expect(try gateway.status(with: begun.access) == 200)
        #expect(try delete("Origin: http://localhost\r\nSec-Fetch-Site: same-origin").status == 204)
        #expect(try gateway.status(with: begun.access) == 401)
    }
}
