import Bytes
import JOSE
import Sessions
import Testing

@testable import Authentication

@Suite("Logout, revocation, introspection, sessions (semantics §2, RFC 7009, RFC 7662)")
struct LogoutTests {
    private let start = EndpointGateway.start
    private let later = EndpointGateway.start + 10

    private func gateway(
        _ preset: WirePreset = .cookie, sources: [TokenSourcePolicy.Source] = [.authorization]
    ) -> EndpointGateway {
        var policy = SessionPolicy()
        policy.refreshes = [
            RefreshEndpoint(path: preset.refreshPath, format: preset.refresh(cookie: policy.cookie.name))
        ]
        policy.logout = PlainEndpoint(path: "/logout")
        policy.logoutEverywhere = PlainEndpoint(path: "/logout-everywhere")
        policy.revocation = PlainEndpoint(path: "/revoke")
        policy.introspection = IntrospectionEndpoint(path: "/introspect", secret: BearerSecret(Array("let-me-look".utf8)))
        policy.sessions = PlainEndpoint(path: "/sessions")
        return EndpointGateway(policy, authentication: Gateway.policy(sources: sources))
    }

    private func bearer(_ token: String) -> [String] { ["Authorization: Bearer \(token)"] }

    private let cleared = "__Host-refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"

    // MARK: Logout

    @Test func `An access token ends its session, and cookies go`() throws {
        let gateway = gateway()
        let (session, access, refresh) = try gateway.login()
        let answer = try gateway.send("POST", "/logout", bearer(access))
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        #expect(answer.values("Set-Cookie") == [cleared])
        #expect(answer.outcome.event == .loggedOut)
        #expect(answer.outcome.endedSessions == 1)
        #expect(gateway.session(session.id)?.end?.reason == .logout)
        #expect(gateway.admits(access) == "token_revoked")
        #expect(try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(refresh)"]).outcome.reason == "ended")
    }

    @Test func `A refresh token does, in content, cookie or as Bearer`() throws {
        let gateway = gateway(.simplejwt)
        let ways: [(String) throws -> EndpointGateway.Answer] = [
            { try gateway.json("/logout", #"{"refresh":"\#($0)"}"#) }, { try gateway.json("/logout", #"{"refresh_token":"\#($0)"}"#) },
            { try gateway.form("/logout", "refresh=\($0)") }, { try gateway.send("POST", "/logout", ["Cookie: __Host-refresh=\($0)"]) },
            { try gateway.send("POST", "/logout", bearer($0)) },
        ]
        for way in ways {
            let (session, access, refresh) = try gateway.login()
            #expect(try way(refresh).status == 204)
            #expect(gateway.session(session.id)?.end?.reason == .logout)
            #expect(gateway.admits(access) == "token_revoked")
        }
    }

    @Test func `Saying it twice changes nothing`() throws {
        let gateway = gateway()
        let (_, access, refresh) = try gateway.login()
        for _ in 0..<3 { #expect(try gateway.send("POST", "/logout", bearer(access)).status == 204) }
        for _ in 0..<2 { #expect(try gateway.send("POST", "/logout", bearer(refresh)).status == 204) }
    }

    @Test(arguments: ["/logout", "/logout-everywhere", "/revoke"])
    func `A logout outlives the longest token of its session, however long the application makes them`(_ path: String) throws {
        let gateway = gateway()
        // A day, where the gateway reckons with half of one.
        let token = Toy.token("{\"sub\":\"alice\",\"iat\":\(start),\"exp\":\(start + 86_400),\"jti\":\"t-1\"}")
        let answer =
            path == "/revoke"
            ? try gateway.form(path, "token=\(token)", now: later) : try gateway.send("POST", path, bearer(token), now: later)
        #expect(answer.status < 300)
        for age in [10, 43_200 + 20, 86_399] as [Int64] { #expect(gateway.admits(token, now: start + age) == "token_revoked") }
    }

    @Test func `A refresh token whose session the store has lost ends that session's access tokens`() throws {
        for path in ["/logout", "/logout-everywhere", "/revoke"] {
            let gateway = gateway()
            let (session, pair) = try gateway.endpoints.issuer.begin(
                claims: Array(EndpointGateway.claims.utf8), device: Session.Device(), address: "", now: NumericDate(seconds: start))
            let (access, refresh) = (String(copying: pair.accessToken.span), String(copying: pair.refreshToken.span))
            #expect(gateway.session(session.id) == nil)
            #expect(gateway.admits(access) == nil)
            let answer = try gateway.form(path, path == "/revoke" ? "token=\(refresh)" : "refresh_token=\(refresh)")
            #expect((answer.status == 401) == (path == "/logout-everywhere"), "whose other sessions there are, nobody knows")
            #expect(gateway.admits(access) == "token_revoked")
        }
    }

    @Test(arguments: [("POST", "/api/auth/refresh-token"), ("GET", "/sessions")])
    func `Nothing is answered by an access token that is revoked before the content has come`(_ method: String, _ path: String) throws {
        let gateway = gateway(.bearerAccess)
        let (session, access, _) = try gateway.login()
        let outcome = gateway.call(method, path, bearer(access), content: "x") {
            _ = gateway.perform(.end(session.id, .logout), now: later)
        }
        guard case .answer(let answer) = outcome else { throw TestFailure() }
        #expect(answer.status == 401)
        #expect(!answer.body.contains("access_token"))
        #expect(!answer.body.contains("created_at"))
    }

    private struct TestFailure: Error {}

    @Test func `A revoked access token does not keep a live refresh token from ending its session`() throws {
        for place in ["cookie", "content"] {
            let gateway = gateway()
            let (_, revoked, _) = try gateway.login()
            #expect(try gateway.send("POST", "/logout", bearer(revoked)).status == 204)
            let (session, _, refresh) = try gateway.login()
            let answer =
                place == "cookie"
                ? try gateway.send("POST", "/logout", bearer(revoked) + ["Cookie: __Host-refresh=\(refresh)"])
                : try gateway.send(
                    "POST", "/logout", bearer(revoked) + ["Content-Type: application/x-www-form-urlencoded"],
                    content: "refresh_token=\(refresh)")
            #expect(answer.status == 204)
            #expect(gateway.session(session.id)?.end?.reason == .logout)
        }
    }

    @Test func `A sliding token of no store ends with all its successors`() throws {
        let gateway = gateway()
        let token = Toy.token(#"{"sub":"alice","iat":1000,"exp":4600,"jti":"t-1"}"#)
        let successor = try #require(Gateway().exchange(token: token, now: 4_100).successor)
        #expect(gateway.admits(successor, now: 4_100) == nil)
        let answer = try gateway.send("POST", "/logout", bearer(token), now: 4_100)
        #expect(answer.status == 204)
        #expect(gateway.questions == 2)
        #expect(gateway.admits(token, now: 4_100) == "token_revoked")
        #expect(gateway.admits(successor, now: 4_100) == "token_revoked")
    }

    @Test func `Without a token, or with one of nobody here, nothing ends`() throws {
        let gateway = gateway()
        let (session, access, _) = try gateway.login()
        let missing = try gateway.send("POST", "/logout")
        #expect(missing.status == 401)
        #expect(missing.string("code") == "token_missing")
        #expect(missing.values("Set-Cookie") == [cleared])
        let foreign = Toy.token(Toy.claims(of: access), key: ToyKey(secret: 9))
        #expect(try gateway.send("POST", "/logout", bearer(foreign)).string("code") == "token_invalid")
        let (_, _, other) = try EndpointGateway(.oauth2, secret: 2).login()
        #expect(try gateway.send("POST", "/logout", ["Cookie: __Host-refresh=\(other)"]).string("code") == "token_invalid")
        #expect(try gateway.send("POST", "/logout", bearer(access), now: start + 900).string("code") == "token_expired")
        #expect(try gateway.json("/logout", "{").status == 400)
        #expect(gateway.questions == 0)
        #expect(gateway.session(session.id)?.end == nil)
    }

    @Test func `A page of another site logs nobody out`() throws {
        let gateway = gateway(sources: [.cookie(name: "at")])
        let (session, access, refresh) = try gateway.login()
        for cookie in ["__Host-refresh=\(refresh)", "at=\(access)"] {
            let answer = try gateway.send("POST", "/logout", ["Cookie: \(cookie)", "Origin: https://evil.test"])
            #expect(answer.status == 403)
            #expect(answer.string("code") == "cross_site")
        }
        #expect(gateway.session(session.id)?.end == nil)
        let own = try gateway.send("POST", "/logout", ["Cookie: at=\(access)", "Origin: https://api.test"])
        #expect(own.status == 204)
        #expect(own.values("Set-Cookie").count == 2)
    }

    @Test func `Everywhere is all sessions of the user, and of nobody else`() throws {
        let gateway = gateway()
        let mine = try (0..<3).map { _ in try gateway.login() }
        let (bob, bobs, _) = try gateway.login(claims: #"{"sub":"bob"}"#)
        let answer = try gateway.send("POST", "/logout-everywhere", bearer(mine[0].access))
        #expect(answer.status == 204)
        #expect(answer.outcome.event == .loggedOutEverywhere)
        #expect(answer.outcome.endedSessions == 3)
        for (session, access, _) in mine {
            #expect(gateway.session(session.id)?.end?.reason == .logoutEverywhere)
            #expect(gateway.admits(access) == "token_revoked")
        }
        #expect(gateway.session(bob.id)?.end == nil)
        #expect(gateway.admits(bobs) == nil)
        #expect(try gateway.send("POST", "/logout-everywhere", bearer(mine[0].access)).status == 401)
    }

    @Test func `Whoever logs in after it, in the very same second, is in`() throws {
        let gateway = gateway()
        let before = try gateway.login(now: later)
        let sliding = Toy.token("{\"sub\":\"alice\",\"iat\":\(later),\"exp\":\(later + 600),\"jti\":\"t-1\"}")
        #expect(try gateway.send("POST", "/logout-everywhere", bearer(sliding), now: later).status == 204)
        let after = try gateway.login(now: later)
        for token in [before.access, sliding] { #expect(gateway.admits(token, now: later) == "token_revoked") }
        #expect(gateway.admits(after.access, now: later) == nil)
        let refreshed = try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(after.refresh)"], now: later)
        #expect(refreshed.status == 200)
    }

    @Test func `So is who was authenticated elsewhere long ago, and logs in after it`() throws {
        let gateway = gateway()
        let claims = "{\"sub\":\"alice\",\"auth_time\":\(start - 3_600),\"orig_iat\":\(start - 3_600)}"
        let before = try gateway.login(claims: claims)
        #expect(try gateway.send("POST", "/logout-everywhere", bearer(before.access), now: later).status == 204)
        let after = try gateway.login(claims: claims, now: later + 2)
        #expect(gateway.admits(before.access, now: later + 2) == "token_revoked")
        #expect(gateway.admits(after.access, now: later + 2) == nil)
    }

    @Test func `No refresh of a session whose tokens are revoked by its name or its user`() throws {
        let targets: [(Session) -> Revocation.Target] = [
            { .session($0.id.text) }, { .subject($0.subject, before: $0.createdAt) },
        ]
        for target in targets {
            let gateway = gateway()
            let (session, _, refresh) = try gateway.login()
            let revocation = Revocation(target(session), expiresAt: NumericDate(seconds: later + 600))
            #expect(gateway.revocations.insert(revocation, now: NumericDate(seconds: later)))
            let answer = try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(refresh)"])
            #expect(answer.status == 401)
            #expect(answer.outcome.reason == "revoked")
        }
    }

    @Test func `Everywhere takes a current refresh token, and no used-up one`() throws {
        let gateway = gateway()
        let (session, access, first) = try gateway.login()
        _ = try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(first)"])
        let old = try gateway.send("POST", "/logout-everywhere", ["Cookie: __Host-refresh=\(first)"], now: later + 60)
        #expect(old.status == 401)
        #expect(gateway.admits(access) == nil)
        let current = gateway.codec.text(of: RefreshToken(session: session.id, counter: 1))
        let text = String(copying: current.span)
        #expect(try gateway.send("POST", "/logout-everywhere", ["Cookie: __Host-refresh=\(text)"], now: later + 60).status == 204)
        #expect(gateway.session(session.id)?.end?.reason == .logoutEverywhere)
    }

    @Test func `A store that is away is said, and nobody thinks to be logged out`() throws {
        let gateway = gateway()
        let (_, access, refresh) = try gateway.login()
        gateway.storeFailure = .away("")
        #expect(try gateway.send("POST", "/logout", bearer(access)).status == 503)
        #expect(try gateway.send("POST", "/logout", bearer(refresh)).status == 503)
        #expect(try gateway.send("POST", "/logout-everywhere", bearer(access)).status == 503)
        #expect(try gateway.form("/revoke", "token=\(access)").status == 503)
        #expect(try gateway.send("GET", "/sessions", bearer(access)).status == 503)
        #expect(gateway.admits(access) == nil)
    }

    // MARK: RFC 7009

    @Test func `Revocation takes either token, with any hint`() throws {
        let gateway = gateway()
        for hint in ["", "&token_type_hint=access_token", "&token_type_hint=refresh_token", "&token_type_hint=nonsense"] {
            for isAccess in [true, false] {
                let (session, access, refresh) = try gateway.login()
                let answer = try gateway.form("/revoke", "token=\(isAccess ? access : refresh)\(hint)")
                #expect(answer.status == 200)
                #expect(answer.body.isEmpty)
                #expect(answer.outcome.event == .revoked)
                #expect(gateway.session(session.id)?.end != nil)
                #expect(gateway.admits(access) == "token_revoked")
            }
        }
    }

    @Test(arguments: ["nonsense", "a.b.c", "sgr_x"])
    func `A token that is none is as good as revoked`(_ token: String) throws {
        let gateway = gateway()
        #expect(try gateway.form("/revoke", "token=\(token)").status == 200)
        #expect(gateway.questions == 0)
    }

    @Test(arguments: ["", "token=", "token=a&token=a", "token=%", "tokens=a"])
    func `A form without one token is invalid_request`(_ form: String) throws {
        for path in ["/revoke", "/introspect"] {
            let answer = try gateway().form(path, form, bearer("let-me-look"))
            #expect(answer.status == 400)
            #expect(answer.string("error") == "invalid_request")
        }
    }

    // MARK: RFC 7662

    private func introspect(_ gateway: EndpointGateway, _ token: String, now: Int64? = nil) throws -> EndpointGateway.Answer {
        try gateway.form("/introspect", "token=\(token)", bearer("let-me-look"), now: now ?? later)
    }

    @Test func `An access token is shown with all that it says`() throws {
        let gateway = gateway()
        let (_, access, _) = try gateway.login()
        let answer = try introspect(gateway, access)
        #expect(answer.status == 200)
        #expect(answer.body == #"{"active":true,"token_type":"Bearer","# + Toy.claims(of: access).dropFirst())
    }

    @Test func `Claims cannot make a token active or of another type`() throws {
        let token = Toy.token(#"{"active":false,"token_type":"x","sub":"a","exp":2000000}"#)
        #expect(try introspect(gateway(), token).body == #"{"active":true,"token_type":"Bearer","sub":"a","exp":2000000}"#)
    }

    @Test func `A refresh token is shown while it is good`() throws {
        let gateway = gateway()
        let (session, _, refresh) = try gateway.login()
        #expect(
            try introspect(gateway, refresh).body
                == #"{"active":true,"token_type":"refresh_token","sub":"alice","sid":"\#(session.id.text)","iat":\#(start),"exp":\#(start + 604_800)}"#)
        _ = try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(refresh)"])
        #expect(try introspect(gateway, refresh).body.hasPrefix(#"{"active":true"#))
        #expect(try introspect(gateway, refresh, now: later + 11).body == #"{"active":false}"#)
        #expect(gateway.session(session.id)?.end == nil)
    }

    @Test func `Whatever is not good is inactive, and no more is said`() throws {
        let gateway = gateway()
        let (_, access, refresh) = try gateway.login()
        func hold(_ token: String, now: Int64? = nil) throws {
            let answer = try introspect(gateway, token, now: now)
            #expect(answer.status == 200)
            #expect(answer.body == #"{"active":false}"#)
        }
        try hold("nonsense")
        try hold(Toy.token(Toy.claims(of: access), key: ToyKey(secret: 9)))
        try hold(access, now: start + 900)
        try hold(refresh, now: start + 604_800)
        #expect(try gateway.send("POST", "/logout", bearer(access)).status == 204)
        try hold(access)
        try hold(refresh)
    }

    @Test func `Only who has the secret may look`() throws {
        let gateway = gateway()
        let (_, access, _) = try gateway.login()
        for lines in [[], bearer("let-me-loo"), bearer("let-me-look2"), bearer("LET-ME-LOOK"), ["Authorization: Basic let-me-look"], bearer(access)] {
            let answer = try gateway.form("/introspect", "token=\(access)", lines)
            #expect(answer.status == 401)
            #expect(!answer.body.contains("active"))
        }
    }

    @Test func `Without the revocations it is not said that a token is active`() throws {
        let gateway = gateway()
        gateway.authenticator.revocations = RevocationView(RevocationSet(), awayAfter: 5_000)
        let (_, access, _) = try gateway.login()
        #expect(try introspect(gateway, access).status == 503)
        #expect(try gateway.send("GET", "/sessions", bearer(access)).string("code") == "revocation_unknown")
    }

    // MARK: One's own sessions

    @Test func `The list is of one's own sessions, with the current one marked`() throws {
        let gateway = gateway()
        let device = Session.Device(id: "d1", name: "Phone \"A\"", application: "app")
        let (first, access, _) = try gateway.login(device: device)
        let (second, _, _) = try gateway.login(now: start + 5)
        _ = try gateway.login(claims: #"{"sub":"bob"}"#)
        let answer = try gateway.send("GET", "/sessions", bearer(access))
        func line(_ session: Session, _ device: String, _ current: Bool, _ at: Int64) -> String {
            #"{"id":"\#(session.id.text)","created_at":\#(at),"last_used_at":\#(at),"expires_at":\#(at + 604_800),"#
                + #""address":"192.0.2.1","device":\#(device),"current":\#(current)}"#
        }
        #expect(answer.status == 200)
        #expect(
            answer.body == #"{"sessions":["#
                + line(first, #"{"id":"d1","name":"Phone \"A\"","application":"app"}"#, true, start) + ","
                + line(second, "{}", false, start + 5) + "]}")
        #expect(try gateway.send("GET", "/sessions?cursor=nonsense", bearer(access)).status == 400)
        #expect(try gateway.send("GET", "/sessions?cursor=a&cursor=b", bearer(access)).status == 400)
    }

    @Test func `One of them can be ended, and nobody else's`() throws {
        let gateway = gateway()
        let (_, access, _) = try gateway.login()
        let (other, others, _) = try gateway.login()
        let (bob, bobs, _) = try gateway.login(claims: #"{"sub":"bob"}"#)
        let ended = try gateway.send("DELETE", "/sessions/\(other.id.text)", bearer(access))
        #expect(ended.status == 204)
        #expect(ended.values("Set-Cookie") == [])
        #expect(gateway.session(other.id)?.end?.reason == .endedByUser)
        #expect(gateway.admits(others) == "token_revoked")
        #expect(gateway.admits(access) == nil)
        for id in [other.id.text, bob.id.text, SessionID(high: 1, low: 1).text, "x", "current"] {
            let answer = try gateway.send("DELETE", "/sessions/\(id)", bearer(access))
            #expect(answer.status == 404)
            #expect(answer.string("code") == "session_not_found")
        }
        #expect(gateway.admits(bobs) == nil)
    }

    @Test func `Ending the current one is a logout`() throws {
        let gateway = gateway()
        let (session, access, _) = try gateway.login()
        let answer = try gateway.send("DELETE", "/sessions/\(session.id.text)", bearer(access))
        #expect(answer.values("Set-Cookie") == [cleared])
        #expect(gateway.session(session.id)?.end?.reason == .logout)
        #expect(try gateway.send("DELETE", "/sessions/\(session.id.text)", bearer(access)).string("code") == "token_revoked")
    }

    @Test func `Sessions are for those who are let in, by an access token that names them`() throws {
        let gateway = gateway()
        let (session, _, refresh) = try gateway.login()
        for (method, path) in [("GET", "/sessions"), ("DELETE", "/sessions/\(session.id.text)")] {
            #expect(try gateway.send(method, path).string("code") == "token_missing")
            #expect(try gateway.send(method, path, bearer(refresh)).string("code") == "token_malformed")
            let nobody = Toy.token(#"{"exp":2000000}"#)
            #expect(try gateway.send(method, path, bearer(nobody)).status == 403)
        }
        #expect(try gateway.send("POST", "/sessions").values("Allow") == ["GET, HEAD"])
        #expect(try gateway.send("GET", "/sessions/x").values("Allow") == ["DELETE"])
        guard case .noEndpoint = gateway.call("DELETE", "/sessions/x/y"), case .noEndpoint = gateway.call("GET", "/sessions/") else {
            Issue.record("more than one segment is an endpoint")
            return
        }
        #expect(gateway.questions == 0)
    }
}
