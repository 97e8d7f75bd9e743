import ProxyProtocol
import Testing

@testable import Configuration

@Suite("Shadow mode and explanations (mode, explain)")
struct ShadowTests {
    private func configuration(_ more: String) throws -> Configuration { try Configuration(yaml: Sample.yaml(more), file: "f") }

    @Test func `everything is enforced unless the file says otherwise`() throws {
        let plain = try configuration("")
        #expect(plain.mode == .enforce && plain.explaining == nil)
        #expect(plain.routes.map(\.mode) == [.enforce])
        #expect(try configuration("mode: shadow").routes.map(\.mode) == [.shadow])
    }

    @Test func `routes have their own mode, or the file's`() throws {
        let routes = "routes: [ { path: /, mode: enforce }, { path: /a }, { path: /b, mode: shadow } ]"
        #expect(try configuration("mode: shadow\n" + routes).routes.map(\.mode) == [.enforce, .shadow, .shadow])
        #expect(try configuration(routes).routes.map(\.mode) == [.enforce, .enforce, .shadow])
    }

    @Test func `logins have the file's`() throws {
        let sessions = """
            sessions: { store: memory, secret_env: S, endpoints: { login: { path: /login }, refresh: /refresh } }
            routes: [ { path: /, mode: enforce } ]
            """
        #expect(try configuration("mode: shadow\n" + sessions).servedRoutes.map(\.mode) == [.shadow, .enforce])
        #expect(try configuration(sessions).servedRoutes.map(\.mode) == [.enforce, .enforce])
    }

    @Test func `who may ask, and with which field`() throws {
        let explaining = try #require(try configuration("explain: { networks: [ 10.0.0.0/8, unix ] }").explaining)
        #expect(explaining.header == "X-Slidegate-Explain")
        #expect(explaining.networks.includesUnixSockets && explaining.networks.blocks.map(\.description) == ["10.0.0.0/8"])
        #expect(try configuration("explain: { networks: \"::1\", header: X-Why }").explaining?.header == "X-Why")
        let open = try configuration("explain: { networks: [ 0.0.0.0/0 ] }")
        #expect(open.warnings.map(\.message) == ["0.0.0.0/0 lets everybody ask why requests are refused"])
    }

    @Test(arguments: [
        "mode: off", "mode: [ shadow ]", "routes: [ { path: /, mode: log } ]", "explain: true", "explain: { }", "explain: { header: X-Why }",
        "explain: { networks: [ ] }", "explain: { networks: [ somewhere ] }", "explain: { networks: unix, header: Host }",
        "explain: { networks: unix, header: \"a b\" }", "explain: { networks: unix, header: X-No-Refresh }",
        "explain: { networks: unix, header: x_refresh_token }", "explain: { networks: unix, header: X-Token-Expires-In }",
        "explain: { networks: unix, header: X-User-Id }\nroutes: [ { path: /, forward: { claims: { X-User-Id: sub } } } ]",
        "explain: { networks: unix, header: X-Token }\ntokens: { from: [ { header: X-Token } ] }",
    ])
    func `what neither may be`(_ line: String) {
        #expect(errors(Sample.yaml(line)).count >= 1)
    }
}
