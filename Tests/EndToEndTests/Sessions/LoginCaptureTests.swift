import Foundation
import Testing

/// Goal: the upstream logs users in as it does today, and its answer gains a pair; whatever is no such answer passes as it is, and
/// nothing ever hangs (semantics §3.5). Method: an origin that answers logins in every way.
@Suite("Login capture")
struct LoginCaptureTests {
    private static func origin(_ answer: String) throws -> Origin { try Origin.answering { _ in answer } }

    private func logIn(_ answer: String, login: String = "") throws -> (SessionGateway, Message) {
        let sessions = try SessionGateway(.oauth2, login: login, origin: try Self.origin(answer))
        return (sessions, try sessions.gateway.exchange(sessions.logInRequest()))
    }

    private static func json(_ content: String, _ fields: String = "", status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\n\(fields)Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
    }

    private static let claims = "X-Session-Claims: \(SessionGateway.claims(of: "ann"))\r\n"

    private func expectNotCaptured(
        _ sessions: SessionGateway, _ answer: Message, content: String, isNoted: Bool = true, _ location: SourceLocation = #_sourceLocation
    ) throws {
        #expect(answer.text == content, sourceLocation: location)
        #expect(!answer.has("X-Session-Claims"), sourceLocation: location)
        #expect(try sessions.gateway.metric("slidegate_sessions_created_total") == 0, sourceLocation: location)
        #expect(try sessions.gateway.metric("slidegate_logins_not_captured_total") == (isNoted ? 1 : 0), sourceLocation: location)
        if isNoted { try sessions.gateway.process.waitForLine(containing: " login_not_captured reason=") }
    }

    @Test func `the claims may be base64url in the header`() throws {
        let header = base64url(Array(SessionGateway.claims(of: "ann").utf8))
        let (sessions, answer) = try logIn(Self.json("{}", "X-Session-Claims: \(header)\r\n"))
        #expect(Token(verifying: try sessions.pair(answer).access)?.string("sub") == "ann")
        #expect(!answer.has("X-Session-Claims"))
    }

    @Test func `or members of the content, however deep`() throws {
        let content = #"{"data":{"user":{"id":"u-9","role":"editor"}},"ok":true}"#
        let login = ", claims: { members: { sub: data.user.id, role: data.user.role } }"
        let (sessions, answer) = try logIn(Self.json(content), login: login)
        let token = try #require(Token(verifying: try sessions.pair(answer).access))
        #expect(token.string("sub") == "u-9" && token.string("role") == "editor")
        let user = (answer.json?["data"] as? [String: Any])?["user"] as? [String: Any]
        #expect(user?["id"] as? String == "u-9" && answer.json?["ok"] as? Bool == true)
    }

    @Test func `the pair is merged deeply: what the upstream has said stays, but for tokens of its own`() throws {
        let content = #"{"data":{"access_token":"its-own","avatar":"a.png","role":"upstream's"},"message":"Hello"}"#
        let sessions = try SessionGateway(.express, origin: try Self.origin(Self.json(content, Self.claims)))
        let answer = try sessions.gateway.exchange(sessions.logInRequest())
        let data = try #require(answer.json?["data"] as? [String: Any])
        #expect(data["avatar"] as? String == "a.png" && data["role"] as? String == "upstream's")
        #expect(answer.json?["message"] as? String == "Hello")
        #expect(Token(verifying: data["access_token"] as? String ?? "") != nil)
        #expect((data["refresh_token"] as? String)?.hasPrefix("sgr_") == true)
    }

    @Test func `by headers and cookies, with the content as it is`() throws {
        let login = ", answer: { body: {}, headers: { X-Access-Token: $access_token }, cookies: { refresh: true, access: access } }"
        let sessions = try SessionGateway(.oauth2, origin: try Self.origin(Self.json("not even JSON", Self.claims + "Set-Cookie: own=1\r\n")))
        try sessions.gateway.rewrite(
            SessionGateway.file(.oauth2).replacingOccurrences(of: "/login, preset: oauth2", with: "/login\(login)"))
        sessions.gateway.process.signal(SIGHUP)
        try sessions.gateway.process.waitForLine(containing: "configuration reloaded")
        try eventually { try sessions.gateway.exchange(sessions.logInRequest()).has("X-Access-Token") }
        let answer = try sessions.gateway.exchange(sessions.logInRequest())
        #expect(answer.text == "not even JSON")
        let access = try #require(answer["X-Access-Token"])
        #expect(Token(verifying: access)?.string("sub") == "ann")
        #expect(answer.cookie("own") == "1" && answer.cookie("access") == access)
        let cookie = try #require(answer.values(of: "Set-Cookie").first { $0.hasPrefix("__Host-refresh=sgr_") })
        let attributes = Set(cookie.split(separator: ";").dropFirst().map { $0.trimmed.lowercased() })
        #expect(attributes.isSuperset(of: ["httponly", "secure", "path=/", "samesite=strict"]), "\(cookie)")
        expectUncacheable(answer)
    }

    @Test(arguments: ["length", "chunked", "close", "bytes"])
    func `whatever the framing of the upstream's answer`(_ framing: String) throws {
        let content = #"{"welcome":true}"#
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(Self.claims)"
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                switch framing {
                case "length": try connection.send("\(head)Content-Length: \(content.utf8.count)\r\n\r\n\(content)")
                case "chunked":
                    try connection.send("\(head)Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
                    for part in [content.prefix(5), content.dropFirst(5)] {
                        try connection.send("\(String(part.utf8.count, radix: 16))\r\n\(part)\r\n")
                    }
                    try connection.send("0\r\nX-Sum: 1\r\nX-Session-Claims: {}\r\n\r\n")
                case "close":
                    try connection.send("\(head)\r\n\(content)")
                    return
                default:
                    for byte in "\(head)Content-Length: \(content.utf8.count)\r\n\r\n\(content)".utf8 { try connection.send([byte]) }
                }
            }
        }
        let sessions = try SessionGateway(origin: origin)
        let client = try sessions.gateway.connect()
        for _ in 0..<2 {
            let answer = try client.exchange(sessions.logInRequest())
            #expect(answer.json?["welcome"] as? Bool == true)
            #expect(answer.framing == .length(answer.body.count))
            #expect(Token(verifying: try sessions.pair(answer).access) != nil)
        }
        #expect(origin.connections.count == (framing == "close" ? 2 : 1))
    }

    @Test func `interim answers pass before it, and a client of HTTP/1.0 is served too`() throws {
        let sessions = try SessionGateway(
            origin: try Self.origin("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Self.json("{}", Self.claims)))
        let client = try sessions.gateway.connect()
        try client.send(sessions.logInRequest())
        #expect(try client.receiveAny().status == 103)
        #expect(try sessions.pair(try client.receiveAny()).counter == 0)
        let old = try sessions.gateway.exchange(
            "POST /login HTTP/1.0\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        #expect(try sessions.pair(old).counter == 0)
    }

    @Test func `the upstream is asked for a plain answer, and hears nothing of claims that a client makes up`() throws {
        let origin = try Self.origin(Self.json("{}", Self.claims))
        let sessions = try SessionGateway(origin: origin)
        _ = try sessions.logIn("ann", "Accept-Encoding: gzip, br", "Range: bytes=0-1")
        let request = try #require(origin.requests.last)
        #expect(!request.members(of: "Accept-Encoding").contains("gzip") && !request.has("Range"), "\(request.headText)")
    }

    // MARK: What passes as it is

    @Test(arguments: ["401 Unauthorized", "500 Internal Server Error", "302 Found"])
    func `answers other than 2xx`(_ status: String) throws {
        let (sessions, answer) = try logIn(Self.json(#"{"error":"no"}"#, Self.claims, status: status))
        try expectNotCaptured(sessions, answer, content: #"{"error":"no"}"#, isNoted: false)
        #expect("\(answer.status)" == status.prefix(3))
    }

    @Test func `content in gzip`() throws {
        let content = "\u{1f}\u{8b}\u{8}not really"
        let bytes = String(latin1: content.latin1)
        let (sessions, answer) = try logIn(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\(Self.claims)"
                + "Content-Length: \(bytes.latin1.count)\r\n\r\n\(bytes)")
        try expectNotCaptured(sessions, answer, content: content)
        #expect(answer["Content-Encoding"] == "gzip")
    }

    @Test(arguments: [
        ("", "{}"), ("X-Session-Claims: {\r\n", "{}"), ("X-Session-Claims: {\"role\":\"admin\"}\r\n", "{}"),
        ("X-Session-Claims: {\"sub\":[]}\r\n", "{}"), (claims, "[1,2]"), (claims, "{"), (claims, #"{"a":1,"a":2}"#),
    ])
    func `no claims, broken ones, and content that nothing can be merged into`(_ fields: String, _ content: String) throws {
        let (sessions, answer) = try logIn(Self.json(content, fields))
        try expectNotCaptured(sessions, answer, content: content)
    }

    @Test(arguments: [true, false])
    func `content beyond the bound, whether its length is told or not`(_ isChunked: Bool) throws {
        let content = #"{"pad":"\#(String(repeating: "x", count: 3 << 20))"}"#
        let framed = isChunked
            ? "Transfer-Encoding: chunked\r\n\r\n\(String(content.utf8.count, radix: 16))\r\n\(content)\r\n0\r\n\r\n"
            : "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(Self.claims)"
        let sessions = try SessionGateway(login: ", content: 4KiB", origin: try Self.origin(head + framed))
        let client = try sessions.gateway.connect()
        let answer = try client.exchange(sessions.logInRequest())
        #expect(answer.body.count == content.utf8.count && answer.text == content)
        try expectNotCaptured(sessions, answer, content: content)
        #expect(answer.framing == (isChunked ? .chunked : .length(content.utf8.count)))
        #expect(try client.exchange(sessions.logInRequest()).body.count == content.utf8.count, "and the connection goes on")
    }

    @Test func `of other paths, hosts below and methods nothing is captured`() throws {
        let origin = try Self.origin(Self.json("{}", Self.claims))
        let sessions = try SessionGateway(root: openToAll, origin: origin)
        for request in ["POST /login/ HTTP/1.1", "POST /login/x HTTP/1.1", "GET /login HTTP/1.1", "POST /other HTTP/1.1"] {
            let answer = try sessions.gateway.exchange("\(request)\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(answer.status == 200 && answer.text == "{}", "\(request)")
        }
        #expect(try sessions.gateway.metric("slidegate_sessions_created_total") == 0)
    }

    // MARK: Failures

    @Test(arguments: ["head", "content", "chunk"])
    func `an upstream that fails midway is 502, and the client's connection persists`(_ place: String) throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(Self.claims)"
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            switch place {
            case "head": try connection.send(head)
            case "content": try connection.send("\(head)Content-Length: 100\r\n\r\n{")
            default: try connection.send("\(head)Transfer-Encoding: chunked\r\n\r\nxyz\r\n")
            }
            connection.reset()
        }
        let sessions = try SessionGateway(origin: origin)
        let client = try sessions.gateway.connect()
        for _ in 0..<2 { #expect(try client.exchange(sessions.logInRequest()).status == 502) }
        #expect(try sessions.gateway.metric("slidegate_sessions_created_total") == 0)
    }

    @Test func `an upstream that stalls midway is 504`() throws {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(Self.claims)"
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("\(head)Content-Length: 100\r\n\r\n{")
            try connection.waitForEnd()
        }
        let root = "routes: [ { path: / } ]\nupstreams: { api: { servers: [ { address: 127.0.0.1:\(origin.port) } ], timeouts: { response: 300ms } } }"
        let sessions = try SessionGateway(root: root, origin: origin)
        expectProblem(try sessions.gateway.exchange(sessions.logInRequest()), status: 504, code: "upstream_timeout")
    }

    @Test func `a client that leaves midway takes nothing with it`() throws {
        let (begun, go) = (Gate(), Gate())
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(Self.claims)Content-Length: 2\r\n\r\n{")
                begun.open()
                try go.wait()
                try connection.send("}")
            }
        }
        let sessions = try SessionGateway(origin: origin)
        let client = try sessions.gateway.connect()
        try client.send(sessions.logInRequest())
        try begun.wait()
        client.reset()
        try eventually { try sessions.gateway.metric("slidegate_connections") == 0 }
        go.open()
        #expect(try sessions.logIn().counter == 0)
    }
}

extension LoginCaptureTests {
    @Test func `a login that its first server does not take goes to the next one`() throws {
        let origin = try SessionGateway.origin()
        let gone = try Origin.ok()
        gone.stop()
        let servers = "[ { address: 127.0.0.1:\(gone.port) }, { address: 127.0.0.1:\(origin.port) } ]"
        let sessions = try SessionGateway(root: "routes: [ { path: / } ]\nupstreams: { api: { servers: \(servers) } }", origin: origin)
        for _ in 0..<4 { #expect(try sessions.logIn().counter == 0) }
    }

    @Test func `logins on one connection, pipelined, each get a session of their own`() throws {
        let sessions = try SessionGateway()
        let client = try sessions.gateway.connect()
        try client.send((0..<8).map { sessions.logInRequest("user-\($0)") }.joined())
        var names: Set<String?> = []
        for number in 0..<8 {
            let pair = try sessions.pair(try client.receive())
            #expect(Token(verifying: pair.access)?.string("sub") == "user-\(number)")
            names.insert(pair.session)
        }
        #expect(names.count == 8)
        #expect(sessions.origin.connections.count == 1)
    }
}
