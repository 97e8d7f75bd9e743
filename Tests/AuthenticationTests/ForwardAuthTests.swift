import Bytes
import HTTP1
import JOSE
import Testing

@testable import Authentication

@Suite("Which request a decision is asked about")
struct DecisionPointTests {
    private typealias FrontProxy = DecisionPoint.FrontProxy

    /// The head of the original, or what is wrong.
    private func original(_ frontProxy: DecisionPoint.FrontProxy, _ lines: String...) -> Result<String, DecisionFault> {
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        var head = RequestHead()
        guard (try? head.parse(bytes.span)) == true else { fatalError("the test's own request does not parse: \(lines)") }
        var buffer = ByteBuffer()
        do throws(DecisionFault) {
            try DecisionPoint(path: "/decide", frontProxy: frontProxy).appendOriginalHead(&head, bytes.span, to: &buffer)
        } catch {
            return .failure(error)
        }
        return .success(String(copying: buffer.bytes().span))
    }

    @Test(arguments: [
        ("/decide", DecisionPoint.Question.decision), ("/decide/refusal", .refusal), ("/decide/", .unknown), ("/decide/x", .unknown),
        ("/decide/refusal/", .unknown), ("/decider", nil), ("/Decide", nil), ("/", nil), ("", nil),
    ])
    func `is asked at one path, and why not below it`(_ path: String, _ question: DecisionPoint.Question?) {
        for frontProxy in [DecisionPoint.FrontProxy.originalFields, .forwardedFields] {
            let found = DecisionPoint(path: "/decide", frontProxy: frontProxy).question(at: Array(path.utf8).span)
            #expect(found == question)
        }
    }

    @Test(arguments: [
        ("/decide/", DecisionPoint.Question.decision), ("/decide/refusal", .decision), ("/decide//", .decision),
        ("/decide/../x", .decision), ("/decide*", .decision), ("/decide", .unknown), ("/decider", .unknown), ("/decide*/", .unknown),
        ("/decid", nil), ("/", nil), ("", nil),
    ])
    func `is asked by Envoy with the path behind`(_ path: String, _ question: DecisionPoint.Question?) {
        let found = DecisionPoint(path: "/decide", frontProxy: .pathBehindPrefix).question(at: Array(path.utf8).span)
        #expect(found == question)
    }

    @Test func `is told in fields, which are not fields of the original`() {
        let head = original(
            .originalFields, "GET /decide HTTP/1.0", "Host: gateway", "Authorization: Bearer t", "x-original-uri: /a?b", "X-Original-Method: PUT",
            "X-Original-Host: api.test:8443", "X_Original_Uri: /c", "X-Forwarded-For: 192.0.2.1", "Content-Length: 0", "Accept: */*",
            "X-Forwarded-Uri: /d", "Connection: close, X-A", "X-A: b", "Forwarded: for=a", "X-Real-IP: 192.0.2.1")
        #expect(
            head == .success(
                "PUT /a?b HTTP/1.1\r\nHost: api.test:8443\r\nAuthorization: Bearer t\r\nAccept: */*\r\nX-Forwarded-Uri: /d\r\n\r\n"))
        let other = original(
            .forwardedFields, "GET /decide HTTP/1.1", "Host: gateway", "X-Forwarded-Uri: *", "X-Forwarded-Method: OPTIONS", "X-Forwarded-Host: a",
            "X-Original-URI: /x")
        #expect(other == .success("OPTIONS * HTTP/1.1\r\nHost: a\r\nX-Original-URI: /x\r\n\r\n"))
    }

    @Test func `is behind the path for Envoy`() {
        #expect(
            original(.pathBehindPrefix, "PATCH /decide//a/../b?c HTTP/1.1", "Host: api.test", "X-Original-URI: /x", "Content-Length: 3")
                == .success("PATCH //a/../b?c HTTP/1.1\r\nHost: api.test\r\nX-Original-URI: /x\r\n\r\n"))
        #expect(original(.pathBehindPrefix, "OPTIONS /decide* HTTP/1.1", "Host: a") == .success("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"))
        #expect(original(.pathBehindPrefix, "GET /decide/ HTTP/1.0") == .failure(DecisionFault(kind: .missing, name: "Host")))
    }

    @Test func `is nobody's guess`() {
        let whole = ["GET /decide HTTP/1.1", "Host: gateway", "X-Original-Method: GET", "X-Original-URI: /", "X-Original-Host: a"]
        func with(_ index: Int, _ line: String?) -> Result<String, DecisionFault> {
            var lines = whole
            if let line { lines[index] = line } else { lines.remove(at: index) }
            return original(.originalFields, lines.joined(separator: "\r\n"))
        }
        for (index, name) in [(2, "X-Original-Method"), (3, "X-Original-URI"), (4, "X-Original-Host")] {
            #expect(with(index, nil) == .failure(DecisionFault(kind: .missing, name: name)))
            #expect(with(index, "\(name): ") == .failure(DecisionFault(kind: .missing, name: name)))
            #expect(with(index, "\(whole[index])\r\n\(name): /") == .failure(DecisionFault(kind: .repeated, name: name)))
            #expect(with(index, "\(whole[index])\r\nConnection: \(name)") == .failure(DecisionFault(kind: .missing, name: name)))
        }
        for method in ["GET /", "G\tT", "GET,", "\"GET\""] {
            #expect(with(2, "X-Original-Method: \(method)") == .failure(DecisionFault(kind: .malformed, name: "X-Original-Method")))
        }
        for target in ["http://a/", "a", "?", "/ HTTP/1.1", "/\ta", "**", "/a b"] {
            #expect(with(3, "X-Original-URI: \(target)") == .failure(DecisionFault(kind: .malformed, name: "X-Original-URI")))
        }
    }

    @Test(arguments: ["Upgrade: websocket", "Sec-WebSocket-Key: a", "sec-websocket-version: 13", "Sec-WebSocket-Protocol: bearer, t"])
    func `is a handshake by whatever is left of one`(_ line: String) {
        guard case .success(let head) = original(.pathBehindPrefix, "GET /decide/ HTTP/1.1", "Host: a", line) else {
            Issue.record("no head")
            return
        }
        var parsed = RequestHead()
        let bytes = Array(head.utf8)
        #expect((try? parsed.parse(bytes.span)) == true)
        #expect(parsed.wantsUpgrade)
    }
}

@Suite("Paths that go the way they seem to go")
struct DirectPathTests {
    @Test(arguments: ["/", "/a", "/a/", "/a/b.c/..d/e../...", "/%2e%2e%2e", "/a%2Fb", "*", "", "/.a", "/a/%2", "/%2ea", "/é"])
    func `pass`(_ path: String) { #expect(isDirect(path)) }

    @Test(arguments: [
        "//", "//a", "/a//b", "/a//", "/.", "/..", "/./", "/../", "/a/.", "/a/..", "/a/./b", "/a/../b", "/%2e", "/%2E%2e", "/.%2e/a", "/a/%2E./b", "/a/%2e",
    ])
    func `or are refused`(_ path: String) { #expect(!isDirect(path)) }

    private func isDirect(_ path: String) -> Bool { PathNormalizer.isDirect(Array(path.utf8).span) }
}

@Suite("Paths that an API may not decode")
struct LiteralPathTests {
    @Test(arguments: [
        ("/news/%41", true), ("/news/%7euser/%c3%A9", true), ("/%c3%A9", true), ("/%c3%a9/x", true), ("/x%2d", true), ("/%6eews", false), ("/new%73/x", false),
        ("/%78/../news", false), ("/news/%c3%a9", true),
    ])
    func `belong to one route, read either way`(_ path: String, _ isPlain: Bool) throws {
        let gateway = Gateway(
            Gateway.policy(routes: [RoutePolicy(pathPrefix: "/"), RoutePolicy(pathPrefix: "/news"), RoutePolicy(pathPrefix: "/%C3%A9")]))
        let bytes = Array("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        var head = RequestHead()
        #expect((try? head.parse(bytes.span)) == true)
        var normal = ByteBuffer()
        let sent = Array(path.utf8)
        let isRewritten = try PathNormalizer().normalize(sent.span, into: &normal)
        #expect(isRewritten)
        let found = gateway.authenticator.takesLiterally(head, path: normal.bytes().span, bytes: bytes.span)
        #expect(found == isPlain)
    }

    @Test func `cut short have no digits to change`() {
        for (path, upper) in [("%", "%"), ("/%a", "/%A"), ("/a%", "/a%"), ("/%e9%", "/%E9%")] {
            #expect(PathNormalizer.withUpperCaseEscapes(Array(path.utf8).span) == Array(upper.utf8))
        }
    }
}

@Suite("What a decision says about the request")
struct DecisionFieldTests {
    private let gateway = Gateway(
        Gateway.policy(
            sliding: RenewalPolicy(bufferWindow: .seconds(600), optOutHeader: "X-No-Refresh"),
            routes: [
                RoutePolicy(
                    pathPrefix: "/", authentication: .optional,
                    claimHeaders: [.init(header: "X-User-Id", claim: "sub"), .init(header: "X-Role", claim: "role")]),
            ]))

    private func unset(_ lines: [String]) throws -> [String] {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = RequestHead()
        #expect((try? head.parse(bytes.span)) == true)
        let decision = gateway.authenticator.authenticate(
            &head, path: Array("/".utf8).span, bytes: bytes.span, now: NumericDate(seconds: Gateway.early), instant: 0)
        guard case .admit(let admission) = decision else {
            Issue.record("not admitted")
            return []
        }
        var buffer = ByteBuffer()
        let isAny = gateway.authenticator.appendUnsetNames(admission, head, bytes.span, to: &buffer)
        #expect(isAny == !buffer.isEmpty)
        return String(copying: buffer.bytes().span).split(separator: ",").map(String.init)
    }

    @Test func `names what it leaves unset, so that nobody else sets it`() throws {
        let nobody = try unset([])
        #expect(Set(nobody).isSuperset(of: ["x-user-id", "x-role", "x-no-refresh", "x-refresh-token"]) && Set(nobody).count == nobody.count)
        let somebody = try unset(["Authorization: Bearer \(Gateway.token)"])
        #expect(somebody.contains("x-role") && !somebody.contains("x-user-id") && !somebody.contains("authorization"))
    }

    @Test func `names the look-alikes that a client has sent`() throws {
        let names = try unset(["Authorization: Bearer \(Gateway.token)", "X_USER_ID: root", "x-user_id: root", "X-User-Id: root", "X-Other: a"])
        #expect(Set(names).isSuperset(of: ["x_user_id", "x-user_id"]) && !names.contains("x-user-id") && !names.contains("x-other"))
    }
}
