import Foundation
import Testing

/// Goal: a page gets its half of the session from the gateway itself, fresh where it may change and for good where it may not.
/// Method: the real program is asked for the files as a browser would.
@Suite("The module for browsers", .timeLimit(.minutes(2)))
struct BrowserModuleTests {
    static func gateway(_ settings: String = "") throws -> Gateway {
        try Gateway("browser: /slidegate\n\(settings)", upstream: Origin.ok())
    }

    /// The name with the hash that `session.js` imports.
    static func hashedName(_ session: Message) throws -> String {
        let found = try #require(session.text.firstMatch(of: #/from "\./(slidegate\.[0-9a-f]{16}\.js)";/#))
        return String(found.1)
    }

    @Test func `session.js comes without a token and imports the module under a name of its content`() throws {
        let gateway = try Self.gateway()
        let session = try gateway.get("/slidegate/session.js")
        #expect(session.status == 200)
        #expect(session["Content-Type"] == "text/javascript; charset=utf-8")
        #expect(session["X-Content-Type-Options"] == "nosniff")
        #expect(session["Access-Control-Allow-Origin"] == "*")
        #expect(session["Cache-Control"] == "no-cache")
        let name = try Self.hashedName(session)
        let named = try gateway.get("/slidegate/\(name)")
        #expect(named.status == 200)
        #expect(named["Cache-Control"] == "public, max-age=31536000, immutable")
        let plain = try gateway.get("/slidegate/slidegate.js")
        #expect(plain["Cache-Control"] == "no-cache")
        #expect(plain.body == named.body && plain.text.contains("createSession"))
        #expect(plain["Content-Length"] == "\(plain.body.count)")
    }

    static let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources/BrowserModule").standardized

    @Test func `the module is the one of the sources, byte for byte`() throws {
        let gateway = try Self.gateway()
        let files = [
            ("slidegate.js", "slidegate.min.js", "text/javascript; charset=utf-8"),
            ("slidegate.d.ts", "slidegate.d.ts", "text/plain; charset=utf-8"),
        ]
        for (name, source, type) in files {
            let answer = try gateway.get("/slidegate/\(name)")
            #expect(try Data(answer.body) == Data(contentsOf: Self.sources.appending(path: source)))
            #expect(answer["Content-Type"] == type)
        }
    }

    @Test(arguments: ["slidegate.js", "session.js", "slidegate.d.ts"])
    func `what may change is asked for again, and not sent again while it is the same`(_ name: String) throws {
        let gateway = try Self.gateway()
        let first = try gateway.get("/slidegate/\(name)")
        let tag = try #require(first["ETag"])
        #expect(tag.wholeMatch(of: #/"[0-9a-f]{32}"/#) != nil)
        let again = try gateway.get("/slidegate/\(name)", "If-None-Match: \(tag)")
        #expect(again.status == 304 && again.body.isEmpty)
        #expect(again["ETag"] == tag && again["Cache-Control"] == "no-cache")
        #expect(try gateway.get("/slidegate/\(name)", "If-None-Match: \"another\"").status == 200)
        let head = try gateway.exchange("HEAD /slidegate/\(name) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.status == 200 && head.body.isEmpty && head["Content-Length"] == first["Content-Length"])
    }

    @Test(arguments: [
        "/slidegate", "/slidegate/", "/slidegate/index.html", "/slidegate/slidegate.0123456789ABCDEF.js", "/slidegate/slidegate.0123456789abcde.js",
        "/slidegate/slidegate.0123456789abcdef0.js", "/slidegate/slidegate.0123456789abcdef.jsx", "/slidegate/session.js/", "/slidegate/package.json", "/slidegate/x/session.js",
    ])
    func `anything else there is not there, with a token too`(_ path: String) throws {
        let gateway = try Self.gateway()
        for fields in [[], ["Authorization: Bearer \(Token.fresh)"]] {
            let answer = try gateway.exchange(
                "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields.map { $0 + "\r\n" }.joined())\r\n")
            #expect(answer.status == 404)
            #expect(answer["Content-Type"] == "application/problem+json")
        }
    }

    @Test func `while gateways are upgraded, the module that another one has named is the own one, for that once`() throws {
        let gateway = try Self.gateway()
        let answer = try gateway.get("/slidegate/slidegate.0123456789abcdef.js")
        #expect(answer.status == 200)
        #expect(answer["Cache-Control"] == "no-store")
        #expect(try answer.body == gateway.get("/slidegate/slidegate.js").body)
    }

    @Test func `what only begins alike goes to the routes`() throws {
        let gateway = try Self.gateway()
        #expect(try gateway.get("/slidegates", "Authorization: Bearer \(Token.fresh)").status == 200)
        #expect(try gateway.get("/slidegates").status == 401)
    }

    @Test func `a path in another form is the same path`() throws {
        let gateway = try Self.gateway()
        #expect(try gateway.get("/x/../slidegate/%73ession.js?v=1").status == 200)
    }

    @Test func `files are read, not written, and the connection goes on`() throws {
        let gateway = try Self.gateway()
        let client = try gateway.connect()
        let refused = try client.exchange("POST /slidegate/session.js HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        #expect(refused.status == 405)
        #expect(refused["Allow"] == "GET, HEAD")
        let answered = try client.exchange("GET /slidegate/session.js HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        #expect(answered.status == 200)
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n").status == 200)
    }

    @Test func `a reload changes what is served, and its tag`() throws {
        let gateway = try Self.gateway()
        let before = try gateway.get("/slidegate/session.js")
        try gateway.rewrite("browser: { path: /slidegate, store: local }\nsliding: { buffer: 5m, deliver: authorization }")
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        let after = try gateway.get("/slidegate/session.js", "If-None-Match: \(before["ETag"] ?? "")")
        #expect(after.status == 200)
        #expect(after.text.contains(#""deliver": "authorization""#) && after.text.contains(#"store: "local""#))
        #expect(before.text.contains(#""deliver": "header""#) && before.text.contains(#"store: "memory""#))
    }

    @Test func `without the setting there is nothing there`() throws {
        let gateway = try Gateway(upstream: Origin.ok())
        #expect(try gateway.get("/slidegate/session.js").status == 401)
    }
}
