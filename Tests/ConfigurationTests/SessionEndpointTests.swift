import Testing

@testable import Configuration

@Suite("sessions.endpoints")
struct SessionEndpointTests {
    typealias Sessions = Configuration.Sessions

    static func yaml(_ endpoints: String, _ rest: String...) -> String {
        Sample.yaml("sessions: { store: sqlite:a.db, secret_file: s, endpoints: { \(endpoints) } }") + rest.map { $0 + "\n" }.joined()
    }

    static func endpoints(_ text: String) throws -> Sessions.Endpoints {
        try #require(try Configuration(yaml: yaml(text), file: "f.yaml").sessions).endpoints
    }

    private func messages(_ endpoints: String, _ rest: String...) -> String {
        diagnostics(Self.yaml(endpoints) + rest.map { $0 + "\n" }.joined()).joined(separator: "\n")
    }

    @Test func `a path alone is enough where nothing else is to be said`() throws {
        let endpoints = try Self.endpoints(
            "refresh: /r, logout: /o, logout_everywhere: /e, revocation: { path: /v }, sessions: /s, introspection: { path: /i, secret_env: I }")
        #expect(endpoints.refreshes.map(\.endpoint.path) == ["/r"])
        #expect(endpoints.refreshes[0].preset == .oauth2)
        #expect(endpoints.refreshes[0].effectiveToken == .form("refresh_token"))
        #expect(endpoints.logout?.path == "/o" && endpoints.logoutEverywhere?.path == "/e")
        #expect(endpoints.revocation?.path == "/v" && endpoints.sessions?.path == "/s")
        #expect(endpoints.introspection?.secret.value == .environment("I"))
        #expect(endpoints.isAny)
    }

    @Test(arguments: Sessions.Preset.allCases)
    func `each preset has its path and its place for the token`(_ preset: Sessions.Preset) throws {
        let refresh = try Self.endpoints("refresh: { preset: \(preset.rawValue) }").refreshes[0]
        #expect(refresh.endpoint.path == preset.refreshPath)
        #expect(refresh.token == nil && refresh.effectiveToken == preset.token)
        #expect(refresh.endpoint.methods == ["POST"])
        #expect(refresh.answer == Sessions.Answer() && refresh.refusals == [] && refresh.require == nil)
        let elsewhere = try Self.endpoints("refresh: { preset: \(preset.rawValue), path: /x }").refreshes[0]
        #expect(elsewhere.endpoint.path == "/x")
    }

    @Test func `all by hand`() throws {
        let refresh = try Self.endpoints(
            """
            refresh: { path: /r, methods: [ PUT ], token: { json: t }, require: { client: web },
              answer: { status: 201, headers: { X-A: $access_token, X-B: plain, X-C: "$$x" }, cookies: { refresh: true, access: at },
                body: { code: 200, text: "200", yes: true, no: null, "n": -3, d: 1.5, list: [ $new_refresh_token, x ], deep: { user: $claims.user name } } },
              refusals: { missing: { status: 422 }, unavailable: { status: 502, body: { m: $description, c: $code } } } }
            """
        ).refreshes[0]
        #expect(refresh.endpoint.methods == ["PUT"])
        #expect(refresh.token == .json("t"))
        #expect(refresh.require == [Sessions.RefreshEndpoint.Requirement(name: "client", value: "web")])
        #expect(refresh.answer.status == 201 && refresh.answer.hasRefreshCookie == true && refresh.answer.accessCookie == "at")
        #expect(refresh.answer.headers?.map(\.value) == [.placeholder(.accessToken), .text("plain"), .text("$x")])
        func member(_ name: String, _ value: Sessions.Template) -> Sessions.Template.Member { .init(name: name, value: value) }
        #expect(
            refresh.answer.body
                == .object([
                    member("code", .integer(200)), member("text", .text("200")), member("yes", .boolean(true)), member("no", .null),
                    member("n", .integer(-3)), member("d", .text("1.5")), member("list", .list([.placeholder(.newRefreshToken), .text("x")])),
                    member("deep", .object([member("user", .placeholder(.claim("user name")))])),
                ]))
        #expect(refresh.refusals.map(\.kind) == [.missing, .unavailable])
        #expect(refresh.refusals[0].status == 422 && refresh.refusals[0].body == nil)
        #expect(refresh.refusals[1].body == .object([member("m", .placeholder(.description)), member("c", .placeholder(.code))]))
    }

    @Test(arguments: [
        ("refresh: { preset: oauth }", "did you mean \"oauth2\"?"), ("refresh: { preset: OAuth2 }", "did you mean \"oauth2\"?"),
        ("refresh: { path: auth }", "does not begin with \"/\""), ("refresh: { path: /a/../b }", "dot segment"), ("refresh: []", "an empty list"),
        ("refresh: { methods: [ GET ] }", "GET is for what changes nothing"), ("refresh: { token: access, methods: [ GET ] }", "GET is for"),
        ("refresh: { token: cokie }", "did you mean \"cookie\"?"), ("refresh: { token: { form: a, json: b } }", "the token is in one place"),
        ("refresh: { require: { refresh_token: x } }", "is the token itself"),
        ("refresh: { token: bearer, require: { a: b } }", "only the members of a form or of JSON"),
        ("refresh: { answer: { body: [ 1 ] } }", "a mapping: the members of a JSON object"),
        ("refresh: { answer: { body: { a: $acces_token } } }", "did you mean \"$access_token\"?"),
        ("refresh: { answer: { body: { a: $description } } }", "is no placeholder here"),
        ("refresh: { answer: { body: { a: $claims. } } }", "is no placeholder here"),
        ("refresh: { refusals: { invalid: { body: { a: $access_token } } } }", "\"$access_token\" is no placeholder here"),
        ("refresh: { refusals: { invalid: { status: 503 } } }", "from 400 to 499"), ("refresh: { refusals: { unavailable: { status: 400 } } }", "from 500 to 599"),
        ("refresh: { refusals: { invalidd: {} } }", "did you mean \"invalid\"?"),
        ("refresh: { answer: { status: 204 } }", "an answer with this status has no content"), ("refresh: { answer: { status: 302 } }", "from 200 to 299"),
        ("refresh: { answer: { headers: { Set-Cookie: $refresh_token } } }", "is no header that may be set here"),
        ("refresh: { answer: { headers: { X-A: a, x-a: b } } }", "is there twice"),
        ("refresh: { answer: { headers: { X-A: $claims.name } } }", "a claim may be anything"),
        ("refresh: { answer: { cookies: { access: __Host-refresh } } }", "is for refresh tokens"),
        ("refresh: { token: { cookie: other }, preset: cookie }", "the next refresh token goes to the cookie __Host-refresh, not to other"),
        ("refresh: { preset: bearer-access, answer: { cookies: { refresh: true } } }", "there is no refresh token for a cookie"),
        ("login: {}", "path is missing"), ("login: { path: /l, answer: { status: 200 } }", "the status of a login's answer is the upstream's"),
        ("login: { path: /l, claims: { header: A, members: { sub: a } } }", "claims come from one place"),
        ("login: { path: /l, claims: { members: { role: a } } }", "sub is missing"),
        ("login: { path: /l, claims: { members: { sub: a..b } } }", "names no member"),
        ("login: { path: /l, claims: { members: { sub: a, exp: b } } }", "the gateway itself writes exp"),
        ("login: { path: /l, claims: { header: Set-Cookie } }", "relies on"), ("login: { path: /l, content: 2MiB }", "out of range"),
        ("login: { path: /l, upstream: nowhere }", "there is no upstream \"nowhere\""),
        ("introspection: { path: /i }", "without a secret anyone could ask"), ("logout: { methods: [ POST ] }", "unknown key \"methods\""),
        ("logut: /l", "did you mean \"logout\"?"),
    ])
    func `what is wrong is said`(_ endpoints: String, _ message: String) {
        let said = messages(endpoints)
        #expect(said.contains(message), "\(said)")
        #expect(!said.contains("warning"), "\(said)")
    }

    @Test(arguments: [
        ("refresh: /a, logout: /a", "/a is the path of sessions.endpoints.refresh already"),
        ("login: { path: /a }, refresh: /a", "/a is the path of sessions.endpoints.login already"),
        ("login: [ { path: /a }, { path: /a, methods: [ PUT, POST ] } ]", "already"), ("refresh: [ /a, /a ]", "already"),
        ("sessions: /s, logout: /s/out", "/s/out is below /s, where sessions are ended"),
    ])
    func `paths do not collide`(_ endpoints: String, _ message: String) { #expect(messages(endpoints).contains(message)) }

    @Test func `what is no collision is none`() {
        #expect(messages("login: [ { path: /a }, { path: /a, methods: [ PUT ] } ], refresh: [ /b, /c ], sessions: /s, logout: /s2") == "")
    }

    @Test func `published keys have their own path, and routes are told what goes before them`() throws {
        #expect(messages("logout: /keys", "publish_keys: /keys").contains("/keys is where publish_keys serves keys"))
        #expect(messages("logout: /out", "routes: [ { path: / }, { path: /out } ]").contains("requests to /out itself are answered by sessions.endpoints.logout"))
        #expect(messages("login: { path: /in }", "routes: [ { path: / }, { path: /in, auth: none } ]") == "")
        #expect(
            messages("login: { path: /in }", "routes: [ { path: / }, { path: /in, auth: none, methods: [ POST ] } ]")
                .contains("go the way of sessions.endpoints.login"))
    }

    @Test func `access tokens are renewed only where there is sliding`() {
        let file = "listen: a:1\nupstream: a:1\n\(Sample.key)"
        let sessions = "sessions: { store: sqlite:a, secret_file: s, endpoints: { refresh: { preset: bearer-access } } }\n"
        #expect(diagnostics(file + sessions).joined().contains("there is no sliding in this file"))
        #expect(errors(file + Sample.sliding + sessions) == [])
    }

    @Test func `a cookie is for one kind of token`() {
        let cookie = "tokens: { from: [ { cookie: __Host-refresh } ] }"
        #expect(messages("refresh: { preset: cookie }", cookie).contains("the cookie __Host-refresh is for refresh tokens"))
        #expect(
            messages("refresh: { preset: oauth2, answer: { cookies: { access: at } } }")
                .contains("access tokens go to the cookie at, which tokens.from does not read"))
        #expect(
            messages("refresh: { preset: cookie }", "cors: { origins: [ \"https://a.example\" ] }")
                .contains("browsers keep no cookie from a cross-origin answer"))
    }

    @Test func `where access tokens are read from cookies alone, some answer has to set one`() {
        let cookie = "tokens: { from: [ { cookie: __Host-token } ] }"
        let warning = "tokens.from reads access tokens from cookies alone, and none is set here; with answer: { cookies: { access: __Host-token } } it is"
        #expect(messages("login: { path: /login, preset: cookie }", cookie).contains(warning))
        #expect(messages("refresh: { preset: cookie }", cookie).contains(warning))
        #expect(!messages("login: { path: /login, preset: cookie, answer: { cookies: { access: __Host-token } } }", cookie).contains(warning))
        #expect(!messages("login: { path: /login, preset: cookie }", "tokens: { from: [ authorization, { cookie: __Host-token } ] }").contains(warning))
        #expect(!messages("refresh: { preset: bearer-access }", cookie).contains(warning))
    }

    @Test func `an answer is bounded`() {
        let long = String(repeating: "x", count: 9000)
        #expect(messages("refresh: { answer: { body: { a: \(long) } } }").contains("is longer than 8KiB"))
    }
}
