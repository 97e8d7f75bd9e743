import Testing

/// Goal: a successor rides on the answers of semantics 1.9 and no others, and no cache keeps one (1.11). Method: one token in
/// its window, and an origin that answers in every way.
@Suite("A successor rides on final answers to authorised requests")
struct RenewalAnswerTests {
    private func answer(_ upstream: String, method: String = "GET", settings: String = "", fields: String = "") throws -> Message {
        let origin = try Origin.answering { _ in upstream }
        let gateway = try Gateway(settings, upstream: origin)
        return try gateway.exchange(SlidingTests.request(Token.ending, method: method, fields))
    }

    @Test(arguments: [200, 201, 204, 206, 301, 302, 400, 403, 404, 409, 429, 500, 502, 503])
    func `the successor rides on any final status`(_ status: Int) throws {
        let length = status == 204 ? "" : "Content-Length: 0\r\n"
        #expect(try answer("HTTP/1.1 \(status) X\r\n\(length)\r\n").values(of: "X-Refresh-Token").count == 1)
    }

    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"])
    func `the successor rides on answers to any method`(_ method: String) throws {
        #expect(try answer(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", method: method).values(of: "X-Refresh-Token").count == 1)
    }

    @Test(arguments: [401, 304])
    func `but not on these`(_ status: Int) throws {
        let answer = try answer(
            "HTTP/1.1 \(status) X\r\n\(status == 304 ? "" : "Content-Length: 0\r\n")ETag: \"x\"\r\n\r\n")
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
        try client.send(SlidingTests.request(Token.ending))
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
        let answer = try answer(
            "HTTP/1.1 200 OK\r\nx-refresh-token: its own\r\nCache-Control: max-age=9\r\nContent-Length: 0\r\n\r\n")
        #expect(answer.values(of: "X-Refresh-Token") == ["its own"])
    }

    @Test func `not on the gateway's own answers, 502 and 403`() throws {
        let origin = try Origin { _ = try $0.nextRequest() }
        let gateway = try Gateway(
            "routes: [ { path: / }, { path: /admin/, require: { role: [ admin ] } } ]", upstream: origin)
        let failed = try gateway.exchange(SlidingTests.request(Token.ending, method: "POST", "Content-Length: 0\r\n"))
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
        let gateway = try Gateway(
            "routes: [ { path: /, auth: optional }, { path: /open, auth: none } ]", upstream: origin)
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
        let answer = try gateway.exchange(SlidingTests.request(Token.fresh))
        #expect(answer.members(of: "Cache-Control") == ["public", "max-age=600"])
        #expect(answer["ETag"] == "\"x\"" && answer["Age"] == "5" && answer.has("Expires"))
        #expect(!answer.has("Pragma"))
    }
}
