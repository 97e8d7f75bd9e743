import Foundation
import Testing

/// Goal: a session that has been ended is ended, at once and everywhere it is seen (semantics §2, §3.6). Method: log in, end it
/// in each of the ways there are, and try what is left.
@Suite("Ways for a session to end")
struct EndingTests {
    private func expectEnded(_ pair: TokenPair, _ sessions: SessionGateway, _ location: SourceLocation = #_sourceLocation) throws {
        expectProblem(try sessions.get(pair.access), status: 401, code: "token_revoked", sourceLocation: location)
        #expect(try sessions.refresh(pair).status == sessions.preset.invalid, sourceLocation: location)
    }

    private func expectAlive(_ pair: TokenPair, _ sessions: SessionGateway, _ location: SourceLocation = #_sourceLocation) throws {
        #expect(try sessions.get(pair.access).status == 200, sourceLocation: location)
    }

    @Test func `logout by access token ends that session and no other`() throws {
        let sessions = try SessionGateway()
        let (here, there) = (try sessions.logIn(), try sessions.logIn())
        let answer = try sessions.gateway.exchange(sessions.post("/auth/logout", "", type: nil, ["Authorization: Bearer \(here.access)"]))
        #expect((200...204).contains(answer.status), "\(answer.text)")
        try expectEnded(here, sessions)
        try expectAlive(there, sessions)
        try sessions.gateway.process.waitForLine(containing: " logged_out session=\(try #require(here.session)) ")
        #expect(try sessions.gateway.metric("slidegate_logouts_total") == 1)
    }

    @Test func `logout everywhere ends all sessions of the user, and later ones begin`() throws {
        let sessions = try SessionGateway()
        let (here, there, other) = (try sessions.logIn(), try sessions.logIn(), try sessions.logIn("bob"))
        let answer = try sessions.gateway.exchange(
            sessions.post("/auth/logout-everywhere", "", type: nil, ["Authorization: Bearer \(here.access)"]))
        #expect((200...204).contains(answer.status), "\(answer.text)")
        try expectEnded(here, sessions)
        try expectEnded(there, sessions)
        try expectAlive(other, sessions)
        // Within the second of the logout a new token could not be told from the old ones.
        let logout = Token.now()
        try eventually { Token.now() > logout }
        try expectAlive(try sessions.logIn(), sessions)
    }

    @Test func `logout of a plain token that no login here has made`() throws {
        let sessions = try SessionGateway()
        let token = Token.fresh
        #expect(try sessions.get(token).status == 200)
        let answer = try sessions.gateway.exchange(sessions.post("/auth/logout", "", type: nil, ["Authorization: Bearer \(token)"]))
        #expect((200...204).contains(answer.status), "\(answer.text)")
        expectProblem(try sessions.get(token), status: 401, code: "token_revoked")
    }

    @Test(arguments: ["refresh_token", "access_token", ""])
    func `RFC 7009 revokes by either token, and says 200 to whatever comes`(_ hint: String) throws {
        let sessions = try SessionGateway()
        let pair = try sessions.logIn()
        let token = hint == "refresh_token" ? pair.refresh : pair.access
        let more = hint.isEmpty ? "" : "&token_type_hint=\(hint)"
        let type = "application/x-www-form-urlencoded"
        #expect(try sessions.gateway.exchange(sessions.post("/auth/revoke", "token=\(token)\(more)", type: type)).status == 200)
        try expectEnded(pair, sessions)
        #expect(try sessions.gateway.exchange(sessions.post("/auth/revoke", "token=\(token)", type: type)).status == 200)
        #expect(try sessions.gateway.exchange(sessions.post("/auth/revoke", "token=nonsense", type: type)).status == 200)
        #expect(try sessions.gateway.exchange(sessions.post("/auth/revoke", "", type: type)).status == 400)
        #expect(try #require(try sessions.gateway.metric("slidegate_revocations_total")) >= 1)
    }

    @Test func `RFC 7662 tells resource servers whether a token is active, and nobody else`() throws {
        let sessions = try SessionGateway()
        let pair = try sessions.logIn()
        let type = "application/x-www-form-urlencoded"
        func introspect(_ token: String, secret: String = SessionGateway.introspectionSecret) throws -> Message {
            try sessions.gateway.exchange(
                sessions.post("/auth/introspect", "token=\(token)", type: type, ["Authorization: Bearer \(secret)"]))
        }
        let access = try introspect(pair.access)
        #expect(access.json?["active"] as? Bool == true, "\(access.text)")
        #expect(access.json?["sub"] as? String == "ann" && access.json?["sid"] as? String == pair.session)
        #expect(try introspect(pair.refresh).json?["active"] as? Bool == true)
        for token in ["nonsense", Token.with(left: -100)] {
            let answer = try introspect(token)
            #expect(answer.status == 200 && answer.json?["active"] as? Bool == false && answer.json?.count == 1)
        }
        #expect(try introspect(pair.access, secret: "wrong").status == 401)
        #expect(try sessions.gateway.exchange(sessions.post("/auth/introspect", "token=\(pair.access)", type: type)).status == 401)
        _ = try sessions.gateway.exchange(sessions.post("/auth/revoke", "token=\(pair.refresh)", type: type))
        #expect(try introspect(pair.access).json?["active"] as? Bool == false)
        #expect(try introspect(pair.refresh).json?["active"] as? Bool == false)
    }

    @Test func `users list their own sessions and end one of them`() throws {
        let sessions = try SessionGateway()
        let phone = try sessions.pair(
            try sessions.gateway.exchange(
                sessions.logInRequest("ann", ["X-Device-Id: d-1", "X-Device-Name: Ann's phone", "X-Application-Id: app"])))
        let laptop = try sessions.logIn("ann", "User-Agent: Browser/1.0")
        let other = try sessions.logIn("bob")
        let list = try sessions.get(laptop.access, at: "/auth/sessions")
        #expect(list.status == 200)
        expectUncacheable(list)
        let entries = try #require(list.json?["sessions"] as? [[String: Any]], "\(list.text)")
        #expect(Set(entries.compactMap { $0["id"] as? String }) == Set([phone.session, laptop.session].compactMap(\.self)))
        #expect(list.text.contains("Ann's phone") && list.text.contains("Browser/1.0") && list.text.contains("127.0.0.1"))
        for secret in [phone.refresh, phone.access, laptop.refresh] { #expect(!list.text.contains(secret)) }
        #expect(try sessions.gateway.get("/auth/sessions").status == 401)

        func end(_ session: String?, by access: String) throws -> Int {
            try sessions.gateway.exchange(
                "DELETE /auth/sessions/\(session ?? "") HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(access)\r\n\r\n").status
        }
        #expect(try end(other.session, by: laptop.access) == 404, "somebody else's is as good as none")
        try expectAlive(other, sessions)
        #expect((200...204).contains(try end(phone.session, by: laptop.access)))
        try expectEnded(phone, sessions)
        try expectAlive(laptop, sessions)
        #expect(try end(phone.session, by: laptop.access) == 404)
        #expect(try end("nonsense", by: laptop.access) == 404)
    }

    @Test func `beyond the limit for each user the least recently used session gives way`() throws {
        let sessions = try SessionGateway(settings: "  refresh: { per_user: 2 }")
        let pairs = try (0..<3).map { _ in
            // Sessions know seconds: of two in one there is no telling which is the older.
            let second = Token.now()
            try eventually { Token.now() > second }
            return try sessions.logIn()
        }
        try expectEnded(pairs[0], sessions)
        try expectAlive(pairs[1], sessions)
        try expectAlive(pairs[2], sessions)
    }

    @Test func `a refresh token ends when it has not been used for its lifetime`() throws {
        let sessions = try SessionGateway(settings: "  refresh: { lifetime: 2s, policy: sliding, grace: 1s }\n  access: { lifetime: 1s }",
            root: "routes: [ { path: / } ]\nsliding: { buffer: 10% }")
        let pair = try sessions.logIn()
        let begun = Token.preciseNow()
        try eventually { Token.preciseNow() > begun + 3 }
        #expect(try sessions.refresh(pair).status == sessions.preset.invalid)
        #expect(try sessions.gateway.metric("slidegate_refreshes_refused_total{reason=\"expired\"}") == 1)
    }
}
