import Foundation
import Testing

/// Goal: front ends of each make refresh as they are used to (semantics §3). Method: a login through a scripted origin, and then
/// what such a front end does.
@Suite("Refresh, as each preset has it")
struct RefreshTests {
    @Test(arguments: FrontEnd.dual)
    func `a login hands over a pair, and a refresh the next one`(_ preset: FrontEnd) throws {
        let sessions = try SessionGateway(preset)
        let login = try sessions.gateway.exchange(sessions.logInRequest())
        #expect(login.status == 200)
        expectUncacheable(login)
        #expect(!login.has("X-Session-Claims"))
        #expect(login.json?["welcome"] as? Bool == true, "what the upstream says stays")
        let first = try sessions.pair(login)
        let token = try #require(Token(verifying: first.access))
        #expect(token.string("sub") == "ann" && token.string("role") == "admin" && token.string("sid")?.utf8.count == 22)
        #expect(token.integer("exp") == token.integer("iat").map { $0 + 900 })
        #expect(first.counter == 0)
        #expect(try sessions.get(first.access).text == "ok")

        let answer = try sessions.refresh(first)
        #expect(answer.status == 200, "\(answer.headText)\(answer.text)")
        expectUncacheable(answer)
        let second = try sessions.pair(answer, before: first)
        #expect(second.refresh != first.refresh && second.counter == 1)
        #expect(second.access != first.access && second.session == first.session)
        #expect(try sessions.get(second.access).text == "ok")
        #expect(try sessions.get(first.access).text == "ok", "an access token is good until its end")
    }

    @Test(arguments: FrontEnd.dual)
    func `the immediate predecessor gets the same answer again, byte for byte`(_ preset: FrontEnd) throws {
        let sessions = try SessionGateway(preset)
        let first = try sessions.logIn()
        let answer = try sessions.refresh(first)
        let second = try sessions.pair(answer, before: first)
        for _ in 0..<3 {
            let again = try sessions.pair(sessions.refresh(first), before: first)
            #expect(again == second)
        }
        #expect(try sessions.gateway.metric("slidegate_refreshes_total") == 1)
        #expect(try sessions.gateway.metric("slidegate_refreshes_replayed_total") == 3)
        try sessions.gateway.process.waitForLine(containing: " refresh_replayed session=\(try #require(first.session)) token=")
    }

    @Test(arguments: FrontEnd.dual)
    func `an older one ends the session for whoever has it`(_ preset: FrontEnd) throws {
        let sessions = try SessionGateway(preset)
        let other = try sessions.logIn()
        let first = try sessions.logIn()
        let second = try sessions.pair(sessions.refresh(first), before: first)
        let third = try sessions.pair(sessions.refresh(second), before: second)
        #expect(try sessions.refresh(first).status == preset.invalid)
        #expect(try sessions.refresh(third).status == preset.invalid, "the thief, or the victim, has nothing left")
        for pair in [first, second, third] {
            expectProblem(try sessions.get(pair.access), status: 401, code: "token_revoked")
        }
        #expect(try sessions.get(other.access).status == 200, "another session of the same user goes on")
        #expect(try sessions.refresh(other).status == 200)
        #expect(try sessions.gateway.metric("slidegate_reuse_detected_total") == 1)
        let line = try sessions.gateway.process.waitForLine(containing: " reuse_detected ")
        #expect(line.contains(" session=\(try #require(first.session)) token=") && line.hasSuffix(" peer=127.0.0.1"))
    }

    @Test(arguments: FrontEnd.dual)
    func `no token, and one that is none, are refused as the front end expects it`(_ preset: FrontEnd) throws {
        let sessions = try SessionGateway(preset)
        let missing = preset.contentType == "application/json" ? "{}" : preset.contentType == nil ? "" : "grant_type=refresh_token"
        let none = try sessions.gateway.exchange(sessions.post(preset.refreshPath, missing, type: preset.contentType))
        #expect(none.status == preset.missing, "\(none.text)")
        let unknown = try sessions.refresh(TokenPair(access: "", refresh: "sgr_nonsense"))
        #expect(unknown.status == preset.invalid, "\(unknown.text)")
        for answer in [none, unknown] {
            #expect(answer.json != nil)
            #expect(answer.members(of: "Cache-Control").contains("no-store"))
        }
        switch preset.name {
        case "oauth2":
            #expect(none.json?["error"] as? String == "invalid_request" && unknown.json?["error"] as? String == "invalid_grant")
        case "simplejwt":
            #expect(none.json?["refresh"] as? [String] == ["This field is required."])
            #expect(unknown.json?["code"] as? String == "token_not_valid")
        case "express": #expect(unknown.json?["code"] as? Int == 403)
        case "bearer-refresh": #expect(unknown.json?["error"] is String)
        default: #expect(unknown.json?["code"] is String)
        }
    }

    @Test func `without rotation a refresh token stays, and only access tokens are new`() throws {
        let sessions = try SessionGateway(.simplejwt, settings: "  refresh: { rotate: false }")
        let first = try sessions.logIn()
        let answer = try sessions.refresh(first)
        #expect(answer.json?["refresh"] == nil)
        let second = try sessions.pair(answer, before: first)
        #expect(second.refresh == first.refresh)
        #expect(try sessions.refresh(second).status == 200)
    }

    @Test func `grant types other than refresh_token are refused (RFC 6749 §5.2)`() throws {
        let sessions = try SessionGateway(.oauth2)
        let pair = try sessions.logIn()
        let answer = try sessions.gateway.exchange(
            sessions.post("/oauth/token", "grant_type=password&refresh_token=\(pair.refresh)", type: FrontEnd.oauth2.contentType))
        #expect(answer.status == 400 && answer.json?["error"] as? String == "unsupported_grant_type", "\(answer.text)")
        #expect(try sessions.refresh(pair).status == 200, "and nothing was used up")
    }

    @Test func `a token in the query is none`() throws {
        let sessions = try SessionGateway(.oauth2)
        let pair = try sessions.logIn()
        let answer = try sessions.gateway.exchange(
            sessions.post(
                "/oauth/token?grant_type=refresh_token&refresh_token=\(pair.refresh)", "grant_type=refresh_token",
                type: FrontEnd.oauth2.contentType))
        #expect(answer.status == 400)
        #expect(!sessions.gateway.logs.contains(pair.refresh))
    }

    @Test func `an access token slides on demand, and nothing is kept`() throws {
        let sessions = try SessionGateway(.bearerAccess, root: "routes: [ { path: / } ]\nsliding: { buffer: 10m }")
        let now = Token.now()
        let old = Token.signed(claims: #"{"sub":"ann","id":7,"role":"admin","iat":\#(now - 1800),"exp":\#(now + 1800)}"#)
        let answer = try sessions.refresh(TokenPair(access: old, refresh: ""))
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.json?["token_type"] as? String == "bearer" && answer.json?["user_id"] as? Int == 7)
        #expect(answer.json?["username"] as? String == "ann" && answer.json?["role"] as? String == "admin")
        expectUncacheable(answer)
        let token = try #require(Token(verifying: answer.json?["access_token"] as? String ?? ""))
        #expect((token.integer("exp") ?? 0) > now + 1800 && token.string("sub") == "ann")
        #expect(try sessions.get(token.compact).status == 200)
        #expect(try sessions.refresh(TokenPair(access: "", refresh: "")).status == 401)
        let ended = Token.signed(claims: #"{"sub":"ann","iat":\#(now - 7200),"exp":\#(now - 3600)}"#)
        #expect(try sessions.refresh(TokenPair(access: ended, refresh: "")).status == 401)
    }
}
