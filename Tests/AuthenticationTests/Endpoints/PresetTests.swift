import Bytes
import JOSE
import Sessions
import Testing

@testable import Authentication

/// The wire formats that front ends know, to the byte.
@Suite("Presets")
struct PresetTests {
    private let later = EndpointGateway.start + 10

    /// The pair that follows the first one of a session, refreshed at `later`.
    private func successors(_ gateway: EndpointGateway, _ session: Session) throws -> (access: String, refresh: String) {
        let refreshed = try #require(gateway.session(session.id))
        #expect(refreshed.counter == 1)
        let pair = try #require(gateway.endpoints.issuer.pair(for: refreshed, now: NumericDate(seconds: later)))
        return (String(copying: pair.accessToken.span), String(copying: pair.refreshToken.span))
    }

    // MARK: oauth2

    @Test func `oauth2 answers RFC 6749 §5.1`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (session, _, refresh) = try gateway.login()
        let answer = try gateway.form("/oauth/token", "grant_type=refresh_token&refresh_token=\(refresh)&scope=a%20b")
        let (access, next) = try successors(gateway, session)
        #expect(answer.status == 200)
        #expect(answer.values("Content-Type") == ["application/json"])
        #expect(
            answer.body
                == #"{"access_token":"\#(access)","token_type":"Bearer","expires_in":900,"refresh_token":"\#(next)"}"#)
        #expect(answer.outcome.event == .refreshed)
        #expect(answer.outcome.session == session.id)
    }

    @Test(arguments: [
        ("grant_type=refresh_token", "invalid_request"), ("refresh_token=x", "invalid_request"), ("", "invalid_request"),
        ("grant_type=&refresh_token=x", "invalid_request"), ("grant_type=refresh_token&refresh_token=", "invalid_request"),
        ("grant_type=password&username=a&password=b&refresh_token=x", "unsupported_grant_type"),
        ("grant_type=refresh_token&refresh_token=x&refresh_token=x", "invalid_request"),
        ("grant_type=refresh_token&grant_type=refresh_token&refresh_token=x", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=%zz", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x", "invalid_grant"),
    ])
    func `oauth2 refuses as RFC 6749 §5.2 says`(_ content: String, _ error: String) throws {
        let gateway = EndpointGateway(.oauth2)
        let answer = try gateway.form("/oauth/token", content)
        #expect(answer.status == 400)
        #expect(answer.values("Content-Type") == ["application/json"])
        #expect(answer.body.hasPrefix(#"{"error":"\#(error)","error_description":""#))
        #expect(gateway.questions == 0)
    }

    @Test func `oauth2 takes forms alone`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, _, refresh) = try gateway.login()
        let content = #"{"grant_type":"refresh_token","refresh_token":"\#(refresh)"}"#
        #expect(try gateway.json("/oauth/token", content).string("error") == "invalid_request")
        let query = try gateway.send("POST", "/oauth/token?grant_type=refresh_token&refresh_token=\(refresh)")
        #expect(query.string("error") == "invalid_request")
        let coded = ["Content-Type: application/x-www-form-urlencoded", "Content-Encoding: gzip"]
        let form = "grant_type=refresh_token&refresh_token=\(refresh)"
        #expect(try gateway.send("POST", "/oauth/token", coded, content: form).status == 400)
        #expect(gateway.questions == 0)
        #expect(try gateway.send("POST", "/oauth/token", ["Content-Type: Application/X-WWW-Form-URLEncoded; charset=utf-8"], content: form).status == 200)
    }

    @Test func `oauth2 says temporarily_unavailable`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, _, refresh) = try gateway.login()
        gateway.storeFailure = .away("")
        let answer = try gateway.form("/oauth/token", "grant_type=refresh_token&refresh_token=\(refresh)")
        #expect(answer.status == 503)
        #expect(answer.body == #"{"error":"temporarily_unavailable"}"#)
        #expect(answer.outcome.event == .sessionsUnavailable)
        #expect(answer.outcome.reason == "away")
    }

    // MARK: simplejwt

    @Test func `simplejwt answers access and, when rotating, refresh`() throws {
        let gateway = EndpointGateway(.simplejwt)
        let (session, _, refresh) = try gateway.login()
        let answer = try gateway.json("/api/token/refresh/", #"{"refresh":"\#(refresh)"}"#)
        let (access, next) = try successors(gateway, session)
        #expect(answer.status == 200)
        #expect(answer.body == #"{"access":"\#(access)","refresh":"\#(next)"}"#)
    }

    @Test func `simplejwt answers access alone when nothing rotates`() throws {
        let gateway = EndpointGateway(.simplejwt, rules: SessionRules(rotates: false))
        let (_, _, refresh) = try gateway.login()
        let answer = try gateway.json("/api/token/refresh/", #"{"refresh":"\#(refresh)"}"#)
        #expect(answer.body.wholeMatch(of: /\{"access":"[A-Za-z0-9._-]+"\}/) != nil)
        #expect(try gateway.json("/api/token/refresh/", #"{"refresh":"\#(refresh)"}"#).status == 200)
    }

    @Test func `simplejwt refuses in the words of Django REST framework`() throws {
        let gateway = EndpointGateway(.simplejwt)
        for content in ["{}", #"{"refresh":""}"#, #"{"refresh":null}"#, #"{"token":"x"}"#] {
            let missing = try gateway.json("/api/token/refresh/", content)
            #expect(missing.status == 400)
            #expect(missing.body == #"{"refresh":["This field is required."]}"#)
        }
        let invalid = try gateway.json("/api/token/refresh/", #"{"refresh":"x"}"#)
        #expect(invalid.status == 401)
        #expect(invalid.body == #"{"detail":"Token is invalid or expired","code":"token_not_valid"}"#)
        #expect(invalid.values("Content-Type") == ["application/json"])
    }

    @Test(arguments: [
        "", "[]", "{", #"{"refresh":"a"}{}"#, #"{"refresh":"a","refresh":"a"}"#, #"{"refresh":"a","re\u0066resh":"a"}"#,
        #"{"refresh":7}"#, #"{"refresh":["a"]}"#, "\u{FEFF}{}", #"{"refresh":"\ud800"}"#,
        #"{"a":"# + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + "}",
    ])
    func `Content that is no object, or not one for certain, is malformed`(_ content: String) throws {
        let gateway = EndpointGateway(.simplejwt)
        let answer = try gateway.json("/api/token/refresh/", content)
        #expect(answer.status == 400)
        #expect(gateway.questions == 0)
    }

    @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"])
    func `JSON has its type`(_ type: String) throws {
        let gateway = EndpointGateway(.simplejwt)
        let (_, _, refresh) = try gateway.login()
        let content = #"{"refresh":"\#(refresh)"}"#
        #expect(try gateway.send("POST", "/api/token/refresh/", ["Content-Type: \(type)"], content: content).status == 415)
        #expect(try gateway.send("POST", "/api/token/refresh/", [], content: content).status == 415)
        #expect(gateway.questions == 0)
        let json = ["Content-Type: application/json;charset=UTF-8"]
        #expect(try gateway.send("POST", "/api/token/refresh/", json, content: content).status == 200)
    }

    // MARK: express

    @Test func `express answers the envelope with the user's claims`() throws {
        let gateway = EndpointGateway(.express)
        let (session, _, refresh) = try gateway.login()
        let answer = try gateway.json("/refresh-token", #"{"refreshToken":"\#(refresh)"}"#)
        let (access, next) = try successors(gateway, session)
        let data = #""access_token":"\#(access)","refresh_token":"\#(next)","username":"Alice","email":"a@x.test","role":"admin""#
        #expect(answer.status == 200)
        #expect(answer.body == #"{"code":200,"message":"Token refreshed","data":{\#(data)}}"#)
    }

    @Test func `express leaves out what the claims do not say`() throws {
        let gateway = EndpointGateway(.express)
        let (_, _, refresh) = try gateway.login(claims: #"{"sub":"bob","role":["a","b"]}"#)
        let answer = try gateway.json("/refresh-token", #"{"refreshToken":"\#(refresh)"}"#)
        #expect(answer.body.hasSuffix(#","role":["a","b"]}}"#))
        #expect(!answer.body.contains("username") && !answer.body.contains("email"))
    }

    @Test func `express refuses with 400 when absent`() throws {
        let gateway = EndpointGateway(.express)
        let answer = try gateway.json("/refresh-token", "{}")
        #expect(answer.status == 400)
        #expect(answer.body.hasPrefix(#"{"code":400,"message":""#))
        #expect(try gateway.send("POST", "/refresh-token").status == 400)
    }

    @Test func `express refuses with 403 when invalid, expired, unknown or used up`() throws {
        let gateway = EndpointGateway(.express, rules: SessionRules(refreshSeconds: 100))
        func refresh(_ token: String, now: Int64) throws -> EndpointGateway.Answer {
            try gateway.json("/refresh-token", #"{"refreshToken":"\#(token)"}"#, now: now)
        }
        func hold(_ answer: EndpointGateway.Answer, _ reason: String) {
            #expect(answer.status == 403)
            #expect(answer.body == #"{"code":403,"message":"The token is invalid, expired, or has been used."}"#)
            #expect(answer.outcome.reason == reason)
        }
        hold(try refresh("nonsense", now: later), "malformed")
        let (_, _, expiring) = try gateway.login()
        hold(try refresh(expiring, now: EndpointGateway.start + 100), "expired")
        let foreign = gateway.codec.text(of: RefreshToken(session: SessionID(high: 1, low: 2), counter: 0))
        hold(try refresh(String(copying: foreign.span), now: later), "unknown")
        let (session, _, first) = try gateway.login()
        #expect(try refresh(first, now: later).status == 200)
        let reuse = try refresh(first, now: later + 60)
        hold(reuse, "reuse")
        #expect(reuse.outcome.event == .reuseDetected)
        #expect(reuse.outcome.session == session.id)
        hold(try refresh(first, now: later + 61), "ended")
    }

    // MARK: cookie

    @Test func `cookie answers the access token in JSON and the rotated cookie`() throws {
        let gateway = EndpointGateway(.cookie)
        let (session, _, refresh) = try gateway.login()
        let answer = try gateway.send("POST", "/refresh", ["Cookie: a=b; __Host-refresh=\(refresh)"])
        let (access, next) = try successors(gateway, session)
        #expect(answer.status == 200)
        #expect(answer.body == #"{"access_token":"\#(access)","token_type":"Bearer","expires_in":900}"#)
        #expect(
            answer.values("Set-Cookie") == [
                "__Host-refresh=\(next); Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict"
            ])
    }

    @Test func `cookie refuses with 401, and other sites with 403`() throws {
        let gateway = EndpointGateway(.cookie)
        let (_, _, refresh) = try gateway.login()
        let missing = try gateway.send("POST", "/refresh")
        #expect(missing.status == 401)
        #expect(missing.values("WWW-Authenticate") == [#"Bearer realm="test""#])
        #expect(try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=x"]).status == 401)
        let twice = try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(refresh); __Host-refresh=\(refresh)"])
        #expect(twice.status == 400)
        for line in ["Origin: https://evil.test", "Sec-Fetch-Site: cross-site"] {
            let answer = try gateway.send("POST", "/refresh", ["Cookie: __Host-refresh=\(refresh)", line])
            #expect(answer.status == 403)
            #expect(answer.string("code") == "cross_site")
        }
        #expect(gateway.questions == 0)
        let own = ["Cookie: __Host-refresh=\(refresh)", "Origin: https://api.test", "Sec-Fetch-Site: same-origin"]
        #expect(try gateway.send("POST", "/refresh", own).status == 200)
    }

    @Test func `Content that nobody asked for is taken and ignored`() throws {
        let gateway = EndpointGateway(.cookie)
        let (_, _, refresh) = try gateway.login()
        let lines = ["Cookie: __Host-refresh=\(refresh)", "Content-Type: application/json"]
        #expect(try gateway.send("POST", "/refresh", lines, content: "{{{").status == 200)
    }

    // MARK: bearer-refresh

    @Test func `bearer-refresh answers accessToken`() throws {
        let gateway = EndpointGateway(.bearerRefresh, rules: SessionRules(rotates: false))
        let (_, _, refresh) = try gateway.login()
        let answer = try gateway.send("POST", "/refresh-token", ["Authorization: Bearer \(refresh)"])
        #expect(answer.status == 200)
        #expect(answer.body.wholeMatch(of: /\{"accessToken":"[A-Za-z0-9._-]+"\}/) != nil)
    }

    @Test func `bearer-refresh does not lose a rotation`() throws {
        let gateway = EndpointGateway(.bearerRefresh)
        let (session, _, refresh) = try gateway.login()
        let answer = try gateway.send("POST", "/refresh-token", ["Authorization: Bearer \(refresh)"])
        let (access, next) = try successors(gateway, session)
        #expect(answer.body == #"{"accessToken":"\#(access)","refreshToken":"\#(next)"}"#)
    }

    @Test func `bearer-refresh refuses with 401 and error`() throws {
        let gateway = EndpointGateway(.bearerRefresh)
        let (_, access, refresh) = try gateway.login()
        let bad = [
            [], ["Authorization: Bearer"], ["Authorization: Bearer nonsense"], ["Authorization: Bearer \(access)"],
            ["Authorization: Basic YTpi"], ["Authorization: Bearer \(refresh)", "Authorization: Bearer \(refresh)"],
        ]
        for lines in bad {
            let answer = try gateway.send("POST", "/refresh-token", lines)
            #expect(answer.status == 401)
            #expect(answer.body.wholeMatch(of: /\{"error":"[^"]+"\}/) != nil)
        }
        #expect(gateway.questions == 0)
    }

    // MARK: bearer-access

    /// Issued at 1000, ends at 4600; the window opens at 4000.
    private let user = Toy.token(#"{"sub":"alice","id":7,"role":"admin","iat":1000,"exp":4600,"jti":"t-1"}"#)

    private func renew(_ gateway: EndpointGateway, _ token: String, now: Int64) throws -> EndpointGateway.Answer {
        try gateway.send("POST", "/api/auth/refresh-token", ["Authorization: Bearer \(token)"], now: now)
    }

    @Test func `bearer-access answers the successor and the user`() throws {
        let gateway = EndpointGateway(.bearerAccess)
        let answer = try renew(gateway, user, now: 4_100)
        let successor = try #require(Gateway().exchange(token: user, now: 4_100).successor)
        #expect(answer.status == 200)
        #expect(
            answer.body
                == #"{"access_token":"\#(successor)","token_type":"bearer","user_id":7,"role":"admin","username":"alice"}"#)
        #expect(gateway.questions == 0)
    }

    @Test func `bearer-access leaves out what the token does not say`() throws {
        let gateway = EndpointGateway(.bearerAccess)
        let answer = try renew(gateway, Toy.token(#"{"iat":1000,"exp":4600}"#), now: 4_100)
        #expect(answer.body.wholeMatch(of: /\{"access_token":"[^"]+","token_type":"bearer"\}/) != nil)
    }

    @Test func `bearer-access need not wait for the window, and gives the token itself where there is no gain`() throws {
        let gateway = EndpointGateway(.bearerAccess)
        let early = try #require(try renew(gateway, user, now: 3_500).string("access_token"))
        #expect(early != user)
        #expect(try renew(gateway, user, now: 3_999).string("access_token") == early)
        #expect(Toy.claims(of: early).contains(#""iat":3400,"exp":7000"#))
        #expect(try renew(gateway, user, now: 1_000).string("access_token") == user)
        #expect(gateway.admits(early, now: 3_500) == nil)
    }

    @Test func `bearer-access refuses what no route lets in`() throws {
        let gateway = EndpointGateway(.bearerAccess)
        #expect(try renew(gateway, user, now: 4_600).string("code") == "token_expired")
        #expect(try renew(gateway, Toy.token(#"{"iat":1000,"exp":4600}"#, key: ToyKey(secret: 9)), now: 4_100).string("code") == "token_invalid")
        let missing = try gateway.send("POST", "/api/auth/refresh-token", now: 4_100)
        #expect(missing.status == 401)
        #expect(missing.values("WWW-Authenticate") == [#"Bearer realm="test""#])
        _ = gateway.revocations.insert(
            Revocation(.token("t-1"), expiresAt: NumericDate(seconds: 9_000)), now: NumericDate(seconds: 4_000))
        let revoked = try renew(gateway, user, now: 4_100)
        #expect(revoked.status == 401)
        #expect(revoked.string("code") == "token_revoked")
        let (_, _, refresh) = try gateway.login()
        #expect(try renew(gateway, refresh, now: 4_100).status == 401)
    }
}
