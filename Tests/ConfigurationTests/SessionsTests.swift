import Testing

@testable import Configuration

@Suite("sessions")
struct SessionsTests {
    typealias Sessions = Configuration.Sessions

    static func sessions(_ members: String, _ rest: String...) throws -> Sessions {
        let file = Sample.yaml("sessions: { \(members) }") + rest.map { $0 + "\n" }.joined()
        return try #require(try Configuration(yaml: file, file: "f.yaml").sessions)
    }

    static func messages(_ members: String, _ rest: String...) -> String {
        diagnostics(Sample.yaml("sessions: { \(members) }") + rest.map { $0 + "\n" }.joined()).joined(separator: "\n")
    }

    private static let file = "store: sqlite:a.db, secret_file: s"

    // MARK: The whole

    @Test func `a store alone is enough, and the rest are the defaults`() throws {
        let sessions = try Self.sessions("store: sqlite:a.db")
        #expect(sessions.store.value == .sqlite(path: "a.db"))
        #expect(sessions.secret == nil)
        #expect(sessions.accessLifetime == Defaults.accessLifetime)
        #expect(sessions.refresh.policy == .slidingWithCap(Defaults.refreshCap))
        #expect(sessions.refresh.rotates)
        #expect(sessions.refresh.perUserMax == nil)
        #expect(sessions.cookie == Sessions.Cookie(name: "__Host-refresh", sameSite: .strict))
        #expect(!sessions.endpoints.isAny)
        #expect(try warnings(Sample.yaml("sessions: { store: sqlite:a.db }")) == [])
    }

    @Test(arguments: [
        ("", "store is missing"), ("store: sqlite:a.db, stoer: memory", "did you mean \"store\"?"),
        ("store: sqlite:a.db, secret_file: a, secret_env: A", "secret_file already says where the secret is"),
        ("store: sqlite:a.db, previous_secret_file: a", "there is no secret that it was before"),
        ("store: sqlite:a.db, secret_file: a, previous_secret_file: a", "is the secret of now"),
        ("store: sqlite:a.db, secret: s3cret", "unknown key \"secret\""),
        ("store: sqlite:a.db, endpoints: { logout: /logout }", "endpoints need a secret"),
        ("store: sqlite:a.db, sweep: 0s", "out of range"),
        ("store: sqlite:a.db, cookie: \"a b\"", "is no cookie name"),
        ("store: sqlite:a.db, device: { id: X-A, name: x-a }", "two things use one header"),
        ("store: sqlite:a.db, device: { id: Cookie }", "relies on"),
    ])
    func `what is wrong is said`(_ members: String, _ message: String) { #expect(Self.messages(members).contains(message)) }

    @Test func `a memory store is warned of, since a restart logs everyone out`() throws {
        let found = try warnings(Sample.yaml("sessions: { store: memory }"))
        #expect(found.count == 1)
        #expect(found.first?.place.path == "sessions.store")
        #expect(found.first?.message.contains("a restart logs everyone out") == true)
    }

    // MARK: Stores

    static let redis = Endpoint(host: .ipv4("10.0.0.5"), port: 6379)

    @Test(arguments: [
        ("redis://10.0.0.5:6379", redis, 0), ("redis://10.0.0.5", redis, 0), ("redis://10.0.0.5/3", redis, 3),
        ("redis://10.0.0.5:6379/15", redis, 15), ("redis://cache", Endpoint(host: .name("cache"), port: 6379), 0),
        ("redis://[::1]:1/0", Endpoint(host: .ipv6("::1"), port: 1), 0), ("redis://[::1]", Endpoint(host: .ipv6("::1"), port: 6379), 0),
        ("redis+unix:/run/redis.sock", Endpoint(host: .unix(path: "/run/redis.sock"), port: 0), 0),
    ])
    func `a Redis is named by a URL`(_ text: String, _ endpoint: Endpoint, _ database: Int) throws {
        guard case .redis(let redis) = try Self.sessions("store: \"\(text)\"").store.value else {
            Issue.record("no Redis: \(text)")
            return
        }
        #expect(redis.server == .address(endpoint))
        #expect(redis.database == database)
        #expect(redis.prefix == "slidegate:" && redis.timeout == .seconds(1))
        #expect(redis.username == nil && redis.password == nil)
    }

    @Test(arguments: [
        ("redis://:topsecret@10.0.0.5:6379", "a user or a password does not belong in this address"),
        ("redis://sg:topsecret@10.0.0.5", "password_file"),
        ("redis+unix://sg:topsecret@/run/a.sock", "password_file"),
        ("rediss://10.0.0.5:6379", "the hiredis of Debian 12 has none"), ("rediss://:topsecret@h", "stunnel"),
        ("valkey://10.0.0.5:6379", "did you mean \"redis\"?"), ("redis:/10.0.0.5", "is no address of a Redis"),
        ("redis://10.0.0.5:0", "has port 0"), ("redis://10.0.0.5:6379/x", "is no database"), ("redis://10.0.0.5:6379/70000", "is no database"),
        ("redis://10.0.0.5:6379/0?password=topsecret", "is no database"), ("redis://", "is a port without an address"),
        ("redis+unix:redis.sock", "has no absolute path"), ("sqlite:", "names no file"), ("sqlite:/tmp/", "names no file"),
        ("sqlite:///var/a.db", "did you mean \"sqlite:/var/a.db\"?"), ("sqlite::memory:", "did you mean \"memory\"?"),
        ("memroy", "did you mean \"memory\"?"), ("postgres://a", "is no kind of store"), ("sqllite:a", "did you mean \"sqlite\"?"),
    ])
    func `what is no store is refused, and a password in it never repeated`(_ text: String, _ message: String) {
        let said = Self.messages("store: \"\(text)\"")
        #expect(said.contains(message), "\(said)")
        #expect(said.contains("f.yaml:5:20: sessions.store: "))
        #expect(!said.contains("topsecret"))
    }

    @Test func `the long form has everything`() throws {
        let sessions = try Self.sessions(
            "store: { redis: { sentinels: [ a:26379, b:26379 ], service: main, username: u, password_file: p, "
                + "sentinel_username: s, sentinel_password_env: SP, database: 2, prefix: \"x:\", timeout: 250ms } }")
        guard case .redis(let redis) = sessions.store.value, case .sentinels(let sentinels) = redis.server else {
            Issue.record("no sentinels")
            return
        }
        #expect(sentinels.addresses.map(\.description) == ["a:26379", "b:26379"])
        #expect(sentinels.service == "main" && sentinels.username == "s")
        #expect(sentinels.password?.value == .environment("SP"))
        #expect(redis.username == "u" && redis.password?.value == .file("p"))
        #expect(redis.database == 2 && redis.prefix == "x:" && redis.timeout == .milliseconds(250))
        #expect(try Self.sessions("store: { sqlite: { path: /var/a.db } }").store.value == .sqlite(path: "/var/a.db"))
    }

    @Test(arguments: [
        ("{ redis: {} }", "address is missing"), ("{ redis: { address: a:1, sentinels: [ b:1 ] } }", "address already says"),
        ("{ redis: { sentinels: [ b:1 ] } }", "service is missing"), ("{ redis: { sentinels: [], service: a } }", "no sentinel"),
        ("{ redis: { sentinels: [ b:1, b:1 ], service: a } }", "is there twice"),
        ("{ redis: { address: a:1, service: b } }", "service belongs to sentinels"),
        ("{ redis: { address: a:1, username: u } }", "a user name without a password"),
        ("{ redis: { address: a:1, password_file: p, password_env: P } }", "already says"),
        ("{ redis: { address: a:1, password: p } }", "unknown key \"password\""),
        ("{ redis: { address: a:1, prefix: \"{x}\" } }", "is no prefix"), ("{ redis: { address: a:1, database: -1 } }", "a whole number"),
        ("{ redis: { address: a:1 }, sqlite: { path: a } }", "there is one store"), ("{ sqlite: {} }", "path is missing"), ("{}", "there is one store"),
        ("[ memory ]", "a list is not allowed here"),
    ])
    func `what is wrong with the long form is said`(_ store: String, _ message: String) {
        let said = Self.messages("store: \(store)")
        #expect(said.contains(message), "\(said)")
    }

    // MARK: Times

    @Test func `the three policies`() throws {
        let fixed = try Self.sessions("\(Self.file), refresh: { policy: fixed, lifetime: 1d }")
        #expect(fixed.refresh.policy == .fixed)
        let sliding = try Self.sessions("\(Self.file), refresh: { policy: sliding, rotate: false, per_user: 3 }")
        #expect(sliding.refresh.policy == .sliding && !sliding.refresh.rotates && sliding.refresh.perUserMax == 3)
        let capped = try Self.sessions("\(Self.file), refresh: { lifetime: 2d, cap: 2d }")
        #expect(capped.refresh.policy == .slidingWithCap(.seconds(2 * 86_400)))
    }

    @Test(arguments: [
        ("refresh: { policy: fixed, cap: 30d }", "with policy: fixed a session ends one lifetime after its login anyway"),
        ("refresh: { policy: sliding, cap: 30d }", "with policy: sliding a session has no end"),
        ("refresh: { policy: slidng }", "did you mean \"sliding\"?"),
        ("refresh: { lifetime: 31d }", "a cap of at least the lifetime of 31d"), ("refresh: { cap: 6d }", "sessions.refresh.cap: sessions end after 6d"),
        ("refresh: { lifetime: 5s, grace: 5s }, access: { lifetime: 1s }", "is not less than the lifetime of refresh tokens"),
        ("refresh: { grace: 301s }", "out of range"), ("refresh: { grace: 1500ms }", "whole number of seconds"),
        ("access: { lifetime: 7d }", "access tokens live 7d, refresh tokens no longer"),
        ("refresh: { per_user: 0 }", "a whole number from 1 to 10000"),
        ("revocation: { poll: 3s }", "an away_after of at least twice the poll"), ("revocation: { away_after: 400ms }", "at least twice the poll"),
    ])
    func `times that contradict each other are refused`(_ members: String, _ message: String) {
        let said = Self.messages("\(Self.file), \(members)")
        #expect(said.contains(message), "\(said)")
    }

    @Test(arguments: [
        ("refresh: { policy: sliding }", "sessions have no end"), ("refresh: { rotate: false, grace: 5s }", "refresh tokens do not rotate"),
    ])
    func `what is allowed but hardly meant is warned of`(_ members: String, _ message: String) throws {
        let found = try warnings(Sample.yaml("sessions: { \(Self.file), \(members) }"))
        #expect(found.map(\.message).joined().contains(message))
    }

    @Test func `access tokens that slide beyond their session are warned of`() throws {
        let members = "\(Self.file), refresh: { policy: fixed, lifetime: 1d }, endpoints: { refresh: /r }"
        let long = try warnings(Sample.yaml("sessions: { \(members) }", "sliding: { buffer: 10m, session_cap: 2d }"))
        #expect(long.map(\.message).joined().contains("slide beyond their session: it ends after 1d, sliding.session_cap is 2d"))
        #expect(try warnings(Sample.yaml("sessions: { \(members) }", "sliding: { buffer: 10m, session_cap: 1d }")) == [])
    }

    // MARK: Keys

    @Test func `endpoints take a key that signs`() throws {
        let verifier = "key: { algorithm: RS256, public_key_file: a.pem }"
        let said = diagnostics("listen: a:1\nupstream: a:1\n\(verifier)\nsessions: { \(Self.file), endpoints: { refresh: /r } }\n").joined()
        #expect(said.contains("no key can sign, and sessions need one that does"))
        #expect(errors("listen: a:1\nupstream: a:1\n\(verifier)\nsessions: { store: sqlite:a }\n") == [])
        let signer = try Configuration(
            yaml: "listen: a:1\nupstream: a:1\n\(Sample.key)sessions: { \(Self.file), endpoints: { refresh: /r } }\n", file: "f")
        #expect(signer.signingKey == 0)
        let two = "keys: [ { id: a, algorithm: HS256, secret_file: a }, { id: b, algorithm: HS256, secret_file: b } ]"
        #expect(
            diagnostics("listen: a:1\nupstream: a:1\n\(two)\nsessions: { \(Self.file), endpoints: { refresh: /r } }\n").joined()
                .contains("2 keys could sign tokens"))
    }

    @Test func `without a key there is nothing to serve endpoints with`() {
        let said = diagnostics(
            "listen: a:1\nupstream: a:1\nroutes: [ { path: /, auth: none } ]\nsessions: { \(Self.file), endpoints: { refresh: /r } }\n").joined()
        #expect(said.contains("key is missing"))
    }

    // MARK: Routes

    @Test func `routes are closed unless they say so`() throws {
        let configuration = try Configuration(
            yaml: Sample.yaml("sessions: { store: sqlite:a }", "routes: [ { path: / }, { path: /a, store_away: open } ]"), file: "f")
        #expect(configuration.routes.map(\.storeAway) == [.closed, .open])
        #expect(
            diagnostics(Sample.yaml("sessions: { store: sqlite:a }", "routes: [ { path: /, auth: none, store_away: open } ]")).joined()
                .contains("with auth: none no token is looked at"))
        #expect(
            diagnostics(Sample.yaml("routes: [ { path: /, store_away: open } ]")).joined()
                .contains("warning: routes[0].store_away: has no effect"))
        #expect(
            diagnostics(Sample.yaml("sessions: { store: sqlite:a }", "routes: [ { path: /, store_away: opne } ]")).joined()
                .contains("did you mean \"open\"?"))
    }

    @Test func `logins make routes of their own, ahead of those of the file and for the same hosts`() throws {
        let configuration = try Configuration(
            yaml: Sample.yaml(
                "sessions: { \(Self.file), endpoints: { login: [ { path: /login }, { path: /a/login, methods: [ POST, PUT ] } ] } }",
                "routes: [ { path: / }, { path: /login, host: b.example } ]"), file: "f")
        let routes = configuration.servedRoutes
        #expect(routes.map(\.pathPrefix) == ["/login", "/login", "/a/login", "/", "/login"])
        #expect(routes.map(\.hosts) == [["b.example"], [], [], [], ["b.example"]])
        #expect(routes.map(\.login) == [0, 0, 1, nil, nil])
        #expect(routes.prefix(3).allSatisfy { $0.authentication == .none && !$0.slides })
        #expect(routes[2].methods == ["POST", "PUT"])
        #expect(configuration.routes.count == 2)
    }
}
