import Testing

@testable import Configuration

@Suite("Sliding and tokens")
struct SlidingTests {
    static func sliding(_ members: String) throws -> Configuration.Sliding {
        try #require(try Configuration(yaml: Sample.yaml("sliding: { \(members) }"), file: "f").sliding)
    }

    @Test func `every member is read`() throws {
        let sliding = try Self.sliding(
            "lifetime: 30m, lifetime_max: 2h, buffer: 10m, quantum: 5m, session_cap: 8h, least_gain: 5%, grace: 30s, "
                + "deliver: authorization, except_statuses: [ 401, 403 ], opt_out: X-Quiet, expires_in: { token: X-T, session: none, on: all }")
        #expect(sliding.lifetime == .fixed(.seconds(1800)))
        #expect(sliding.lifetimeMax == .seconds(7200))
        #expect(sliding.buffer == .duration(.seconds(600)))
        #expect(sliding.quantum == .seconds(300))
        #expect(sliding.sessionCap == .seconds(8 * 3600))
        #expect(sliding.leastGainPercent == 5)
        #expect(sliding.grace == .seconds(30))
        #expect(sliding.delivery == .authorization)
        #expect(sliding.exceptStatuses == [401, 403])
        #expect(sliding.optOutHeader == "X-Quiet")
        #expect(sliding.tokenExpiryHeader == "X-T")
        #expect(sliding.sessionExpiryHeader == nil)
        #expect(sliding.expiryAnswers == .all)
    }

    @Test func `only an explicit none takes the end from sessions, and it is warned of`() throws {
        #expect(try Self.sliding("buffer: 10m").sessionCap == Defaults.sessionCap)
        #expect(try Self.sliding("buffer: 10m, session_cap: none").sessionCap == nil)
        #expect(try warnings(Sample.yaml("sliding: { buffer: 10m, session_cap: none }")).count == 1)
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, session_cap: }")).count == 1)
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, session_cap: 0s }")).count == 1)
    }

    @Test(arguments: ["10m", "11m"])
    func `a buffer that is not less than the lifetime is refused`(_ buffer: String) {
        #expect(errors(Sample.yaml("sliding: { lifetime: 10m, buffer: \(buffer) }")).count == 1)
        #expect(errors(Sample.yaml("sliding: { lifetime_max: 10m, buffer: \(buffer) }")).count == 1)
    }

    @Test func `a buffer of more than half the lifetime is warned of, half is not`() throws {
        #expect(try warnings(Sample.yaml("sliding: { lifetime: 19m, buffer: 10m }")).count == 1)
        #expect(try warnings(Sample.yaml("sliding: { lifetime: 20m, buffer: 10m }")).isEmpty)
        #expect(try warnings(Sample.yaml("sliding: { buffer: 51% }")).count == 1)
        #expect(try warnings(Sample.yaml("sliding: { buffer: 50% }")).isEmpty)
    }

    @Test(arguments: ["0%", "100%", "33.5%", "%", "-1%", "0s", "500ms", "1500ms", "10", "ten", "[ 10m ]", "4000d"])
    func `a buffer is a whole number of seconds or of hundredths`(_ buffer: String) {
        #expect(errors(Sample.yaml("sliding: { buffer: \(buffer) }")).count == 1)
    }

    @Test func `a buffer has to be written`() {
        #expect(errors(Sample.yaml("sliding: {}")).map(\.message) == ["buffer is missing"])
    }

    @Test func `a quantum is at most the buffer`() throws {
        #expect(try Self.sliding("buffer: 10m, quantum: 10m").quantum == .seconds(600))
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, quantum: 601s }")).count == 1)
    }

    @Test func `a session that ends before the first renewal is refused, one that allows none is warned of`() throws {
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, session_cap: 10m }")).count == 1)
        #expect(try warnings(Sample.yaml("sliding: { buffer: 10m, session_cap: 11m }")).isEmpty)
        #expect(try warnings(Sample.yaml("sliding: { lifetime: 30m, buffer: 10m, session_cap: 30m }")).count == 1)
    }

    @Test(arguments: [
        ("header", Configuration.Sliding.Delivery.header("X-Refresh-Token")),
        ("authorization", .authorization),
        ("{ header: X-New-Token }", .header("X-New-Token")),
        ("{ cookie: sid }", .cookie(.init(name: "sid", path: "/", domain: nil, sameSite: .lax))),
        ("cookie", .cookie(.init(name: "__Host-token", path: "/", domain: nil, sameSite: .lax))),
        (
            "{ cookie: { name: t, path: /app, domain: Example.com, same_site: none } }",
            .cookie(.init(name: "t", path: "/app", domain: "example.com", sameSite: .none))
        ),
    ])
    func `a successor is delivered in one of three ways`(_ text: String, _ delivery: Configuration.Sliding.Delivery) throws {
        #expect(try Self.sliding("buffer: 10m, deliver: \(text)").delivery == delivery)
    }

    @Test(arguments: [
        "{ header: \"X Token\" }", "{ header: \"\" }", "{ header: Content-Length }", "{ header: set-cookie }",
        "{ header: Transfer_Encoding }", "{ header: Access-Control-Allow-Origin }", "{ header: \"X:\" }", "{ header: \"X\\r\\nY\" }",
        "{ header: A, cookie: B }", "{}", "body", "{ cookie: { name: \"a b\" } }", "{ cookie: { name: \"a=b\" } }",
        "{ cookie: { name: __Host-a, domain: example.com } }", "{ cookie: { name: __Host-a, path: /x } }",
        "{ cookie: { name: a, path: x } }", "{ cookie: { name: a, path: \"/;Domain=evil\" } }",
        "{ cookie: { name: a, domain: \"a;b\" } }",
        "{ cookie: { same_site: Lax } }", "{ cookie: { secure: false } }",
    ])
    func `what could break a response, or the cookie's protection, is refused`(_ text: String) {
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, deliver: \(text) }")).count == 1)
    }

    @Test func `one header has one use`() {
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, opt_out: x-refresh-token }")).count == 1)
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, expires_in: { token: X-A, session: x-a } }")).count == 1)
    }

    @Test(arguments: ["[ 199 ]", "[ 600 ]", "[ 401, 401 ]", "[ 4O1 ]", "[ -401 ]", "[ 99999999999999999999 ]"])
    func `an excepted status is a final one, once`(_ text: String) {
        #expect(errors(Sample.yaml("sliding: { buffer: 10m, except_statuses: \(text) }")).count == 1)
    }

    @Test func `no status may be excepted`() throws {
        #expect(try Self.sliding("buffer: 10m, except_statuses: []").exceptStatuses == [])
    }

    @Test func `a cookie that is not read back is warned of`() throws {
        let deliver = "sliding: { buffer: 10m, deliver: { cookie: a } }"
        #expect(try warnings(Sample.yaml(deliver)).count == 1)
        #expect(try warnings(Sample.yaml(deliver, "tokens: { from: { cookie: a } }")).isEmpty)
    }

    @Test func `sliding where no route slides is warned of`() throws {
        #expect(try warnings(Sample.yaml("routes: [ { path: /, slide: false } ]")).count == 1)
    }

    // MARK: Tokens

    @Test func `every member of tokens is read`() throws {
        let yaml = Sample.yaml(
            "tokens: { issuer: [ a, b ], audience: api, leeway: 30s, limits: { bytes: 4KiB }, realm: My API, typ: at+jwt, "
                + "from: [ authorization, { cookie: c }, { header: X-T }, websocket_protocol ] }")
        let tokens = try Configuration(yaml: yaml, file: "f").tokens
        #expect(tokens.issuers == ["a", "b"])
        #expect(tokens.audiences == ["api"])
        #expect(tokens.leeway == .seconds(30))
        #expect(tokens.bytesMax == 4096)
        #expect(tokens.realm == "My API")
        #expect(tokens.types == ["at+jwt"])
        #expect(tokens.sources == [.authorization, .cookie(name: "c"), .header(name: "X-T"), .webSocketProtocol])
    }

    @Test(arguments: [
        "issuer: []", "issuer: [ a, a ]", "issuer: { a: b }", "audience: []", "audience: \"\"", "leeway: 11m", "leeway: 100ms",
        "leeway: -1s", "from: []", "from: [ query ]", "from: [ { query: token } ]", "from: [ authorization, authorization ]",
        "from: [ { header: X-T }, { header: x-t } ]", "from: { header: Authorization }", "from: { header: Cookie }",
        "from: { cookie: \"a b\" }", "from: { cookie: a, header: b }", "limits: { bytes: 100B }", "limits: { bytes: 1MiB }",
        "limits: 8KiB", "realm: \"a\\\"b\"", "realm: \"a\\\\b\"", "realm: \"a\\r\\nb\"", "realm: ü", "typ: []", "typ: \"a b\"",
    ])
    func `what a token rule may not be`(_ member: String) {
        #expect(errors(Sample.yaml("tokens: { \(member) }")).count >= 1)
    }

    @Test func `a token has to fit in a head`() {
        #expect(errors(Sample.yaml("tokens: { limits: { bytes: 32KiB } }")).count == 1)
        #expect(errors(Sample.yaml("tokens: { limits: { bytes: 32KiB } }", "limits: { head: 64KiB }")).isEmpty)
    }
}
