import ProxyProtocol
import Testing

@testable import Configuration

@Suite("Forward authentication")
struct ForwardAuthTests {
    private static let trusted = "trusted_proxies: [ 127.0.0.1 ]"
    private static let alone = Sample.listen + Sample.key + trusted + "\n"

    @Test(arguments: Configuration.ForwardAuth.Proxy.allCases)
    func `a path and who asks there are all there is to say`(_ proxy: Configuration.ForwardAuth.Proxy) throws {
        let yaml = Sample.yaml(Self.trusted, "forward_auth: { path: /decide, proxy: \(proxy.rawValue) }")
        let endpoints = try Configuration(yaml: yaml, file: "f.yaml").forwardAuth
        #expect(endpoints.map(\.path) == ["/decide"] && endpoints.map(\.proxy) == [proxy])
        #expect(try warnings(yaml).count == (proxy == .traefik ? 1 : 0))
    }

    @Test func `where Traefik asks, tokens have to go by cookie`() throws {
        let asked = Self.trusted + "\nforward_auth: { path: /decide, proxy: traefik }"
        let file = { (sliding: String) in Sample.listen + Sample.key + "upstream: a:1\n\(asked)\n\(sliding)\n" }
        let warning = "Traefik hands only cookies to clients"
        let isHeard = { (sliding: String) in try warnings(file(sliding)).contains { $0.message.contains(warning) } }
        #expect(try isHeard("sliding: { buffer: 10m }"))
        #expect(try isHeard("sliding: { buffer: 10m, deliver: authorization }"))
        let cookie = "sliding: { buffer: 10m, deliver: { cookie: { name: __Host-t } } }\ntokens: { from: [ { cookie: __Host-t } ] }"
        #expect(try !isHeard(cookie))
        #expect(try !isHeard(""))
    }

    @Test func `several proxies may ask, each at a path of its own`() throws {
        let list = "forward_auth: [ { path: /n, proxy: nginx }, { path: /e, proxy: envoy } ]"
        #expect(try Configuration(yaml: Sample.yaml(Self.trusted, list), file: "f.yaml").forwardAuth.map(\.path) == ["/n", "/e"])
        for paths in [("/n", "/n"), ("/n", "/n/m"), ("/n/m", "/n")] {
            let twice = "forward_auth: [ { path: \(paths.0), proxy: nginx }, { path: \(paths.1), proxy: caddy } ]"
            #expect(errors(Sample.yaml(Self.trusted, twice)).map(\.place.path) == ["forward_auth[1]"])
        }
        // Envoy puts the original's path right behind this one.
        let close = "forward_auth: [ { path: /near, proxy: nginx }, { path: /ne, proxy: envoy } ]"
        #expect(errors(Sample.yaml(Self.trusted, close)).count == 1)
    }

    @Test func `somebody must be trusted to ask`() {
        #expect(errors(Sample.yaml("forward_auth: { path: /decide, proxy: nginx }")).map(\.place.path) == ["forward_auth"])
    }

    @Test(arguments: [
        ("{ path: /decide }", "proxy is missing"), ("{ proxy: nginx }", "path is missing"),
        ("{ path: /decide, proxy: apache }", "nginx, caddy, traefik, envoy or haproxy"), ("{ path: decide, proxy: nginx }", "does not begin with"),
        ("{ path: /, proxy: envoy }", "ends with a slash"), ("{ path: /decide/, proxy: envoy }", "ends with a slash"),
        ("{ path: /a/../b, proxy: nginx }", "dot segment"), ("[]", "no path"), ("/decide", "expected a mapping"),
        ("{ path: /decide, proxy: nginx, header: X-A }", "header"),
    ])
    func `what is wrong is said`(_ value: String, _ part: String) {
        let lines = diagnostics(Sample.yaml(Self.trusted, "forward_auth: \(value)"))
        #expect(lines.contains { $0.contains(part) }, "\(lines)")
        #expect(!errors(Sample.yaml(Self.trusted, "forward_auth: \(value)")).isEmpty)
    }

    @Test func `what the gateway serves itself stays within reach`() {
        let decide = "forward_auth: { path: /auth, proxy: envoy }"
        #expect(errors(Sample.yaml(Self.trusted, decide, "publish_keys: /auth/keys")).map(\.place.path) == ["forward_auth"])
        let sessions = "sessions: { store: memory, secret_file: s, endpoints: { logout: /authentication/logout } }"
        #expect(errors(Sample.yaml(Self.trusted, decide, sessions)).map(\.place.path) == ["forward_auth"])
        let nginx = "forward_auth: { path: /auth, proxy: nginx }"
        #expect(errors(Sample.yaml(Self.trusted, nginx, sessions)).isEmpty)
    }

    @Test func `the files for browsers are elsewhere`() {
        for (browser, proxy) in [("/decide", "nginx"), ("/decide/files", "nginx"), ("/d", "envoy"), ("/decider", "envoy")] {
            let path = browser == "/d" ? "/d/decide" : "/decide"
            let yaml = Sample.yaml(
                Self.trusted, "forward_auth: { path: \(path), proxy: \(proxy) }", "browser: \(browser)",
                "routes: [ { path: /api } ]")
            #expect(errors(yaml).map(\.place.path) == ["forward_auth"], "\(browser)")
        }
    }

    @Test func `a route that no request reaches is warned of`() throws {
        let yaml = Sample.yaml(Self.trusted, "forward_auth: { path: /decide, proxy: nginx }", "routes: [ { path: /decide/x }, { path: / } ]")
        #expect(try warnings(yaml).map(\.place.path) == ["routes[0]"])
    }

    @Test func `an upstream may be missing, and then none can be named`() throws {
        let decide = "forward_auth: { path: /decide, proxy: nginx }\n"
        let configuration = try Configuration(yaml: Self.alone + decide + "routes: [ { path: /a }, { path: / } ]", file: "f.yaml")
        #expect(configuration.upstreams.isEmpty && configuration.routes.count == 2 && configuration.warnings.isEmpty)
        #expect(try Configuration(yaml: Self.alone + decide, file: "f.yaml").routes.count == 1)
        #expect(errors(Self.alone + decide + "routes: [ { path: /, upstream: api } ]").map(\.place.path) == ["routes[0].upstream"])
        #expect(errors(Self.alone).contains { $0.message.contains("upstream is missing") })
    }

    @Test func `without an upstream nothing can be promised about what reaches it`() {
        let decide = "forward_auth: { path: /decide, proxy: nginx }\n"
        let stripped = "routes: [ { path: /, forward: { authorization: stripped } } ]\n"
        #expect(errors(Self.alone + decide + stripped).map(\.place.path) == ["routes[0]"])
        let login = "sessions: { store: memory, secret_file: s, endpoints: { login: { path: /login, claims: { header: X-C } } } }\n"
        #expect(errors(Self.alone + decide + login).map(\.place.path) == ["sessions.endpoints.login"])
    }
}
