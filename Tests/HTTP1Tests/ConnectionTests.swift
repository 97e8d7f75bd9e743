import Bytes
import Testing

@testable import HTTP1

@Suite("Connection and hop-by-hop fields (RFC 9110 §7.6.1, RFC 9112 §9)")
struct ConnectionTests {
    // MARK: Persistence (RFC 9112 §9.3)

    @Test(
        arguments: [
            ("1.1", nil, true), ("1.1", "keep-alive", true), ("1.1", "close", false), ("1.1", "Close", false),
            ("1.1", "keep-alive, close", false), ("1.1", "close, keep-alive", false), ("1.1", "x, CLOSE ,y", false),
            ("1.1", "closed", true),
            ("1.1", "", true), ("1.1", ", ,", true), ("1.0", nil, false), ("1.0", "keep-alive", true),
            ("1.0", "Keep-Alive", true),
            ("1.0", "keep-alive, close", false), ("1.0", "keep_alive", false), ("1.0", "close", false),
            ("1.0", "x", false),
        ] as [(String, String?, Bool)])
    func `a connection persists by version and option`(_ version: String, _ options: String?, _ isPersistent: Bool) {
        let line = options.map { "Connection: \($0)\r\n" } ?? ""
        #expect(request("GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n").head?.isPersistent == isPersistent)
        let answer = "HTTP/\(version) 200 OK\r\nContent-Length: 0\r\n\(line)\r\n"
        #expect(response(answer).head?.isPersistent == isPersistent)
    }

    @Test func `options of several lines count together`() {
        #expect(request(fields: "Connection: keep-alive", "Connection: close").head?.isPersistent == false)
        #expect(request(fields: "Connection: close", "A: b", "Connection: keep-alive").head?.isPersistent == false)
    }

    @Test func `Proxy-Connection does not count`() {
        #expect(request("GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n").head?.isPersistent == false)
        #expect(request(fields: "Proxy-Connection: close").head?.isPersistent == true)
    }

    @Test(arguments: [
        "\"close\"", "a b", "close;x", "close keep-alive", "a/b", "\u{E9}", "close\u{A0}", "(x)", "a=b", "x, @",
    ])
    func `a value that is no list of tokens is refused`(_ value: String) {
        #expect(request(fields: "Connection: \(value)").error == .connectionMalformed)
    }

    // MARK: What is forwarded

    @Test(arguments: [
        "Connection: x", "Keep-Alive: timeout=5", "Proxy-Connection: x", "TE: trailers", "Upgrade: x",
        "HTTP2-Settings: x",
        "Proxy-Authorization: Basic x", "Content-Length: 5", "Transfer-Encoding: chunked",
        "Proxy: http://evil.example/",
        "keep-ALIVE: x",
    ])
    func `fields that end at this hop are dropped without being named`(_ line: String) throws {
        let head = try #require(request(fields: line, "A: b").head)
        #expect(head.fields.lines.map(\.isDropped) == [true, true, false])  // Host is the first
    }

    @Test(arguments: [
        "Authorization: x", "Cookie: x", "Accept: x", "Trailer: x", "Via: x", "X-Keep-Alive: x",
        "Upgrade-Insecure-Requests: 1",
        "X-Forwarded-For: x", "Origin: x", "Content-Type: x", "Connections: x", "Cache-Control: x", "Max-Forwards: 1",
    ])
    func `other fields are kept`(_ line: String) throws {
        let head = try #require(request(fields: line).head)
        #expect(head.fields.lines.map(\.isDropped) == [true, false])
    }

    @Test(arguments: ["X-Hop", "x-hop", "close, X-HOP", " ,\tX-Hop\t, ", "y, z, X-Hop", "X_Hop"])
    func `a field that Connection names is dropped wherever it stands`(_ options: String) throws {
        let head = try #require(
            request(fields: "X-Hop: 1", "A: b", "Connection: \(options)", "x-hop: 2", "X-Hops: 3").head)
        #expect(head.fields.lines.map(\.isDropped) == [true, true, false, true, true, false])
    }

    @Test(arguments: [
        "Host", "host", "Content-Length", "CONTENT-LENGTH", "content_length", "Authorization", "Cookie",
        "X-Forwarded-For", "Forwarded",
        "X-Real-IP", "x_real_ip", "Via", "Origin", "Content-Type", "Cache-Control", "Expect", "Accept",
        "close, Authorization", "x, ,Cookie",
        "Access-Control-Request-Headers", "X-Forwarded-Proto", "Sec-WebSocket-Protocol",
    ])
    func `a client must not name a field that is meant for the recipient`(_ options: String) {
        #expect(request(fields: "Connection: \(options)").error == .connectionOptionNotAllowed)
    }

    @Test(arguments: [
        "TE", "te, trailers", "Keep-Alive", "Transfer-Encoding", "Upgrade, HTTP2-Settings", "Proxy-Connection",
        "Trailer",
    ])
    func `a client may name fields that end at this hop anyway`(_ options: String) {
        #expect(request(fields: "Connection: \(options)").head != nil)
    }

    @Test func `an origin may name any field`() throws {
        let message =
            "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\nConnection: date, content-length\r\nServer: x\r\n\r\n"
        let head = try #require(response(message).head)
        #expect(head.fields.lines.map(\.isDropped) == [true, true, true, false])
        #expect(head.framing == .length(5))
    }

    @Test func `more options than the limit are refused`() {
        let limit = HeadLimits().connectionOptionCountMax
        let options = Array(repeating: "x", count: limit).joined(separator: ",")
        #expect(request(fields: "Connection: \(options)").head != nil)
        #expect(request(fields: "Connection: \(options),,,").head != nil)
        #expect(request(fields: "Connection: \(options),x").error == .tooManyConnectionOptions(limit: limit))
        #expect(
            request(fields: "Connection: \(options)", "Connection: x").error == .tooManyConnectionOptions(limit: limit))
    }

    // MARK: TE (RFC 9110 §10.1.4)

    @Test(arguments: [
        ("trailers", true), ("Trailers", true), ("gzip, trailers", true), ("trailers, gzip;q=0.5", true),
        ("gzip", false), ("", false),
        ("xtrailers", false), ("trailers2", false),
    ])
    func `trailers are accepted when TE says so`(_ value: String, _ accepts: Bool) {
        #expect(request(fields: "TE: \(value)").head?.acceptsTrailers == accepts)
        #expect(request(fields: "TE: a", "TE: \(value)").head?.acceptsTrailers == accepts)
    }

    // MARK: Upgrade (RFC 9110 §7.8)

    @Test(arguments: ["websocket", "WebSocket", "foo/1.0", "foo/2, bar", "websocket, foo"])
    func `an upgrade is wanted when both fields say so`(_ protocols: String) {
        #expect(request(fields: "Connection: Upgrade", "Upgrade: \(protocols)").head?.wantsUpgrade == true)
        #expect(request(fields: "Connection: keep-alive, upgrade", "Upgrade: \(protocols)").head?.wantsUpgrade == true)
        #expect(request(fields: "Upgrade: \(protocols)").head?.wantsUpgrade == false)
        #expect(request(fields: "Connection: Upgrade").head?.wantsUpgrade == false)
    }

    @Test(arguments: [
        "h2c", "H2C", "h2", "HTTP/2.0", "http", "TLS/1.2", "websocket, h2c", "h2c, websocket", "", ",", "a b", "/1",
        "foo/", "\"a\"",
    ])
    func `a protocol that carries HTTP, or none, is no upgrade`(_ protocols: String) {
        #expect(request(fields: "Connection: Upgrade", "Upgrade: \(protocols)").head?.wantsUpgrade == false)
    }

    @Test func `neither content nor HTTP/1.0 nor two Upgrade fields go with an upgrade`() {
        let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        #expect(request("GET / HTTP/1.0\r\n\(fields)\r\n").head?.wantsUpgrade == false)
        #expect(request("GET / HTTP/1.1\r\nHost: a\r\n\(fields)Content-Length: 5\r\n\r\n").head?.wantsUpgrade == false)
        #expect(
            request("GET / HTTP/1.1\r\nHost: a\r\n\(fields)Transfer-Encoding: chunked\r\n\r\n").head?.wantsUpgrade
                == false)
        #expect(request("GET / HTTP/1.1\r\nHost: a\r\n\(fields)Upgrade: x\r\n\r\n").head?.wantsUpgrade == false)
        #expect(request("GET / HTTP/1.1\r\nHost: a\r\n\(fields)Content-Length: 0\r\n\r\n").head?.wantsUpgrade == true)
    }

    // MARK: Expect (RFC 9110 §10.1.1)

    @Test(arguments: ["100-continue", "100-Continue"])
    func `100-continue is expected where content follows in HTTP/1.1`(_ value: String) throws {
        let sized = try #require(request(fields: "Expect: \(value)", "Content-Length: 5").head)
        #expect(sized.expectsContinue && sized.fields.first(.expect)?.isDropped == false)
        #expect(request(fields: "Expect: \(value)", "Transfer-Encoding: chunked").head?.expectsContinue == true)
        for message in [
            "POST / HTTP/1.0\r\nExpect: \(value)\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: \(value)\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: \(value)\r\n\r\n",
        ] {
            let head = try #require(request(message).head)
            #expect(!head.expectsContinue && head.fields.first(.expect)?.isDropped == true)
        }
    }

    @Test(arguments: [
        "", "100", "100-continue, 100-continue", "100-continue;a=b", "200-ok", "x", "\"100-continue\"", "100 continue",
    ])
    func `any other expectation is refused`(_ value: String) {
        let error = request(fields: "Expect: \(value)", "Content-Length: 5").error
        #expect(error == .expectationUnsupported && error?.status == 417)
        #expect(request(fields: "Expect: 100-continue", "Expect: \(value)").error == .expectationUnsupported)
    }
}
