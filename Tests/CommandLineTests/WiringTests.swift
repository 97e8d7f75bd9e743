import Authentication
import Configuration
import JOSE
import Testing

@testable import slidegate

@Suite("From a configuration to the policy")
struct WiringTests {
    static func policy(_ extra: String) throws -> AuthenticationPolicy {
        let yaml = "listen: a:1\nupstream: a:1\nkey: { algorithm: HS256, secret_env: A }\n\(extra)\n"
        return AuthenticationPolicy(try Configuration(yaml: yaml, file: "f"))
    }

    @Test func `what the file leaves out is what the policy leaves out`() throws {
        let policy = try Self.policy("")
        #expect(policy.sliding == nil)
        #expect(policy.cors == nil)
        #expect(policy.realm == "slidegate")
        #expect(policy.tokens.sources == [.authorization])
        #expect(policy.validation.leewaySeconds == 0)
        #expect(policy.validation.graceSeconds == 0)
        #expect(policy.validation.types == ["jwt", "at+jwt"])
        #expect(policy.routes == [RoutePolicy(pathPrefix: "/")])
    }

    @Test func `every member of sliding arrives`() throws {
        let policy = try Self.policy(
            "sliding: { lifetime: 30m, buffer: 25%, quantum: 5m, session_cap: 8h, least_gain: 5%, grace: 30s, "
                + "deliver: { cookie: { name: c, path: /p, domain: d.e, same_site: strict } }, except_statuses: [ 500 ], "
                + "opt_out: X-O, expires_in: { token: X-T, session: X-S, on: all } }")
        #expect(
            policy.sliding
                == RenewalPolicy(
                    lifetime: .fixed(seconds: 1800), bufferWindow: .percent(25), quantumSeconds: 300, capSeconds: 28_800,
                    leastGainPercent: 5, graceSeconds: 30,
                    delivery: .cookie(CookieDelivery(name: "c", path: "/p", domain: "d.e", sameSite: .strict)),
                    exceptStatuses: [500], optOutHeader: "X-O", tokenExpiryHeader: "X-T", sessionExpiryHeader: "X-S",
                    relativeHeaders: .everyAnswer))
        #expect(policy.validation.graceSeconds == 30)
    }

    @Test func `an inherited lifetime, a duration and no cap arrive`() throws {
        let sliding = try #require(try Self.policy("sliding: { lifetime_max: 2h, buffer: 10m, session_cap: none }").sliding)
        #expect(sliding.lifetime == .inherited(maxSeconds: 7200))
        #expect(sliding.bufferWindow == .seconds(600))
        #expect(sliding.capSeconds == nil)
        #expect(sliding.quantumSeconds == nil)
    }

    @Test func `every member of tokens arrives`() throws {
        let policy = try Self.policy(
            "tokens: { issuer: i, audience: [ a, b ], leeway: 7s, limits: { bytes: 1KiB }, realm: R, typ: Application/AT+JWT, "
                + "from: [ { cookie: c }, { header: X-H }, websocket_protocol ] }")
        #expect(policy.tokens.sources == [.cookie(name: "c"), .header(name: "X-H"), .webSocketProtocol])
        #expect(policy.validation.issuers == ["i"])
        #expect(policy.validation.audiences == ["a", "b"])
        #expect(policy.validation.leewaySeconds == 7)
        #expect(policy.validation.limits.tokenBytesMax == 1024)
        #expect(policy.validation.types == ["at+jwt"])
        #expect(policy.realm == "R")
    }

    @Test func `every member of a route arrives`() throws {
        let policy = try Self.policy(
            "sliding: { buffer: 1m }\nroutes: [ { path: /a, host: \"*.b\", methods: [ GET ], auth: optional, slide: false, "
                + "require: { r: [ x, y ] }, forward: { authorization: renewed, claims: { X-U: sub } } } ]")
        #expect(
            policy.routes == [
                RoutePolicy(
                    pathPrefix: "/a", hosts: ["*.b"], methods: ["GET"], authentication: .optional, slides: false,
                    requirements: [.init(claim: "r", values: ["x", "y"])], forwarding: .renewed,
                    claimHeaders: [.init(header: "X-U", claim: "sub")], upstream: 0)
            ])
    }

    @Test func `a preflight is granted what a client of this file needs to send`() throws {
        let policy = try Self.policy(
            "sliding: { buffer: 1m }\ntokens: { from: [ authorization, { header: X-H } ] }\n"
                + "cors: { origins: \"https://a.example\", credentials: true, headers: [ x-h, X-Z ], expose: X-E, max_age: 60s }")
        let cors = try #require(policy.cors)
        #expect(cors.origins == .listed(["https://a.example"]))
        #expect(cors.credentials)
        #expect(cors.headers == ["x-h", "X-Z", "X-No-Refresh"])
        #expect(cors.exposed == ["X-E"])
        #expect(cors.maxAgeSeconds == 60)
    }
}
