import Testing

/// Goal: an operator can follow sessions in the log, and a thief of the log has nothing (semantics §8). Method: everything that can
/// happen to sessions, at the level that writes most, and every secret of the run looked for in what was written.
@Suite("Sessions in the log")
struct SessionLogTests {
    @Test(arguments: FrontEnd.dual)
    func `every event is told, and no token, secret, cookie or claim`(_ preset: FrontEnd) throws {
        let sessions = try SessionGateway(preset)
        var secrets = [SessionGateway.refreshSecret, SessionGateway.introspectionSecret]
        let first = try sessions.logIn("ann", "X-Device-Name: the-phone-of-ann", "Cookie: other=a-cookie-value")
        let second = try sessions.pair(sessions.refresh(first), before: first)
        _ = try sessions.refresh(first)
        let third = try sessions.pair(sessions.refresh(second), before: second)
        let gone = try sessions.logIn()
        let revoked = try sessions.logIn()
        secrets += [first, second, third, gone, revoked].flatMap { [$0.access, $0.refresh] }
        _ = try sessions.refresh(first)
        _ = try sessions.refresh(third)
        _ = try sessions.refresh(TokenPair(access: "", refresh: third.access))
        _ = try sessions.gateway.exchange(sessions.post("/auth/logout", "", type: nil, ["Authorization: Bearer \(gone.access)"]))
        _ = try sessions.gateway.exchange(
            sessions.post("/auth/revoke", "token=\(revoked.refresh)", type: "application/x-www-form-urlencoded"))
        _ = try sessions.gateway.exchange(
            sessions.post(
                "/auth/introspect", "token=\(revoked.access)", type: "application/x-www-form-urlencoded",
                ["Authorization: Bearer \(SessionGateway.introspectionSecret)"]))
        _ = try sessions.get(third.access, at: "/auth/sessions")
        _ = try sessions.gateway.get("/?token=\(first.refresh)", "Cookie: __Host-refresh=\(first.refresh)")
        sessions.gateway.process.signal(15)
        try sessions.gateway.process.waitForLine(containing: "slidegate: stopped")
        try sessions.gateway.process.waitUntilRead()
        let logs = sessions.gateway.logs
        for event in [
            "session_created", "refreshed", "refresh_replayed", "reuse_detected", "refresh_refused", "logged_out", "revoked", "introspected",
        ] {
            #expect(logs.contains(" \(event) "), "\(event)")
        }
        for secret in secrets {
            #expect(!logs.contains(secret))
            #expect(!logs.contains(secret.suffix(20)))
        }
        for text in ["ann@example.org", "the-phone-of-ann", "a-cookie-value", "sgr_"] { #expect(!logs.contains(text), "\(text)") }
        let created = try #require(logs.split(separator: "\n").first { $0.contains(" session_created ") })
        #expect(created.contains(" session=\(try #require(first.session)) ") && created.hasSuffix(" peer=127.0.0.1"))
        #expect(logs.contains(" sessions_created=3 refreshes=2 refreshes_replayed=1 reuse_detected=1 logouts=1 revocations=1"))
    }
}
