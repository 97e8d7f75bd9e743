import Foundation
import Testing

/// Goal: with `session.js` as the gateway makes it, a page has a session, whatever the format on the wire.
/// Method: Node.js runs it against the real program, for each preset and for formats that are spelled out.
@Suite("session.js in use", .timeLimit(.minutes(3)))
struct SessionScriptTests {
    /// What the script met (`Node/session.mjs`).
    struct Visit: Decodable {
        var settings: JSON
        var presets: [String: JSON]
        var subject: String?
        var isTimed, isRefreshed, isOther, isLoggedOut, isDefaultActive: Bool
        /// Of requests behind the login, the refresh and the logout.
        var statuses: [Int]
        var ended: [String]
    }

    /// A page that logs in, asks, refreshes, asks again and logs out.
    static func visit(_ gateway: Gateway, loginPath: String, pausing seconds: Int = 0) throws -> Visit {
        let folder = try #require(Bundle.module.url(forResource: "Node", withExtension: nil)).path
        let presets = BrowserModuleTests.sources.appending(path: "presets.js").path
        let node = try ChildProcess([
            "/usr/bin/node", folder + "/session.mjs", "http://127.0.0.1:\(gateway.port)", loginPath, presets, "\(seconds)",
        ])
        try #require(try node.waitForExit(within: .seconds(60)) == .exited(0), "\(node.text(of: .error))")
        try node.waitUntilRead()
        return try JSONDecoder().decode(Visit.self, from: Data(node.text(of: .output).utf8))
    }

    static let root = "browser: /slidegate\nroutes: [ { path: / } ]"

    @Test(arguments: FrontEnd.dual)
    func `every preset with refresh tokens works as it is generated, and is what the module knows by that name`(_ preset: FrontEnd) throws {
        let served = try SessionGateway(preset, root: Self.root)
        let visit = try Self.visit(served.gateway, loginPath: preset.loginPath)
        #expect(visit.subject == "ann" && visit.isTimed)
        #expect(visit.statuses == [200, 200, 401])
        #expect(visit.isRefreshed && visit.isOther)
        #expect(visit.isLoggedOut && visit.ended == ["logout"])
        #expect(!visit.isDefaultActive)
        try Self.expectLikePreset(visit, preset)
    }

    @Test func `sliding on demand works as it is generated`() throws {
        let served = try SessionGateway(
            .bearerAccess, settings: "  access: { lifetime: 10s }", root: "sliding: { buffer: 5s, quantum: 1s }\n" + Self.root)
        let visit = try Self.visit(served.gateway, loginPath: "/login", pausing: 3)
        #expect(visit.statuses == [200, 200, 401])
        #expect(visit.isRefreshed && visit.isOther)
        #expect(visit.isLoggedOut && visit.ended == ["logout"])
        try Self.expectLikePreset(visit, .bearerAccess)
    }

    /// What a page would get by hand, `createSession(presets.NAME)`, is what the gateway says of itself.
    /// In JavaScript names have no hyphens.
    static func expectLikePreset(_ visit: Visit, _ preset: FrontEnd) throws {
        let known = try #require(visit.presets[preset.name.replacingOccurrences(of: "-r", with: "R").replacingOccurrences(of: "-a", with: "A")])
        expect(try #require(visit.settings["refresh"]), toSay: try #require(known["refresh"]))
        if let login = known["login"]?.elements.first {
            expect(try #require(visit.settings["login"]?.elements.first), toSay: login)
        }
    }

    private static func expect(_ settings: JSON, toSay known: JSON) {
        guard case .object(let members) = known else {
            Issue.record("\(known) is no object")
            return
        }
        #expect(!members.isEmpty)
        for (name, value) in members { #expect(settings[name] == value, "\(name)") }
    }

    @Test func `a format that is spelled out works, with tokens in fields and deep in the content`() throws {
        let body = "answer: { body: { tokens: [ { at: $access_token, left: $expires_in } ] }, headers: { X-Next: $refresh_token } }"
        let served = try SessionGateway(
            .oauth2, login: ", \(body)", refresh: ", methods: [ PUT ], token: { json: rt }, require: { client: web }, \(body)",
            root: Self.root)
        let visit = try Self.visit(served.gateway, loginPath: "/login")
        #expect(visit.statuses == [200, 200, 401])
        #expect(visit.isRefreshed && visit.isOther && visit.isLoggedOut)
        let settings = try #require(visit.settings["refresh"])
        let answer = try #require(settings["answer"])
        #expect(answer["access"] == ["tokens", "0", "at"])
        #expect(answer["headers"] == ["refresh": "X-Next"])
        #expect(settings["method"] == "PUT")
    }

    @Test func `with both tokens in cookies the page holds none, and its session works`() throws {
        let cookies = "answer: { body: {}, cookies: { access: __Host-access, refresh: true } }"
        let served = try SessionGateway(
            .cookie, login: ", \(cookies)", refresh: ", \(cookies)",
            root: """
                tokens: { from: [ { cookie: __Host-access } ] }
                sliding: { buffer: 10m, deliver: { cookie: { name: __Host-access } } }
                \(Self.root)
                """)
        let visit = try Self.visit(served.gateway, loginPath: "/login")
        #expect(visit.statuses == [200, 200, 401])
        #expect(visit.isRefreshed && visit.isLoggedOut)
        #expect(visit.settings["send"] == "cookie" && visit.settings["deliver"] == "cookie")
        #expect(!visit.isOther)  // none before, none after
    }

    @Test func `what is spelled out of sliding arrives`() throws {
        let gateway = try Gateway(
            """
            browser: /slidegate
            tokens: { from: [ { header: X-Auth-Token } ] }
            sliding: { buffer: 10m, deliver: { header: X-Next }, opt_out: none, expires_in: { token: X-Left, session: none } }
            """, upstream: Origin.ok())
        let text = try gateway.get("/slidegate/session.js").text
        for member in [
            #""header": "X-Next""#, #""send": { "header": "X-Auth-Token" }"#, #""optOut": null"#, #""tokenExpiresIn": "X-Left""#,
            #""sessionExpiresIn": null"#,
        ] { #expect(text.contains("  \(member),\n"), "\(text)") }
        #expect(!text.contains(#""refresh""#) && !text.contains(#""logout""#))
    }
}
