import Testing

/// Goal: access tokens of a session slide like any others, within the session, and end with it. Method: access tokens of seconds.
@Suite("Sliding and refresh together")
struct SlidingSessionTests {
    private static let root = "routes: [ { path: / } ]\nsliding: { buffer: 60% }"
    private static let settings = "  access: { lifetime: 20s }\n  refresh: { lifetime: 60s, policy: sliding-with-cap, cap: 1h }"

    @Test func `an access token that is used is renewed, keeps its session, and ends with it`() throws {
        let sessions = try SessionGateway(settings: Self.settings, root: Self.root)
        let pair = try sessions.logIn()
        var renewed: String?
        try eventually {
            renewed = try sessions.get(pair.access)["X-Refresh-Token"]
            return renewed != nil
        }
        let successor = try #require(renewed)
        let token = try #require(Token(verifying: successor))
        #expect(token.string("sid") == pair.session)
        #expect(try sessions.get(successor).status == 200)
        let next = try sessions.pair(sessions.refresh(pair))
        #expect(try sessions.get(successor).status == 200, "a refresh ends nothing")
        let logout = try sessions.gateway.exchange(sessions.post("/auth/logout", "", type: nil, ["Authorization: Bearer \(successor)"]))
        #expect((200...204).contains(logout.status))
        for access in [pair.access, successor, next.access] {
            expectProblem(try sessions.get(access), status: 401, code: "token_revoked")
        }
        #expect(try sessions.refresh(next).status == 400)
    }

    @Test func `answers of endpoints and logins carry no successor`() throws {
        let sessions = try SessionGateway(settings: Self.settings, root: Self.root)
        let pair = try sessions.logIn()
        try eventually { try sessions.get(pair.access).has("X-Refresh-Token") }
        #expect(try !sessions.get(pair.access, at: "/auth/sessions").has("X-Refresh-Token"))
        let login = try sessions.gateway.exchange(sessions.logInRequest("ann", ["Authorization: Bearer \(pair.access)"]))
        #expect(login.status == 200 && !login.has("X-Refresh-Token"))
        #expect(try !sessions.refresh(pair).has("X-Refresh-Token"))
    }
}
