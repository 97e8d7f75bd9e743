import Authentication
import BrowserModule
import JOSE
import Testing

@Suite("The settings of a page, read off the gateway's policy")
struct ClientSettingsTests {
    /// What a page is told of a gateway with that policy.
    static func settings(
        sliding: RenewalPolicy? = nil, from sources: [TokenSourcePolicy.Source] = [.authorization], _ sessions: SessionPolicy? = nil
    ) -> String {
        let policy = AuthenticationPolicy(
            tokens: TokenSourcePolicy(sources: sources), validation: ValidationRules(), sliding: sliding, routes: [])
        return ClientSettings(policy, sessions).json
    }

    static func refresh(_ format: WireFormat, methods: [String] = ["POST"]) -> String {
        settings(SessionPolicy(refreshes: [RefreshEndpoint(path: "/r", methods: methods, format: format)]))
    }

    // MARK: Sliding

    @Test func `a gateway that renews tells in which field, and what its fields are called`() {
        let sliding = RenewalPolicy(
            bufferWindow: .seconds(60), delivery: .header(name: "X-Next"), optOutHeader: "X-Idle", tokenExpiryHeader: "X-Left",
            sessionExpiryHeader: "X-Session-Left")
        #expect(
            Self.settings(sliding: sliding)
                == #"{ "deliver": "header", "header": "X-Next", "send": "authorization", "optOut": "X-Idle", "#
                + #""tokenExpiresIn": "X-Left", "sessionExpiresIn": "X-Session-Left" }"#)
    }

    @Test func `what a gateway does not do is null, since silence would mean the default`() {
        #expect(
            Self.settings()
                == #"{ "deliver": null, "send": "authorization", "optOut": null, "tokenExpiresIn": null, "sessionExpiresIn": null }"#)
    }

    @Test(arguments: [
        (RenewalPolicy.Delivery.authorization, [TokenSourcePolicy.Source.authorization], #""deliver": "authorization", "send": "authorization""#),
        (.cookie(CookieDelivery()), [.cookie(name: "__Host-token"), .authorization], #""deliver": "cookie", "send": "cookie""#),
    ])
    func `successors come as they are delivered`(
        _ delivery: RenewalPolicy.Delivery, _ sources: [TokenSourcePolicy.Source], _ expected: String
    ) {
        let sliding = RenewalPolicy(bufferWindow: .seconds(60), delivery: delivery)
        #expect(Self.settings(sliding: sliding, from: sources).contains(expected))
    }

    @Test(arguments: [
        ([TokenSourcePolicy.Source.header(name: "X-Auth-Token"), .authorization], #""send": { "header": "X-Auth-Token" }"#),
        ([.cookie(name: "t"), .authorization], #""send": "authorization""#),
        ([.webSocketProtocol, .cookie(name: "t")], #""send": "cookie""#),
    ])
    func `a token goes where a script may put it, and else by cookie`(_ sources: [TokenSourcePolicy.Source], _ expected: String) {
        #expect(Self.settings(from: sources).contains(expected))
    }

    // MARK: Sessions

    static let presets: [(WirePreset, String)] = [
        (
            .oauth2,
            #""token": { "form": "refresh_token" }, "with": { "grant_type": "refresh_token" }, "#
                + #""answer": { "access": ["access_token"], "refresh": ["refresh_token"], "expiresIn": ["expires_in"] }"#
        ),
        (.simplejwt, #""token": { "json": "refresh" }, "answer": { "access": ["access"], "refresh": ["refresh"] }"#),
        (
            .express,
            #""token": { "json": "refreshToken" }, "answer": { "access": ["data", "access_token"], "refresh": ["data", "refresh_token"] }"#
        ),
        (.cookie, #""token": "cookie", "answer": { "access": ["access_token"], "expiresIn": ["expires_in"] }"#),
        (.bearerRefresh, #""token": "bearer", "answer": { "access": ["accessToken"], "refresh": ["refreshToken"] }"#),
        (.bearerAccess, #""token": "access", "answer": { "access": ["access_token"] }"#),
    ]

    @Test(arguments: presets)
    func `each preset is told`(_ preset: WirePreset, _ expected: String) {
        let format = preset.refresh(cookie: "c")
        #expect(Self.refresh(format).contains(#""refresh": { "path": "/r", "method": "POST", \#(expected) }"#), "\(Self.refresh(format))")
    }

    @Test func `a format of one's own is told: members at any depth, fields, cookies, required members`() {
        let format = WireFormat(
            token: .json("rt"), required: [.init(name: "client \"a\"", value: "1")],
            answer: AnswerFormat(
                body: ["tokens": .array([["left": "$expires_in", "none": "$subject"]]), "other": 7],
                headers: [.init(name: "X-At", value: "$access_token"), .init(name: "X-Rt", value: "$new_refresh_token")]))
        #expect(
            Self.refresh(format).contains(
                #""token": { "json": "rt" }, "with": { "client \"a\"": "1" }, "#
                    + #""answer": { "expiresIn": ["tokens", "0", "left"], "headers": { "access": "X-At", "refresh": "X-Rt" } }"#))
    }

    @Test func `an access token that goes into a cookie is sent by it, and read from nowhere`() {
        let format = WireFormat(token: .cookie("r"), answer: AnswerFormat(setsRefreshCookie: true, accessCookie: "a"))
        let sessions = SessionPolicy(refreshes: [RefreshEndpoint(path: "/r", format: format)])
        let settings = Self.settings(from: [.authorization, .cookie(name: "a")], sessions)
        #expect(settings.contains(#""send": "cookie""#))
        #expect(settings.contains(#""token": "cookie", "answer": {} }"#))
        #expect(Self.settings(from: [.authorization], sessions).contains(#""send": "authorization""#), "a cookie that nobody reads")
    }

    @Test func `POST is used where it may, and else the first method there is`() {
        let format = WirePreset.cookie.refresh(cookie: "c")
        #expect(Self.refresh(format, methods: ["PUT", "POST"]).contains(#""method": "POST""#))
        #expect(Self.refresh(format, methods: ["PUT", "PATCH"]).contains(#""method": "PUT""#))
    }

    @Test func `logins and logouts are told with their paths`() {
        let sessions = SessionPolicy(
            logins: [
                LoginPolicy(path: "/login", answer: WirePreset.express.login),
                LoginPolicy(path: "/signup", methods: ["PUT"], answer: WirePreset.cookie.login),
            ], logout: PlainEndpoint(path: "/out"), logoutEverywhere: PlainEndpoint(path: "/out/all"))
        let settings = Self.settings(sessions)
        #expect(
            settings.contains(
                #""logout": { "path": "/out", "method": "POST" }, "everywhere": { "path": "/out/all", "method": "POST" }, "#
                    + #""login": [{ "path": "/login", "method": "POST", "answer": { "access": ["data", "access_token"], "#
                    + #""refresh": ["data", "refresh_token"] } }, { "path": "/signup", "method": "PUT", "#
                    + #""answer": { "access": ["access_token"], "expiresIn": ["expires_in"] } }]"#), "\(settings)")
        #expect(!settings.contains(#""refresh": {"#))
    }

    // MARK: session.js

    @Test func `session.js makes one session with the origin it came from`() throws {
        let policy = AuthenticationPolicy(validation: ValidationRules(), routes: [])
        let script = BrowserModule.sessionScript(
            ClientSettings(policy, nil), store: .local, module: "./m.js")
        #expect(script.contains(#"import { createSession } from "./m.js";"#))
        #expect(script.contains(#"export * from "./m.js";"#))
        #expect(script.contains("  origin: new URL(import.meta.url).origin,\n  \"deliver\": null,\n"))
        #expect(script.hasSuffix("export default createSession(settings, { store: \"local\" });\n"))
    }

    @Test func `the module is in the program`() {
        #expect(String(decoding: BrowserModule.script, as: UTF8.self).contains("createSession"))
        #expect(String(decoding: BrowserModule.types, as: UTF8.self).contains("createSession"))
    }
}
