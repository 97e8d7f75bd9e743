import Bytes
import HTTP1
import JOSE
import Sessions
import Testing

@testable import Authentication

@Suite("Shadow mode")
struct ShadowTests {
    static func policy(_ mode: RoutePolicy.Mode, _ change: (inout RoutePolicy) -> Void = { _ in }) -> AuthenticationPolicy {
        var route = RoutePolicy(
            pathPrefix: "/", requirements: [.init(claim: "role", values: ["admin"])],
            claimHeaders: [.init(header: "X-User-Id", claim: "sub")])
        route.mode = mode
        change(&route)
        return Gateway.policy(
            sources: [.authorization, .cookie(name: "session")], routes: [route],
            validation: ValidationRules(issuers: ["here"], audiences: ["api"]))
    }

    static func token(_ claims: String = "", key: ToyKey = ToyKey(), role: String = "admin", end: Int64 = 4_600) -> String {
        Toy.token(#"{"sub":"alice","iss":"here","aud":"api","role":"\#(role)","iat":1000,"exp":\#(end)\#(claims)}"#, key: key)
    }

    /// What is refused, and as what.
    static let refused: [(lines: [String], reason: String)] = [
        ([], "token_missing"),
        (["Authorization: Bearer"], "token_malformed"),
        (["Authorization: Bearer a.b"], "not_three_segments"),
        (["Authorization: Bearer \(token()), Bearer \(token())"], "invalid_request"),
        (["Authorization: Bearer \(token())", "Cookie: session=\(token())"], "invalid_request"),
        (["Authorization: Bearer \(token(key: ToyKey(secret: 2)))"], "bad_signature"),
        (["Authorization: Bearer \(token(end: 1_500))"], "expired"),
        (["Authorization: Bearer \(Toy.token(#"{"aud":"api","iss":"there","exp":4600}"#))"], "wrong_issuer"),
        (["Authorization: Bearer \(Toy.token(#"{"aud":"other","iss":"here","exp":4600}"#))"], "wrong_audience"),
        (["Authorization: Bearer \(token(role: "guest"))"], "insufficient_scope"),
        (["Cookie: session=\(token())", "Sec-Fetch-Site: cross-site"], "cross_site"),
    ]

    @Test(arguments: refused)
    func `what would be refused passes, and says why it would not`(_ lines: [String], _ reason: String) throws {
        let enforced = Gateway(Self.policy(.enforce)).request(lines, method: "POST")
        #expect(enforced.refusal?.reason == reason)

        let shadowed = Gateway(Self.policy(.shadow)).request(lines, method: "POST")
        let admission = try #require(shadowed.admission)
        #expect(admission.wouldRefuse?.reason == reason)
        #expect(admission.wouldRefuse?.status == enforced.refusal?.status)
        #expect(admission.token == nil)
    }

    @Test(arguments: refused.filter { $0.reason != "invalid_request" })
    func `it goes upstream as where no token is asked for`(_ lines: [String], _ reason: String) throws {
        let open = Gateway(
            Self.policy(.enforce) { route in
                (route.authentication, route.requirements, route.claimHeaders) = (.none, [], [])
            })
        let lines = lines + ["X-User-Id: mallory", "X-Refresh-Token: t", "Accept: */*"]
        let shadow = Gateway(Self.policy(.shadow))
        // Without claims to tell, `open` does not know that header.
        let expected = open.request(lines, method: "POST").upstream.filter { !$0.hasPrefix("X-User-Id") }
        #expect(shadow.request(lines, method: "POST").upstream == expected)
        #expect(expected.contains("Accept: */*"))
        #expect(!expected.contains { $0.hasPrefix("X-Refresh-Token") })
    }

    @Test func `a token that the route strips is stripped, good or bad`() throws {
        let gateway = Gateway(Self.policy(.shadow) { $0.forwarding = .stripped })
        for token in [Self.token(), Self.token(role: "guest"), "a.b"] {
            let upstream = gateway.request(["Authorization: Bearer \(token)", "Cookie: a=1"]).upstream
            #expect(!upstream.contains { $0.hasPrefix("Authorization") })
            #expect(upstream.contains("Cookie: a=1"))
        }
    }

    @Test func `the token of a request that would be refused is known by its fingerprint`() throws {
        let gateway = Gateway(Self.policy(.shadow))
        let admission = try #require(gateway.request(["Authorization: Bearer \(Self.token(role: "guest"))"]).admission)
        let good = try #require(gateway.request(["Authorization: Bearer \(Self.token())"]).admission)
        #expect(admission.refusedToken != nil)
        #expect(good.refusedToken == nil && good.wouldRefuse == nil)
        #expect(try #require(gateway.request([]).admission).refusedToken == nil)
        #expect(!"\(admission)".contains(Self.token(role: "guest")))
    }

    @Test func `a good token is told upstream as ever`() throws {
        let request = Gateway(Self.policy(.shadow)).request(["Authorization: Bearer \(Self.token())", "X-User-Id: mallory"])
        #expect(request.upstream.contains("X-User-Id: alice"))
        #expect(!request.upstream.contains("X-User-Id: mallory"))
    }

    @Test func `what would be renewed is not, and that is decided last`() throws {
        let gateway = Gateway(Self.policy(.shadow))
        let line = "Authorization: Bearer \(Self.token())"
        func skip(_ status: Int, _ answer: [String] = [], now: Int64) throws -> RenewalSkip? {
            let admission = try #require(gateway.request([line], now: now).admission)
            let response = gateway.respond(to: admission, answer, status: status, now: now)
            #expect(response.lines == answer)
            return response.skip
        }
        #expect(try skip(200, now: Gateway.due) == .shadow)
        #expect(try skip(200, now: Gateway.early) == .notDue)
        #expect(try skip(401, now: Gateway.due) == .exceptedStatus)
        #expect(try skip(304, now: Gateway.due) == .notModified)
        #expect(try skip(200, ["X-Refresh-Token: own"], now: Gateway.due) == .upstreamSetIt)
        #expect(gateway.key.signatures == 0)
    }

    @Test func `nothing is signed for the API either, and clients hear of no ends`() throws {
        var policy = Self.policy(.shadow) { $0.forwarding = .renewed }
        policy.sliding = RenewalPolicy(
            bufferWindow: .seconds(600), tokenExpiryHeader: "X-Token-Expires-In", sessionExpiryHeader: "X-Session-Expires-In",
            relativeHeaders: .everyAnswer)
        let gateway = Gateway(policy)
        let line = "Authorization: Bearer \(Self.token())"
        let request = gateway.request([line], now: Gateway.due)
        #expect(request.upstream.contains(line))
        #expect(gateway.respond(to: try #require(request.admission), now: Gateway.due).lines == [])
        #expect(gateway.key.signatures == 0)
    }

    @Test func `tunnels and streams belong to nobody's session`() throws {
        let line = "Authorization: Bearer \(Self.token())"
        let enforcing = Gateway(Self.policy(.enforce))
        #expect(enforcing.authenticator.sessionSpan(of: try #require(enforcing.request([line]).admission)) != nil)
        let shadow = Gateway(Self.policy(.shadow))
        #expect(shadow.authenticator.sessionSpan(of: try #require(shadow.request([line]).admission)) == nil)
    }

    @Test func `a revoked token passes, what it has opened goes on, and it is told`() throws {
        let gateway = Gateway(Self.policy(.shadow))
        let revocations = RevocationSet()
        gateway.authenticator.revocations = RevocationView(revocations, awayAfter: 5_000)
        revocations.confirm(at: 0)
        let line = "Authorization: Bearer \(Self.token())"
        let admission = try #require(gateway.request([line]).admission)
        #expect(admission.wouldRefuse == nil)
        let revocation = Revocation(.subject("alice", before: NumericDate(seconds: 3_000)), expiresAt: NumericDate(seconds: 9_000))
        revocations.insert(revocation, now: NumericDate(seconds: Gateway.early))
        gateway.authenticator.revocations?.follow()
        #expect(gateway.request([line]).admission?.wouldRefuse?.reason == "revoked")
        #expect(!gateway.authenticator.isRevoked(admission, now: NumericDate(seconds: Gateway.early)))
        #expect(gateway.authenticator.revocationNames(of: admission) == nil)
    }

    @Test func `what is throttled would be refused`() throws {
        let gateway = Gateway(Self.policy(.shadow))
        let text = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Self.token())\r\n\r\n"
        let bytes = Array(text.utf8)
        var head = RequestHead()
        #expect(try head.parse(bytes.span))
        let decision = gateway.authenticator.authenticate(
            &head, path: Array("/".utf8).span, bytes: bytes.span, now: NumericDate(seconds: Gateway.early), instant: 0,
            verificationPause: 1_500)
        guard case .admit(let admission) = decision else { return #expect(Bool(false), "refused") }
        #expect(admission.wouldRefuse?.isThrottled == true)
    }

    @Test func `what knows no route is refused as ever`() throws {
        let gateway = Gateway(
            Gateway.policy(routes: ["/a", "/a/b"].map { path in
                var route = RoutePolicy(pathPrefix: path, methods: ["GET"])
                route.mode = .shadow
                return route
            }))
        #expect(gateway.request([], path: "/").refusal?.code == "no_route")
        #expect(gateway.request([], method: "POST", path: "/a").refusal?.code == "method_not_allowed")
        #expect(gateway.request([], path: "/a;x/b").refusal?.code == "path_ambiguous")
        var cors = Self.policy(.shadow)
        cors.cors = CORSPolicy(origins: .listed(["https://app.example"]))
        let preflight = ["Origin: https://evil.example", "Access-Control-Request-Method: GET"]
        #expect(Gateway(cors).request(preflight, method: "OPTIONS").refusal?.code == "origin_not_allowed")
    }

    @Test func `one route in shadow leaves the others guarded`() throws {
        var open = RoutePolicy(pathPrefix: "/new")
        open.mode = .shadow
        let gateway = Gateway(Gateway.policy(routes: [RoutePolicy(pathPrefix: "/"), open]))
        #expect(gateway.request([], path: "/new/x").admission?.wouldRefuse?.code == "token_missing")
        #expect(gateway.request([], path: "/old").refusal?.code == "token_missing")
        #expect(gateway.authenticator.isShadow(route: 1) && !gateway.authenticator.isShadow(route: 0))
    }
}
