import Bytes
import JOSE
import Sessions
import Testing

@testable import Authentication

@Suite("Login capture (semantics §3.5)")
struct LoginCaptureTests {
    private let start = EndpointGateway.start

    private func gateway(
        _ preset: WirePreset = .simplejwt, cors: CORSPolicy? = nil, _ change: (inout LoginPolicy) -> Void = { _ in }
    ) -> EndpointGateway {
        var login = LoginPolicy(path: "/login", answer: preset.login)
        login.contentBytesMax = 1_000
        change(&login)
        var route = RoutePolicy(pathPrefix: "/login", methods: ["POST"], authentication: .none)
        route.isExact = true
        route.login = 0
        return EndpointGateway(
            SessionPolicy(logins: [login]), authentication: Gateway.policy(cors: cors, routes: [route, RoutePolicy(pathPrefix: "/")]))
    }

    private let claims = "X-Session-Claims: " + EndpointGateway.claims
    private let json = "Content-Type: application/json"

    // MARK: The request

    @Test func `The upstream is asked for a whole and plain answer, and is brought no claims`() {
        let lines = [
            "Accept-Encoding: gzip", "Accept: */*", "Range: bytes=0-1", "If-Range: x", "If-None-Match: x", "If-Match: x",
            "If-Modified-Since: x", "If-Unmodified-Since: x", "X-Session-Claims: {}", "x_session_claims: {}", "Cookie: a=b",
        ]
        #expect(gateway().capture(request: lines).upstream == ["Accept: */*", "Cookie: a=b"])
    }

    @Test func `The session remembers the device`() throws {
        let gateway = gateway()
        let fields = ["X-Device-Id: d1", "x-device-name: Phone", "X-Application-Id: app", "User-Agent: curl"]
        let first = gateway.capture(request: fields, [claims, json], content: "{}").answer
        let id = try #require(first.outcome?.session)
        let session = try #require(gateway.session(id))
        #expect(session.device == Session.Device(id: "d1", name: "Phone", application: "app"))
        #expect(session.address == "198.51.100.7")
        let second = gateway.capture(request: ["User-Agent: curl", "X-Device-Id:"], [claims, json], content: "{}").answer
        let otherID = try #require(second.outcome?.session)
        let other = try #require(gateway.session(otherID))
        #expect(other.device == Session.Device(name: "curl"))
    }

    // MARK: The answer

    @Test func `simplejwt: the pair is added to the upstream's object`() throws {
        let gateway = gateway()
        let content = "{ \"user\" : 123456789012345678901 ,\n \"x\":\"\\u0041\" }\n"
        let answer = gateway.capture([claims, json], content: content).answer
        let pair = try #require(answer.body.wholeMatch(of: /(.*?)"access":"([^"]+)","refresh":"(sgr_[^"]+)"( \}\n)/.dotMatchesNewlines()))
        #expect(pair.1 == "{ \"user\" : 123456789012345678901 ,\n \"x\":\"\\u0041\",")
        #expect(answer.status == 200)
        #expect(answer.outcome?.event == .sessionCreated)
        #expect(gateway.admits(String(pair.2), now: start) == nil)
        let text = Array(pair.3.utf8)
        let token = try gateway.codec.read(text.span)
        #expect(token.counter == 0)
        #expect(gateway.session(token.session)?.subject == "alice")
    }

    @Test func `express: what the upstream says stays, tokens replace`() throws {
        let gateway = gateway(.express)
        let content = #"{"code":0,"message":"hi","data":{"username":"own","access_token":"old","extra":[1]},"more":true}"#
        let body = gateway.capture([claims, json], content: content).answer.body
        let match = try #require(body.wholeMatch(
            of: /\{"code":0,"message":"hi","data":\{"username":"own","access_token":"([^"]+)","extra":\[1\],"refresh_token":"([^"]+)","email":"a@x.test","role":"admin"\},"more":true\}/))
        #expect(match.1 != "old")
    }

    @Test func `express: null gives way to the envelope`() throws {
        let body = gateway(.express).capture([claims, json], content: #"{"data":null}"#).answer.body
        #expect(body.hasPrefix(#"{"data":{"access_token":""#))
        #expect(body.hasSuffix(#""role":"admin"},"code":200,"message":"Login successful"}"#))
    }

    @Test(arguments: [200, 201, 204])
    func `An empty answer becomes the template`(_ status: Int) {
        let lines = status == 204 ? [claims] : [claims, "Content-Type: text/plain"]
        let answer = gateway(.oauth2).capture(status: status, lines).answer
        #expect(answer.status == (status == 204 ? 200 : status))
        #expect(answer.body.hasPrefix(#"{"access_token":""#))
        #expect(answer.values("Content-Type") == ["application/json"])
    }

    @Test func `cookie: the refresh token goes into the cookie and nowhere else`() throws {
        let set = ["Set-Cookie: __Host-refresh=own; Path=/", "Set-Cookie: other=1"]
        let answer = gateway(.cookie).capture([claims, json] + set, content: "{}").answer
        let cookies = answer.values("Set-Cookie")
        #expect(cookies.count == 2 && cookies[0] == "other=1")
        #expect(cookies[1].wholeMatch(of: /__Host-refresh=sgr_[^;]+; Path=\/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict/) != nil)
        #expect(!answer.body.contains("sgr_"))
        #expect(answer.body.hasPrefix(#"{"access_token":""#))
    }

    @Test func `Fields alone leave any content as it is, and of any length`() throws {
        let cors = CORSPolicy(origins: .listed(["https://app.test"]))
        let gateway = gateway(cors: cors) {
            $0.answer = AnswerFormat(headers: [AnswerFormat.Header(name: "X-Access-Token", value: "$access_token")])
        }
        let page = String(repeating: "<p>", count: 2_000)
        let lines = [claims, "Content-Type: text/html", "Content-Encoding: gzip", "X-Access-Token: forged"]
        let answer = gateway.capture(request: ["Origin: https://app.test"], lines, content: page).answer
        #expect(answer.body == page)
        #expect(answer.values("X-Access-Token").count == 1)
        #expect(answer.values("X-Access-Token") != ["forged"])
        #expect(answer.values("Content-Encoding") == ["gzip"])
        #expect(answer.values("Access-Control-Expose-Headers") == ["X-Access-Token"])
        #expect(gateway.capture(lines, content: page).answer.values("Access-Control-Expose-Headers") == [])
    }

    @Test func `No cache keeps it, and nothing is said of content that has changed`() {
        let lines = [
            "Cache-Control: max-age=60, no-transform", "ETag: \"x\"", "Last-Modified: x", "Expires: x", "Age: 3",
            "Surrogate-Control: x", "Accept-Ranges: bytes", "Content-MD5: x", "Content-Digest: x", "X-Kept: y", "Vary: Origin",
        ]
        let answer = gateway().capture([claims, json] + lines, content: "{}").answer
        #expect(
            answer.lines == [
                json, "X-Kept: y", "Vary: Origin", "Cache-Control: private, no-store, no-transform", "Pragma: no-cache",
            ])
    }

    // MARK: Claims

    @Test func `The field may be base64url, and never goes to the client`() throws {
        for value in [EndpointGateway.claims, Toy.base64URL(Array(EndpointGateway.claims.utf8))] {
            let answer = gateway().capture(["x-session-claims: \(value)", json], content: "{}").answer
            #expect(answer.outcome?.event == .sessionCreated)
            #expect(!answer.lines.contains { $0.lowercased().contains("session") })
        }
        for status in [200, 302, 401, 500] {
            let lines = ["X-Session-Claims: {}", "X_Session_Claims: {}", json]
            #expect(gateway().capture(status: status, lines, content: "{}").answer.lines == [json])
        }
        let (one, other) = (Array("X-session_claims".utf8), Array("X-Checksum".utf8))
        let endpoints = gateway().endpoints
        let isClaims = [endpoints.isClaimsField(trailer: one.span, of: 0), endpoints.isClaimsField(trailer: other.span, of: 0)]
        #expect(isClaims == [true, false])
    }

    @Test func `Members of the content name them by path`() throws {
        let gateway = gateway {
            $0.claims = .members([
                LoginPolicy.Member(claim: "sub", path: ["data", "user", "id"]),
                LoginPolicy.Member(claim: "role", path: ["data", "user", "role"]),
                LoginPolicy.Member(claim: "none", path: ["data", "none"]), LoginPolicy.Member(claim: "deep", path: ["data", "user", "id", "x"]),
                LoginPolicy.Member(claim: "null", path: ["null"]),
            ])
        }
        let content = #"{"null":null,"data":{"user":{"role":["a"],"id":7}}}"#
        let answer = gateway.capture([json], content: content).answer
        let access = try #require(answer.body.firstMatch(of: /"access":"([^"]+)"/)).1
        #expect(Toy.claims(of: String(access)).hasPrefix(#"{"sub":"7","role":["a"],"orig_iat":"#))
        #expect(answer.body.hasPrefix(content.dropLast()))
        #expect(gateway.capture([json], content: "{}").answer.outcome?.reason == "claims_without_sub")
        #expect(gateway.capture([json], content: "").answer.outcome?.reason == "claims_not_an_object")
    }

    // MARK: What passes

    private func passes(
        _ gateway: EndpointGateway, status: Int = 200, _ lines: [String], _ content: String, _ reason: String?
    ) {
        let answer = gateway.capture(status: status, lines, content: content).answer
        #expect(answer.status == status)
        #expect(answer.body == content)
        #expect(answer.lines == lines.filter { !$0.hasPrefix("X-Session-Claims") })
        #expect(answer.outcome?.reason == reason)
        #expect(answer.outcome == nil || answer.outcome?.event == .loginNotCaptured)
        #expect(gateway.questions == 0)
    }

    @Test(arguments: [302, 400, 401, 403, 404, 500])
    func `A login that failed passes, and is none to remark on`(_ status: Int) {
        passes(gateway(), status: status, [claims, json, "ETag: x"], "{}", nil)
    }

    @Test func `What cannot be captured passes with a reason`() {
        passes(gateway(), [json, "ETag: x"], "{}", "claims_missing")
        passes(gateway(), [claims, claims, json], "{}", "claims_repeated")
        passes(gateway(), status: 206, [claims, json], "{}", "partial_content")
        passes(gateway(), [claims, json, "Content-Encoding: gzip"], "{}", "content_coded")
        passes(gateway(), [claims, "Content-Type: text/html"], "{}", "content_not_json")
        for content in ["[]", "{", #"{"a":1,"a":2}"#, "null", #"{"a":{"b":1,"b":2}}"#] { passes(gateway(), [claims, json], content, "content_not_json") }
        passes(gateway(), [claims, json], "{}" + String(repeating: " ", count: 999), "content_too_large")
        passes(gateway(), ["X-Session-Claims: !", json], "{}", "claims_not_an_object")
        passes(gateway(), [#"X-Session-Claims: {"role":"a"}"#, json], "{}", "claims_without_sub")
        passes(gateway(), [#"X-Session-Claims: {"sub":"a","iss":1}"#, json], "{}", "claims_unacceptable")
        passes(gateway(), [#"X-Session-Claims: {"sub":"a","x":"\#(String(repeating: "x", count: 4_100))"}"#, json], "{}", "claims_too_large")
    }

    @Test func `Content at the bound is captured, and so are other kinds of JSON`() {
        let atBound = "{}" + String(repeating: " ", count: 998)
        #expect(gateway().capture([claims, json], content: atBound).answer.outcome?.event == .sessionCreated)
        for type in ["application/problem+json", "application/json; charset=utf-8", "Application/JSON"] {
            #expect(gateway().capture([claims, "Content-Type: \(type)"], content: "{}").answer.outcome?.event == .sessionCreated)
        }
        #expect(gateway().capture([claims, "Content-Encoding: identity", json], content: "{}").answer.outcome?.event == .sessionCreated)
    }

    @Test func `Without the store there is no half of a login`() {
        let gateway = gateway()
        gateway.storeFailure = .away("")
        let answer = gateway.capture([claims, json, "Set-Cookie: upstream=1"], content: #"{"user":1}"#).answer
        #expect(answer.status == 503)
        #expect(answer.body.contains(#""code":"sessions_unavailable""#))
        #expect(!answer.lines.contains { $0.hasPrefix("Set-Cookie") })
    }

    @Test func `The session that has to give way is counted`() {
        var login = LoginPolicy(path: "/login", answer: WirePreset.simplejwt.login)
        login.contentBytesMax = 1_000
        let gateway = EndpointGateway(SessionPolicy(rules: SessionRules(perSubjectMax: 2), logins: [login]))
        let ended = (0..<4).map { gateway.capture([claims, json], content: "{}", now: start + Int64($0)).answer.outcome?.endedSessions }
        #expect(ended == [0, 0, 1, 1])
    }

    @Test func `Answers of login routes carry no successor`() throws {
        let gateway = gateway()
        #expect(gateway.authenticator.rules[0].slides == false)
    }
}
