import JOSE
import Sessions
import Testing

@testable import Authentication

@Suite("Revocation on the request path (semantics §2)")
struct RevocationTests {
    private let set = RevocationSet()

    /// With a set that was confirmed at 0 and is good for 5 s.
    private func gateway(
        sliding: RenewalPolicy? = RenewalPolicy(bufferWindow: .seconds(600)), routes: [RoutePolicy] = [RoutePolicy(pathPrefix: "/")],
        key: ToyKey = ToyKey(), isConfirmed: Bool = true
    ) -> Gateway {
        let gateway = Gateway(Gateway.policy(sliding: sliding, routes: routes), key: key)
        gateway.authenticator.revocations = RevocationView(set, awayAfter: 5_000)
        if isConfirmed { set.confirm(at: 0) }
        return gateway
    }

    private func revoke(_ target: Revocation.Target, until end: Int64 = 100_000) {
        set.insert(Revocation(target, expiresAt: NumericDate(seconds: end)), now: NumericDate(seconds: 0))
    }

    private func bearer(_ token: String) -> [String] { ["Authorization: Bearer \(token)"] }

    private func code(_ gateway: Gateway, _ token: String = Gateway.token, now: Int64 = Gateway.early) -> String? {
        gateway.request(bearer(token), now: now).refusal?.code
    }

    private static let withSession = Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-1","sid":"s-1"}"#)

    // MARK: By what

    @Test func `A token is refused by its jti, and others of its user are not`() {
        let gateway = gateway()
        revoke(.token("t-1"))
        #expect(code(gateway) == "token_revoked")
        #expect(code(gateway, Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-2"}"#)) == nil)
    }

    @Test func `A jti is what it says, however it is written`() {
        let gateway = gateway()
        revoke(.token("t-1"))
        #expect(code(gateway, Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"\u0074-\u0031"}"#)) == "token_revoked")
    }

    @Test func `A session is refused by its sid, whatever its tokens' jti`() {
        let gateway = gateway()
        revoke(.session("s-1"))
        #expect(code(gateway, Self.withSession) == "token_revoked")
        #expect(code(gateway, Toy.token(#"{"iat":1000,"exp":4600,"sid":"s-1"}"#)) == "token_revoked")
        #expect(code(gateway, Toy.token(#"{"iat":1000,"exp":4600,"sid":"s-2"}"#)) == nil)
        #expect(code(gateway) == nil, "a session of its own")
    }

    @Test(arguments: [
        (#"{"sub":"alice","exp":4600,"iat":1000}"#, true), (#"{"sub":"alice","exp":4600,"iat":1001}"#, false),
        (#"{"sub":"alice","exp":4600,"iat":1500,"auth_time":1000}"#, true),
        (#"{"sub":"alice","exp":4600,"iat":1500,"auth_time":1001}"#, false),
        (#"{"sub":"alice","exp":4600,"iat":1500,"auth_time":1500,"orig_iat":1000}"#, true),
        (#"{"sub":"alice","exp":4600,"iat":1000,"auth_time":1000,"orig_iat":1001}"#, false),
        (#"{"sub":"alice","exp":4600}"#, true), (#"{"sub":"bob","exp":4600,"iat":1000}"#, false), (#"{"exp":4600,"iat":1000}"#, false),
    ])
    func `Of a subject, what began at or before the instant is refused`(_ claims: String, _ isRefused: Bool) {
        let gateway = gateway()
        revoke(.subject("alice", before: NumericDate(seconds: 1_000)))
        #expect(code(gateway, Toy.token(claims)) == (isRefused ? "token_revoked" : nil))
    }

    @Test func `Whoever logs in again after logging out everywhere is let in`() {
        let gateway = gateway()
        revoke(.subject("alice", before: NumericDate(seconds: 2_000)))
        #expect(code(gateway, now: 2_001) == "token_revoked")
        #expect(code(gateway, Toy.token(#"{"sub":"alice","iat":2001,"exp":5600}"#), now: 2_001) == nil)
    }

    // MARK: Successors

    @Test func `The sid of a token that has none is that of its successors`() throws {
        let gateway = gateway()
        let entry = try #require(gateway.request(bearer(Gateway.token)).admission?.token)
        let sessionID = try #require(gateway.authenticator.sessionID(of: entry))
        let successor = try #require(try gateway.exchange(now: Gateway.due).successor)
        #expect(code(gateway, successor, now: Gateway.due) == nil)
        revoke(.session(sessionID))
        #expect(code(gateway, now: Gateway.due) == "token_revoked")
        #expect(code(gateway, successor, now: Gateway.due) == "token_revoked")
        #expect(code(self.gateway(), now: Gateway.due) == "token_revoked", "on another worker, too")
    }

    @Test func `Successors that are not minted yet are refused`() throws {
        let elsewhere = Gateway()
        let first = try #require(try elsewhere.exchange(now: Gateway.due).successor)
        let second = try #require(try elsewhere.exchange(token: first, now: Gateway.due + 3_000).successor)
        let gateway = gateway()
        let entry = try #require(gateway.request(bearer(Gateway.token)).admission?.token)
        revoke(.session(try #require(gateway.authenticator.sessionID(of: entry))))
        #expect(code(gateway, first, now: Gateway.due) == "token_revoked")
        #expect(code(gateway, second, now: Gateway.due + 3_000) == "token_revoked")
    }

    @Test func `A change of the signing key brings nobody back who has logged out before`() throws {
        let (old, new) = (ToyKey(secret: 1, keyID: "old"), ToyKey(secret: 2, keyID: "new"))
        func gateway(_ keys: KeySet) -> Gateway {
            let authenticator = Authenticator(
                policy: Gateway.policy(), keys: keys, hasher: ToyHasher(), mintCache: SharedMintCache())
            authenticator.revocations = RevocationView(set, awayAfter: 5_000)
            return Gateway(authenticator, key: old)
        }
        set.confirm(at: 0)
        let token = Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-1"}"#, key: old, header: #"{"alg":"HS256","kid":"old"}"#)
        let before = gateway(KeySet(verifiers: [old], signer: old, signingIndex: 0))
        let entry = try #require(before.request(bearer(token)).admission?.token)
        revoke(.session(try #require(before.authenticator.sessionID(of: entry))))
        let after = gateway(KeySet(verifiers: [new, old], signer: new, signingIndex: 0, formerSigners: [old]))
        #expect(code(after, token) == "token_revoked")
        let other = Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-2"}"#, key: old, header: #"{"alg":"HS256","kid":"old"}"#)
        #expect(code(after, other) == nil)
    }

    @Test func `Where nothing is signed, a token without sid has no session`() {
        let key = ToyKey()
        let authenticator = Authenticator(
            policy: Gateway.policy(sliding: nil), keys: KeySet(verifiers: [key]), hasher: ToyHasher(), mintCache: SharedMintCache())
        let gateway = Gateway(authenticator, key: key)
        authenticator.revocations = RevocationView(set, awayAfter: 5_000)
        set.confirm(at: 0)
        revoke(.session("s-1"))
        #expect(code(gateway) == nil)
        #expect(code(gateway, Self.withSession) == "token_revoked")
    }

    @Test func `A revoked token's successor is not sent upstream either`() throws {
        let gateway = gateway(routes: [RoutePolicy(pathPrefix: "/", forwarding: .renewed)])
        let good = gateway.request(bearer(Self.withSession), now: Gateway.due)
        #expect(good.upstream.contains { $0.hasPrefix("Authorization: Bearer ") && !$0.hasSuffix(Self.withSession) })
        revoke(.session("s-1"))
        #expect(gateway.request(bearer(Self.withSession), now: Gateway.due).refusal?.code == "token_revoked")
    }

    // MARK: The cache

    @Test func `It makes no difference how well a token is known here`() {
        for visits in 0..<4 {
            let set = RevocationSet()
            let gateway = Gateway()
            gateway.authenticator.revocations = RevocationView(set, awayAfter: 5_000)
            set.confirm(at: 0)
            for _ in 0..<visits { #expect(code(gateway) == nil) }
            set.insert(Revocation(.token("t-1"), expiresAt: NumericDate(seconds: 3_000)), now: NumericDate(seconds: 0))
            for _ in 0..<3 { #expect(code(gateway) == "token_revoked", "\(visits)") }
            #expect(code(gateway, now: 3_000) == nil, "the entry has expired")
            set.insert(Revocation(.subject("alice", before: NumericDate(seconds: 1_000)), expiresAt: NumericDate(seconds: 9_000)), now: NumericDate(seconds: 0))
            #expect(code(gateway, now: 3_000) == "token_revoked")
        }
    }

    @Test func `What others are revoked for changes nothing for a token`() {
        let gateway = gateway()
        for index in 0..<2_000 {
            revoke([.token("x\(index)"), .session("y\(index)"), .subject("z\(index)", before: NumericDate(seconds: 9_000))][index % 3])
            if index % 100 == 0 { #expect(code(gateway) == nil) }
        }
        revoke(.token("t-1"))
        #expect(code(gateway) == "token_revoked")
    }

    // MARK: Between request and answer

    @Test(arguments: ["t-1", "s-1", "alice"])
    func `An answer in flight is delivered without a successor when its session was revoked meanwhile`(_ name: String) throws {
        let gateway = gateway()
        let answer = ["ETag: \"1\"", "Cache-Control: public"]
        let admission = try #require(gateway.request(bearer(Self.withSession), now: Gateway.due).admission)
        #expect(gateway.respond(to: admission, answer, now: Gateway.due).successor != nil)
        switch name {
        case "t-1": revoke(.token(name))
        case "s-1": revoke(.session(name))
        default: revoke(.subject(name, before: NumericDate(seconds: Gateway.due)))
        }
        let response = gateway.respond(to: admission, answer, now: Gateway.due)
        #expect(response.skip == .revoked)
        #expect(response.lines == answer)
    }

    @Test func `An answer in flight keeps its successor when someone else's session was revoked`() throws {
        let gateway = gateway()
        let admission = try #require(gateway.request(bearer(Self.withSession), now: Gateway.due).admission)
        revoke(.session("s-2"))
        #expect(gateway.respond(to: admission, now: Gateway.due).successor != nil)
    }

    @Test func `A successor that was minted before is withheld as well`() throws {
        let gateway = gateway()
        #expect(try gateway.exchange(token: Self.withSession, now: Gateway.due).successor != nil)
        let admission = try #require(gateway.request(bearer(Self.withSession), now: Gateway.due).admission)
        revoke(.session("s-1"))
        #expect(gateway.respond(to: admission, now: Gateway.due).skip == .revoked)
    }

    // MARK: Refusals

    @Test func `A revoked token is an invalid one (RFC 6750 §3.1)`() throws {
        let gateway = gateway()
        revoke(.token("t-1"))
        let refusal = try #require(gateway.request(bearer(Gateway.token)).refusal)
        #expect(refusal.status == 401 && refusal.reason == "revoked" && !refusal.isAboutForgery)
        #expect(gateway.refusalLines(refusal).first == #"WWW-Authenticate: Bearer realm="test", error="invalid_token", error_description="the token was revoked""#)
    }

    @Test func `Revocation is known before what a token grants`() {
        let gateway = gateway(routes: [RoutePolicy(pathPrefix: "/", requirements: [.init(claim: "role", values: ["admin"])])])
        #expect(code(gateway) == "insufficient_scope")
        revoke(.token("t-1"))
        #expect(code(gateway) == "token_revoked")
    }

    @Test func `Where a token is optional, a revoked one is refused like a bad one`() {
        let gateway = gateway(routes: [RoutePolicy(pathPrefix: "/", authentication: .optional)])
        revoke(.token("t-1"))
        #expect(code(gateway) == "token_revoked")
        #expect(gateway.request([]).admission != nil)
    }

    @Test func `Where tokens are not looked at, neither is their revocation`() {
        let gateway = gateway(routes: [RoutePolicy(pathPrefix: "/", authentication: .none)], isConfirmed: false)
        revoke(.token("t-1"))
        #expect(gateway.request(bearer(Gateway.token)).admission != nil)
    }

    @Test func `Without a set nothing is revoked and no store can be away`() {
        #expect(code(Gateway()) == nil)
    }

    // MARK: The store is away

    private let bothRoutes: [RoutePolicy] = {
        var open = RoutePolicy(pathPrefix: "/open")
        open.storeAway = .open
        return [RoutePolicy(pathPrefix: "/"), open]
    }()

    @Test func `Until all revocations are loaded, routes are closed unless they say otherwise`() throws {
        let gateway = gateway(routes: bothRoutes, isConfirmed: false)
        let refusal = try #require(gateway.request(bearer(Gateway.token)).refusal)
        #expect(refusal.status == 503 && refusal.code == "revocation_unknown" && refusal.reason == "revocation_unknown")
        let lines = gateway.refusalLines(refusal)
        #expect(lines.contains("Retry-After: 2") && !lines.contains { $0.hasPrefix("WWW-Authenticate") })
        #expect(gateway.request(bearer(Gateway.token), path: "/open").admission != nil)
        set.confirm(at: 1)
        #expect(code(gateway) == nil)
    }

    @Test(arguments: [(5_000, true), (5_001, false)] as [(Int64, Bool)])
    func `A confirmation is good for away_after`(_ instant: Int64, _ isGood: Bool) {
        let gateway = gateway(routes: bothRoutes)
        for _ in 0..<3 {
            #expect(gateway.request(bearer(Gateway.token), instant: instant).refusal?.code == (isGood ? nil : "revocation_unknown"))
            #expect(gateway.request(bearer(Gateway.token), path: "/open", instant: instant).admission != nil)
        }
        set.confirm(at: 3_000)
        #expect(gateway.request(bearer(Gateway.token), instant: instant).admission != nil)
    }

    @Test func `What is known to be revoked is refused as such, the store being away or not`() {
        let gateway = gateway(routes: bothRoutes, isConfirmed: false)
        revoke(.token("t-1"))
        #expect(code(gateway) == "token_revoked")
        #expect(gateway.request(bearer(Gateway.token), path: "/open").refusal?.code == "token_revoked")
    }

    @Test func `Requests without a token are not concerned`() {
        let gateway = gateway(routes: [RoutePolicy(pathPrefix: "/", authentication: .optional)], isConfirmed: false)
        #expect(gateway.request([]).admission != nil)
        #expect(gateway.request(bearer(Gateway.token)).refusal?.code == "revocation_unknown")
    }

    @Test func `A store that went away between request and answer costs the successor on closed routes`() throws {
        let gateway = gateway(routes: bothRoutes)
        let closed = try #require(gateway.request(bearer(Gateway.token), now: Gateway.due).admission)
        let open = try #require(gateway.request(bearer(Gateway.token), path: "/open", now: Gateway.due).admission)
        #expect(gateway.respond(to: closed, now: Gateway.due, instant: 5_001).skip == .revocationUnknown)
        #expect(gateway.respond(to: open, now: Gateway.due, instant: 5_001).successor != nil)
        #expect(gateway.respond(to: closed, now: Gateway.due, instant: 5_000).successor != nil)
    }

    @Test func `Standing tells good, revoked and unknown apart`() throws {
        let gateway = gateway()
        let entry = try #require(gateway.request(bearer(Gateway.token)).admission?.token)
        func standing(_ instant: Int64) -> Standing {
            gateway.authenticator.standing(of: entry, now: NumericDate(seconds: Gateway.early), instant: instant)
        }
        #expect(standing(5_000) == .good)
        #expect(standing(5_001) == .unknown)
        revoke(.token("t-1"))
        #expect(standing(5_000) == .revoked && standing(5_001) == .revoked)
    }
}
