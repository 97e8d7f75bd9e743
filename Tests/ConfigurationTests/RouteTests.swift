import Testing

@testable import Configuration

@Suite("Routes, upstreams and CORS")
struct RouteTests {
    static func route(_ members: String) throws -> Configuration.Route {
        try #require(try Configuration(yaml: Sample.yaml("routes: [ { \(members) } ]"), file: "f").routes.first)
    }

    @Test func `every member is read`() throws {
        let route = try Self.route(
            "path: /admin/, host: [ API.example, \"*.a.example\" ], methods: [ GET, PURGE ], auth: optional, slide: false, "
                + "require: { role: [ admin, root ], tenant: 7 }, upstream: default, "
                + "forward: { authorization: renewed, claims: { X-User-Id: sub } }, streams: session")
        #expect(route.pathPrefix == "/admin/")
        #expect(route.hosts == ["api.example", "*.a.example"])
        #expect(route.methods == ["GET", "PURGE"])
        #expect(route.authentication == .optional)
        #expect(!route.slides)
        #expect(route.streams == .session)
        #expect(route.require == [.init(claim: "role", values: ["admin", "root"]), .init(claim: "tenant", values: ["7"])])
        #expect(route.authorization == .renewed)
        #expect(route.claimHeaders == [.init(header: "X-User-Id", claim: "sub")])
        #expect(route.place.path == "routes[0]")
    }

    @Test(arguments: ["/", "/a", "/a/", "/a/b.c~d_e-f", "/a;b=c", "/a:b@c!$&'()*+,", "/caf%C3%A9", "/a%20b"])
    func `a path in normal form is taken`(_ path: String) throws {
        #expect(try Self.route("path: \"\(path)\"").pathPrefix == path)
    }

    @Test(arguments: [
        "", "a", "a/b", "//", "/a//b", "/.", "/a/..", "/a/./b", "/a?b", "/a#b", "/a b", "/é", "/a%", "/a%2", "/a%zz", "/%61",
        "/%7e", "/a%2Fb", "/a%2fb", "/a%5Cb", "/%00", "/%0A", "/a\\\\b", "/<", "/^", "/[a]", "/%c3%a9", "http://a/b", "/*|",
    ])
    func `a path that no normalised request has is refused`(_ path: String) {
        #expect(errors(Sample.yaml("routes: [ { path: \"\(path)\" } ]")).count == 1)
    }

    @Test func `an encoded slash in a path needs paths that keep it`() {
        #expect(errors(Sample.yaml("routes: [ { path: /a%2Fb } ]", "paths: { encoded_slashes: keep }")).isEmpty)
    }

    @Test(arguments: [
        "upstream: x", "path: /, upstream: nowhere", "path: /, host: \"a:80\"", "path: /, host: \"*\"", "path: /, host: \"a.*\"",
        "path: /, host: \"*.*.a\"", "path: /, host: [ a, A ]", "path: /, methods: get", "path: /, methods: []",
        "path: /, methods: [ GET, GET ]", "path: /, methods: CONNECT", "path: /, methods: \"G T\"", "path: /, auth: maybe",
        "path: /, slide: perhaps", "path: /, require: [ a ]", "path: /, require: { a: [] }", "path: /, require: { \"\": a }",
        "path: /, auth: none, require: { a: b }", "path: /, auth: none, forward: { claims: { X-A: b } }",
        "path: /, auth: none, slide: true", "path: /, auth: none, streams: session", "path: /, streams: all", "path: /, forward: { authorization: none }",
        "path: /, forward: { claims: { Host: sub } }", "path: /, forward: { claims: { Authorization: sub } }",
        "path: /, forward: { claims: { \"X A\": sub } }", "path: /, forward: { claims: { X-A: \"\" } }",
        "path: /, forward: { claims: { X-A: sub, x_a: sub } }", "path: /, forward: { claims: { X-Refresh-Token: sub } }",
        "path: /, forward: { identity_token: true }",
    ])
    func `what a route may not be`(_ members: String) {
        #expect(errors(Sample.yaml("routes: [ { \(members) } ]")).count >= 1)
    }

    @Test func `a route without an upstream goes to the only one, and has to choose among several`() {
        let two = "upstreams: { api: 127.0.0.1:1, web: 127.0.0.1:2 }"
        let rest = Sample.listen + Sample.key + two + "\n"
        #expect(errors(rest + "routes: [ { path: / } ]").map(\.message) == ["upstream is missing"])
        #expect(errors(rest).map(\.message) == ["routes is missing"])
        #expect(errors(rest + "routes: [ { path: /, upstream: web } ]").isEmpty)
        #expect(errors(rest + "routes: [ { path: /, upstream: wbe } ]").first?.suggestion == "web")
    }

    @Test func `routes that match the same requests are refused`() {
        #expect(errors(Sample.yaml("routes: [ { path: / }, { path: / } ]")).count == 1)
        #expect(errors(Sample.yaml("routes: [ { path: /, methods: [ GET, POST ] }, { path: /, methods: POST } ]")).count == 1)
        #expect(errors(Sample.yaml("routes: [ { path: /, host: a }, { path: /, host: [ b, a ] } ]")).count == 1)
        #expect(errors(Sample.yaml("routes: [ { path: / }, { path: /, host: a }, { path: /, methods: GET }, { path: /a } ]")).isEmpty)
    }

    @Test func `renewed authorization and an explicit slide need sliding`() throws {
        let rest = Sample.listen + Sample.upstream + Sample.key
        #expect(errors(rest + "routes: [ { path: /, forward: { authorization: renewed } } ]").count == 1)
        #expect(try warnings(rest + "routes: [ { path: /, slide: true } ]").count == 1)
    }

    @Test func `no routes is not an empty list of routes`() {
        #expect(errors(Sample.yaml("routes: []")).count == 1)
    }

    // MARK: Upstreams and listeners

    @Test func `an upstream in long form is read`() throws {
        let yaml = Sample.yaml(
            "upstream: { servers: [ { address: \"api:9000\" } ], keepalive: 0, timeouts: { connect: 250ms, response: 5m, idle: 10s } }")
        let upstream = try #require(try Configuration(yaml: yaml, file: "f").upstreams.first)
        #expect(upstream.servers.map(\.address.value) == [Endpoint(host: .name("api"), port: 9000)])
        #expect(upstream.servers.first?.address.place == Place(path: "upstream.servers[0].address", line: 4, column: 35))
        #expect(upstream.keepaliveMax == 0)
        #expect(upstream.connectTimeout == .milliseconds(250))
        #expect(upstream.responseTimeout == .seconds(300))
        #expect(upstream.idleTimeout == .seconds(10))
    }

    @Test(arguments: [
        "127.0.0.1:0", "{ servers: [] }", "{ keepalive: 3 }", "{ servers: [ a:1, a:1 ] }", "{ servers: [ { address: a:1, weight: 1001 } ] }",
        "{ servers: a:1, balance: fastest }", "{ servers: a:1, retries: 2 }", "{ servers: a:1, health: good }",
        "{ servers: a:1, keepalive: -1 }", "{ servers: a:1, timeouts: { connect: 0s } }",
        "{ servers: a:1, timeouts: { connect: 2d } }", "[ a:1 ]",
    ])
    func `what an upstream may not be`(_ upstream: String) {
        #expect(errors(Sample.yaml("upstream: \(upstream)")).count == 1)
    }

    @Test(arguments: [
        ("listen: 127.0.0.1:0", 1), ("listen: [ 127.0.0.1:1, \"[::1]:1\" ]", 2), ("listen: [ 127.0.0.1:0, \"[::1]:0\" ]", 2),
        ("listeners: [ { address: 127.0.0.1:1 } ]", 1),
    ])
    func `listeners are read`(_ line: String, _ count: Int) throws {
        let yaml = line + "\n" + Sample.upstream + Sample.key
        #expect(try Configuration(yaml: yaml, file: "f").listeners.count == count)
    }

    @Test(arguments: [
        "listen: []", "listen: [ a:1, a:1 ]", "listen: [ 127.0.0.1:0, 127.0.0.1:0 ]", "listen: { address: a:1 }", "listeners: []", "listeners: [ {} ]", "listeners: [ a:1 ]",
        "listeners: { address: a:1 }", "listeners: [ { address: a:1, tls: {} } ]", "listeners: [ { address: a:1, proxy_protocol: true } ]",
    ])
    func `what a listener may not be`(_ line: String) {
        #expect(errors(line + "\n" + Sample.upstream + Sample.key).count == 1)
    }

    @Test func `an IPv6 address without quotes gets a hint`() {
        #expect(errors("listen: [::1]:8080\n").first?.expected?.contains("quotes") == true)
    }

    @Test(arguments: [("auto", Configuration.Workers.automatic), ("1", .count(1)), ("1024", .count(1024))])
    func `workers are a number or auto`(_ text: String, _ workers: Configuration.Workers) throws {
        #expect(try Configuration(yaml: Sample.yaml("workers: \(text)"), file: "f").workers == workers)
    }

    @Test(arguments: ["0", "1025", "-1", "two", "1.5", "[ 1 ]", ""])
    func `other numbers of workers are refused`(_ text: String) {
        #expect(errors(Sample.yaml("workers: \(text)")).count == 1)
    }

    // MARK: CORS

    @Test func `every member of cors is read`() throws {
        let yaml = Sample.yaml(
            "cors: { origins: [ \"https://App.example\", \"http://localhost:3000\", \"http://[::1]:80800\" ], credentials: true }")
        #expect(errors(yaml).count == 1)
        let right = Sample.yaml(
            "cors: { origins: [ \"https://App.example\", \"http://localhost:3000\", \"http://[::1]:8080\" ], credentials: true, "
                + "methods: [ GET ], headers: X-A, expose: [ X-B ], max_age: 1h }")
        let cors = try #require(try Configuration(yaml: right, file: "f").cors)
        #expect(cors.origins == .listed(["https://app.example", "http://localhost:3000", "http://[::1]:8080"]))
        #expect(cors.credentials)
        #expect(cors.methods == ["GET"])
        #expect(cors.headers == ["X-A"])
        #expect(cors.expose == ["X-B"])
        #expect(cors.maxAge == .seconds(3600))
    }

    @Test func `any origin with credentials is refused, without them it is taken`() throws {
        #expect(errors(Sample.yaml("cors: { origins: \"*\", credentials: true }")).count == 1)
        let cors = try Configuration(yaml: Sample.yaml("cors: { origins: \"*\" }"), file: "f").cors
        #expect(cors?.origins == .any)
    }

    @Test(arguments: [
        "origins: []", "origins: [ \"*\", \"https://a.example\" ]", "origins: \"null\"", "origins: a.example",
        "origins: \"https://a.example/\"", "origins: \"https://a.example:443\"", "origins: \"http://a.example:80\"",
        "origins: \"https://*.a.example\"", "origins: \"ftp://a.example\"", "origins: \"https://\"", "origins: \"https://a b\"",
        "origins: [ \"https://a.example\", \"https://A.example\" ]", "origins: \"https://a.example\", credentials: sure",
        "origins: \"https://u@a.example\"", "origins: \"https://a.example\", headers: \"*\"", "origins: \"https://a.example\", max_age: 2d",
        "credentials: true",
    ])
    func `what cors may not be`(_ members: String) {
        #expect(errors(Sample.yaml("cors: { \(members) }")).count == 1)
    }

    // MARK: Limits and the rest

    @Test func `limits, timeouts, paths and logs are read`() throws {
        let yaml = Sample.yaml(
            "limits: { head: 64KiB, fields: 50, target: 4KiB, body: none, connections: 10 }",
            "timeouts: { head: 1s, idle: 2s, body: 3s, write: 4s, tunnel: 5s, drain: 0s, drain_idle: 5s }", "paths: { encoded_slashes: keep }",
            "logs: { decisions: all, to: stdout }")
        let configuration = try Configuration(yaml: yaml, file: "f")
        #expect(configuration.limits == .init(headBytesMax: 65536, fieldCountMax: 50, targetBytesMax: 4096, bodyBytesMax: nil, connectionsMax: 10))
        #expect(configuration.timeouts == .init(head: .seconds(1), idle: .seconds(2), body: .seconds(3), write: .seconds(4), tunnel: .seconds(5), drain: .zero, drainIdle: .seconds(5)))
        #expect(configuration.paths.encodedSlashes == .keep)
        #expect(configuration.logs == .init(decisions: .all, destination: .stdout))
    }

    @Test(arguments: [
        "limits: { head: 100B }", "limits: { head: 2MiB }", "limits: { head: 8KiB }", "limits: { fields: 0 }", "limits: { body: lots }", "limits: { body: 10MB }",
        "limits: { connections: 0 }", "limits: { failed_verifications: 20 }", "limits: { target: 32KiB }", "timeouts: { head: 0s }",
        "timeouts: { head: 10 }", "timeouts: { drain: 2d }", "paths: { encoded_slashes: decode }", "logs: { decisions: some }",
        "logs: { access: text }", "logs: { to: /var/log/a }",
    ])
    func `what limits, timeouts, paths and logs may not be`(_ line: String) {
        #expect(errors(Sample.yaml(line)).count >= 1)
    }
}
