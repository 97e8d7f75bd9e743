import Bytes
import JOSE
import Sessions
import Testing

@testable import Authentication

@Suite("Refresh (semantics §3)")
struct RefreshTests {
    private let start = EndpointGateway.start

    private func refresh(_ gateway: EndpointGateway, _ token: String, now: Int64) throws -> EndpointGateway.Answer {
        try gateway.form("/oauth/token", "grant_type=refresh_token&refresh_token=\(token)", now: now)
    }

    // MARK: Access tokens

    @Test func `An access token says what the login said, and what the gateway adds`() throws {
        let authentication = Gateway.policy(validation: ValidationRules(issuers: ["https://i.test", "old"], audiences: ["api"]))
        let gateway = EndpointGateway(.oauth2, authentication: authentication)
        let given = #"{"sub":"alice","big":9007199254740993,"é":"\u00e9","exp":1,"iat":2,"nbf":3,"jti":"x","sid":"y","orig_iat":4}"#
        let (session, access, _) = try gateway.login(claims: given)
        let jti = try #require(Toy.claims(of: access).firstMatch(of: /"jti":"([A-Za-z0-9_-]{22})"/)).1
        #expect(
            Toy.claims(of: access)
                == #"{"sub":"alice","big":9007199254740993,"é":"\u00e9","iss":"https://i.test","aud":"api","orig_iat":\#(start),"#
                + #""iat":\#(start),"exp":\#(start + 900),"jti":"\#(jti)","sid":"\#(session.id.text)"}"#)
        #expect(gateway.admits(access) == nil)
        #expect(gateway.admits(access, now: start + 900) == "token_expired")
    }

    @Test func `Names that the login gives itself stay`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, access, _) = try gateway.login(claims: #"{"sub":"a","iss":"me","aud":["x"],"auth_time":5}"#)
        #expect(Toy.claims(of: access).hasPrefix(#"{"sub":"a","iss":"me","aud":["x"],"auth_time":5,"orig_iat":\#(start),"iat":"#))
    }

    @Test func `Each refresh is a new beginning for sliding, whenever the session began`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, _, refresh) = try gateway.login()
        let later = start + 5 * 86_400
        let answer = try gateway.form("/oauth/token", "grant_type=refresh_token&refresh_token=\(refresh)", now: later)
        let claims = Toy.claims(of: try #require(answer.string("access_token")))
        #expect(claims.contains("\"orig_iat\":\(later),\"iat\":\(later),"))
    }

    @Test(arguments: [(10, 10), (43_200, 43_200), (80_000, 43_200)])
    func `but nothing slides beyond the refresh token`(_ age: Int64, _ anchor: Int64) throws {
        let gateway = EndpointGateway(.oauth2, rules: SessionRules(refreshSeconds: 86_400, expiry: .fixed))
        let (_, _, refresh) = try gateway.login()
        let answer = try gateway.form("/oauth/token", "grant_type=refresh_token&refresh_token=\(refresh)", now: start + age)
        let claims = Toy.claims(of: try #require(answer.string("access_token")))
        #expect(claims.contains("\"orig_iat\":\(start + anchor),"))  // and 43,200 s later sliding ends
    }

    @Test func `nor back before the session, for a logout before it would end it`() throws {
        let gateway = EndpointGateway(.oauth2, rules: SessionRules(refreshSeconds: 3_600))
        let (_, access, _) = try gateway.login()
        #expect(Toy.claims(of: access).contains("\"orig_iat\":\(start),"))
    }

    @Test func `A number as subject becomes a string`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (session, access, _) = try gateway.login(claims: #"{"sub":42}"#)
        #expect(session.subject == "42")
        #expect(Toy.claims(of: access).hasPrefix(#"{"sub":"42","#))
    }

    private static func long(_ count: Int) -> String { String(repeating: "a", count: count) }
    private static func members(_ count: Int) -> String { "{" + (0..<count).map { "\"m\($0)\":0" }.joined(separator: ",") + "}" }

    static let faults: [(String, ClaimsFault)] = [
        ("[]", .notAnObject), ("", .notAnObject), (#"{"sub":"a","sub":"b"}"#, .notAnObject), ("{}", .subjectMissing),
        (#"{"sub":""}"#, .subjectMissing), (#"{"sub":null}"#, .subjectMissing), (#"{"sub":["a"]}"#, .subjectMissing),
        (#"{"sub":1.5}"#, .subjectMissing), (#"{"sub":"a","iss":7}"#, .unacceptable), (#"{"sub":"a","aud":7}"#, .unacceptable),
        (#"{"sub":"a","auth_time":"x"}"#, .unacceptable), (#"{"sub":"a","auth_time":2000000}"#, .unacceptable),
        ("{\"sub\":\"\(long(513))\"}", .subjectTooLong),
        ("{\"sub\":\"a\",\"x\":\"\(long(4_096))\"}", .tooLarge), (members(130), .notAnObject), (members(125), .tooLarge),
    ]

    @Test(arguments: faults)
    func `Claims that make no token begin no session`(_ claims: String, _ fault: ClaimsFault) {
        let gateway = EndpointGateway(.oauth2)
        #expect(throws: fault) { try gateway.login(claims: claims) }
    }

    @Test func `Claims that the gateway itself would refuse are unacceptable`() {
        let authentication = Gateway.policy(validation: ValidationRules(issuers: ["me"], audiences: ["api"]))
        let gateway = EndpointGateway(.oauth2, authentication: authentication)
        #expect(throws: ClaimsFault.unacceptable) { try gateway.login(claims: #"{"sub":"a","iss":"other"}"#) }
        #expect(throws: ClaimsFault.unacceptable) { try gateway.login(claims: #"{"sub":"a","aud":["other"]}"#) }
    }

    @Test func `It ends with the session at the latest`() throws {
        let rules = SessionRules(refreshSeconds: 1_000, expiry: .fixed)
        let gateway = EndpointGateway(.oauth2, rules: rules)
        let (_, _, first) = try gateway.login()
        let answer = try refresh(gateway, first, now: start + 500)
        #expect(answer.body.contains(#""expires_in":500,"#))
        #expect(Toy.claims(of: try #require(answer.string("access_token"))).contains(#""exp":\#(start + 1_000),"#))
    }

    // MARK: Rotation

    @Test func `Each refresh gives another pair`() throws {
        let gateway = EndpointGateway(.oauth2)
        var token = try gateway.login().refresh
        var (tokens, names): (Set<String>, Set<String>) = ([token], [])
        for step in 1...20 {
            let answer = try refresh(gateway, token, now: start + Int64(step))
            token = try #require(answer.string("refresh_token"))
            tokens.insert(token)
            let access = try #require(answer.string("access_token"))
            names.insert(String(try #require(Toy.claims(of: access).firstMatch(of: /"jti":"([^"]*)"/)).1))
            #expect(gateway.admits(access, now: start + Int64(step)) == nil)
        }
        #expect(tokens.count == 21 && names.count == 20)
    }

    @Test func `The immediate predecessor gets the same bytes within the grace`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (session, _, first) = try gateway.login()
        let answer = try refresh(gateway, first, now: start + 10)
        let again = try refresh(gateway, first, now: start + 20)
        #expect(again.outcome.event == .refreshReplayed)
        for name in ["access_token", "refresh_token"] { #expect(again.string(name) == answer.string(name)) }
        #expect(answer.body.contains(#""expires_in":900"#) && again.body.contains(#""expires_in":890"#))
        #expect(gateway.session(session.id)?.counter == 1)
    }

    @Test func `After the grace it is reuse, and ends the session with all its tokens`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (session, access, first) = try gateway.login()
        let answer = try refresh(gateway, first, now: start + 10)
        let reuse = try refresh(gateway, first, now: start + 21)
        #expect(reuse.string("error") == "invalid_grant")
        #expect(reuse.outcome.event == .reuseDetected)
        #expect(gateway.session(session.id)?.end?.reason == .reuse)
        #expect(try refresh(gateway, try #require(answer.string("refresh_token")), now: start + 22).outcome.reason == "ended")
        #expect(gateway.admits(access, now: start + 22) == "token_revoked")
        #expect(gateway.admits(try #require(answer.string("access_token")), now: start + 22) == "token_revoked")
    }

    @Test func `A key that signs differently each time still answers the same within the process`() throws {
        var policy = SessionPolicy()
        policy.refreshes = [RefreshEndpoint(path: "/oauth/token", format: WirePreset.oauth2.refresh(cookie: "c"))]
        let gateway = EndpointGateway(policy, key: ToyKey(algorithm: .ES256))
        let (_, _, first) = try gateway.login()
        let answer = try refresh(gateway, first, now: start + 10)
        #expect(try refresh(gateway, first, now: start + 11).string("access_token") == answer.string("access_token"))
    }

    @Test func `A key that fails is an error of the gateway, and the client may come again`() throws {
        let key = ToyKey()
        var policy = SessionPolicy()
        policy.refreshes = [RefreshEndpoint(path: "/oauth/token", format: WirePreset.oauth2.refresh(cookie: "c"))]
        let gateway = EndpointGateway(policy, key: key)
        let (_, _, first) = try gateway.login()
        key.isBroken = true
        let failed = try refresh(gateway, first, now: start + 10)
        #expect(failed.status == 500)
        #expect(failed.outcome.event == .signingFailed)
        key.isBroken = false
        #expect(try refresh(gateway, first, now: start + 11).status == 200)
    }

    // MARK: What is no refresh token

    @Test func `Access tokens are refused, and the store is not asked`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, access, _) = try gateway.login()
        let answer = try refresh(gateway, access, now: start + 1)
        #expect(answer.string("error") == "invalid_grant")
        #expect(answer.outcome.reason == "access_token")
        #expect(answer.outcome.token != nil)
        #expect(gateway.questions == 0)
    }

    @Test func `Refresh tokens are no access tokens`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, _, token) = try gateway.login()
        #expect(gateway.admits(token) == "token_malformed")
    }

    @Test func `Each changed bit is found, and the store is not asked`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (session, _, token) = try gateway.login()
        let bytes = Toy.decodeBase64URL(token.dropFirst(4))
        #expect(bytes.count == 37)
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                let answer = try refresh(gateway, "sgr_" + Toy.base64URL(changed), now: start + 1)
                #expect(answer.string("error") == "invalid_grant")
                #expect(answer.outcome.reason == (index == 0 ? "unknown_version" : "bad_mac"))
                #expect(answer.outcome.isAboutForgery)
            }
        }
        #expect(gateway.questions == 0)
        #expect(gateway.session(session.id) == session)
    }

    @Test func `Tokens of another installation are refused, of the previous secret accepted`() throws {
        let (_, _, token) = try EndpointGateway(.oauth2, secret: 2).login()
        let gateway = EndpointGateway(.oauth2)
        #expect(try refresh(gateway, token, now: start + 1).outcome.reason == "bad_mac")
        #expect(gateway.questions == 0)
        var policy = SessionPolicy()
        policy.refreshes = [RefreshEndpoint(path: "/oauth/token", format: WirePreset.oauth2.refresh(cookie: "c"))]
        let changing = EndpointGateway(policy, secret: 3, previousSecret: 2)
        #expect(try refresh(changing, token, now: start + 1).outcome.reason == "unknown")
    }

    @Test(arguments: ["", "sgr_", "sgr", "SGR_" + String(repeating: "A", count: 50), "sgr_" + String(repeating: "=", count: 50)])
    func `Other texts are malformed`(_ text: String) throws {
        let gateway = EndpointGateway(.oauth2)
        #expect(try refresh(gateway, text, now: start + 1).status == 400)
        #expect(gateway.questions == 0)
    }

    // MARK: The request

    @Test func `Only the path itself is an endpoint, with its methods`() throws {
        let gateway = EndpointGateway(.oauth2)
        for path in ["/oauth/token/", "/oauth/tokens", "/oauth", "/", "/oauth/token;x"] {
            guard case .noEndpoint = gateway.call("POST", path) else {
                Issue.record("\(path) is an endpoint")
                continue
            }
        }
        for method in ["GET", "PUT", "OPTIONS", "post"] {
            let answer = try gateway.send(method, "/oauth/token")
            #expect(answer.status == 405)
            #expect(answer.values("Allow") == ["POST"])
        }
    }

    @Test func `Content above the bound is refused`() throws {
        let gateway = EndpointGateway(.oauth2)
        let (_, _, token) = try gateway.login()
        let form = "grant_type=refresh_token&refresh_token=\(token)&pad="
        let bound = SessionEndpoints.contentBytesMax
        #expect(try gateway.form("/oauth/token", form + String(repeating: "a", count: bound - form.utf8.count)).status == 200)
        let answer = try gateway.form("/oauth/token", form + String(repeating: "a", count: bound + 1 - form.utf8.count))
        #expect(answer.status == 413)
        #expect(answer.string("code") == "content_too_large")
    }

    @Test(arguments: [StoreError.away("x"), .failed("x"), .closed])
    func `Without its store the gateway says so, and when to come again`(_ error: StoreError) throws {
        let gateway = EndpointGateway(.simplejwt)
        let (session, _, token) = try gateway.login()
        gateway.storeFailure = error
        let answer = try gateway.json("/api/token/refresh/", #"{"refresh":"\#(token)"}"#)
        #expect(answer.status == 503)
        #expect(answer.string("code") == "sessions_unavailable")
        #expect(gateway.session(session.id) == session)
        gateway.storeFailure = nil
        #expect(try gateway.json("/api/token/refresh/", #"{"refresh":"\#(token)"}"#).status == 200)
    }

    @Test func `Pages of allowed origins may ask and read`() throws {
        let cors = CORSPolicy(origins: .listed(["https://app.test"]), credentials: true)
        var format = WirePreset.simplejwt.refresh(cookie: "c")
        format.answer.headers = [AnswerFormat.Header(name: "X-Access-Token", value: "$access_token")]
        var policy = SessionPolicy()
        policy.refreshes = [RefreshEndpoint(path: "/r", format: format)]
        let gateway = EndpointGateway(policy, authentication: Gateway.policy(cors: cors))
        let asking = ["Origin: https://app.test", "Access-Control-Request-Method: POST"]
        guard case .preflight = gateway.call("OPTIONS", "/r", asking) else {
            Issue.record("no preflight")
            return
        }
        let evil = try gateway.send("OPTIONS", "/r", ["Origin: https://evil.test", "Access-Control-Request-Method: POST"])
        #expect(evil.status == 403)
        let (_, _, token) = try gateway.login()
        let lines = ["Origin: https://app.test", "Content-Type: application/json"]
        let answer = try gateway.send("POST", "/r", lines, content: #"{"refresh":"\#(token)"}"#)
        #expect(answer.values("Access-Control-Allow-Origin") == ["https://app.test"])
        #expect(answer.values("Access-Control-Expose-Headers") == ["X-Access-Token"])
        #expect(answer.values("X-Access-Token") == [answer.string("access")])
        let refused = try gateway.send("POST", "/r", lines, content: "{}")
        #expect(refused.values("Access-Control-Allow-Origin") == ["https://app.test"])
    }

    @Test func `A format by hand can say anything that a preset says`() throws {
        let format = WireFormat(
            token: .form("rt"), required: [WireFormat.RequiredMember(name: "v", value: "2")],
            answer: AnswerFormat(
                status: 201,
                body: [
                    "a": .array(["$access_token", "$claims.none", 1, .boolean(true), .null]), "s": "$session_id", "u": "$subject",
                    "r": "$refresh_expires_in", "d": AnswerTemplate(scalar: "$$x")!, "q": "\"\\\u{1}",
                ],
                accessCookie: "at"),
            refusals: RefusalFormats([.invalid: RefusalFormats.Format(status: 418, body: ["c": "$code"])]))
        var policy = SessionPolicy()
        policy.refreshes = [RefreshEndpoint(path: "/r", methods: ["PUT", "POST"], format: format)]
        let gateway = EndpointGateway(policy)
        let (session, _, token) = try gateway.login()
        let answer = try gateway.form("/r", "rt=\(token)&v=2")
        #expect(answer.status == 201)
        let access = try #require(answer.body.firstMatch(of: /\{"a":\["([^"]+)",1,true,null\]/)).1
        #expect(
            answer.body.hasSuffix(
                #","s":"\#(session.id.text)","u":"alice","r":604800,"d":"$x","q":"\"\\\u0001"}"#))
        #expect(answer.values("Set-Cookie") == ["at=\(access); Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Strict"])
        let refused = try gateway.form("/r", "rt=x&v=2")
        #expect(refused.status == 418)
        #expect(refused.body == #"{"c":"invalid_grant"}"#)
        #expect(try gateway.form("/r", "rt=\(token)&v=3").status == 400)
    }

    @Test func `Names of placeholders are known or refused`() {
        #expect(AnswerTemplate(scalar: "$nonsense") == nil)
        #expect(AnswerTemplate(scalar: "$claims.") == nil)
        #expect(AnswerTemplate(scalar: "$") == nil)
        #expect(AnswerTemplate(scalar: "$claims.a.b") == .placeholder(.claim("a.b")))
        #expect(AnswerTemplate(scalar: "$$") == .string("$"))
        #expect(AnswerTemplate(scalar: "plain") == .string("plain"))
    }

    @Test func `Fields cannot be split by claims`() throws {
        let format = WireFormat(
            token: .form("rt"),
            answer: AnswerFormat(headers: [AnswerFormat.Header(name: "X-Name", value: "$claims.name")]))
        var policy = SessionPolicy()
        policy.refreshes = [RefreshEndpoint(path: "/r", format: format)]
        let gateway = EndpointGateway(policy)
        for name in [#"a\r\nSet-Cookie: x=y"#, #" a"#, "é", #"\u0000"#] {
            let (_, _, token) = try gateway.login(claims: #"{"sub":"a","name":"\#(name)"}"#)
            #expect(try gateway.form("/r", "rt=\(token)").values("X-Name") == [])
        }
        let (_, _, token) = try gateway.login(claims: #"{"sub":"a","name":"Al B"}"#)
        #expect(try gateway.form("/r", "rt=\(token)").values("X-Name") == ["Al B"])
    }
}
