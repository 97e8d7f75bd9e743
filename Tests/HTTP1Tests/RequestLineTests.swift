import Testing

@testable import HTTP1

@Suite("Request line (RFC 9112 §3)")
struct RequestLineTests {
    @Test func `its parts are found`() throws {
        let message = "GET /a/b?c=d&e HTTP/1.1\r\nHost: h:81\r\n\r\n"
        let head = try #require(request(message).head)
        #expect(head.method == .get && head.version == .http11 && head.targetForm == .origin)
        #expect(text(head.methodName, of: message) == "GET")
        #expect(text(head.target, of: message) == "/a/b?c=d&e")
        #expect(text(head.path, of: message) == "/a/b")
        #expect(text(head.query, of: message) == "c=d&e")
        #expect(head.hasQuery && head.scheme == nil)
        #expect(head.length == message.utf8.count)
    }

    @Test func `an absent query and an empty one are told apart`() throws {
        let absent = try #require(request("GET /a HTTP/1.0\r\n\r\n").head)
        let empty = try #require(request("GET /a? HTTP/1.0\r\n\r\n").head)
        #expect(absent.query.isEmpty && !absent.hasQuery)
        #expect(empty.query.isEmpty && empty.hasQuery)
    }

    // MARK: Empty lines before it

    @Test(arguments: ["\r\n", "\r\n\r\n"])
    func `an empty line or two before it are skipped`(_ lines: String) throws {
        let message = lines + "GET / HTTP/1.0\r\n\r\n"
        let head = try #require(request(message).head)
        #expect(text(head.methodName, of: message) == "GET")
        #expect(head.length == message.utf8.count)
    }

    @Test(arguments: ["\n", "\r", "\r\r\n", "\r\n\n", " ", "\t", " \r\n", "\0", "\r\n\r\n\r\n"])
    func `anything else before it is refused`(_ lines: String) {
        #expect(request(lines + "GET / HTTP/1.0\r\n\r\n").error != nil)
    }

    // MARK: Method

    static let methods: [(String, HTTP1.Method)] = [
        ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete), ("OPTIONS", .options),
        ("TRACE", .trace), ("PATCH", .patch), ("get", .other), ("GETS", .other), ("PURGE", .other),
        ("M-SEARCH", .other),
        ("VERSION-CONTROL", .other), ("GET\u{27}", .other), ("X", .other),
    ]

    @Test(arguments: methods)
    func `a method is known by its exact name`(_ name: String, _ method: HTTP1.Method) throws {
        let message = "\(name) / HTTP/1.1\r\nHost: a\r\n\r\n"
        let head = try #require(request(message).head)
        #expect(head.method == method)
        #expect(text(head.methodName, of: message) == name)
        #expect(Method(Array(name.utf8).span) == method)
    }

    @Test func `a method is a token`() {
        for byte in UInt8.min...UInt8.max {
            let character = String(UnicodeScalar(byte))
            let outcome = request("G\(character)T / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect((outcome.head != nil) == isTokenCharacter(byte), "byte \(byte)")
        }
    }

    @Test func `an empty method is refused`() {
        #expect(request(" / HTTP/1.1\r\nHost: a\r\n\r\n").error == .methodMalformed)
    }

    @Test func `a method longer than the limit is not implemented`() {
        let limit = HeadLimits().methodBytesMax
        #expect(request(String(repeating: "M", count: limit) + " / HTTP/1.1\r\nHost: a\r\n\r\n").head != nil)
        let error = request(String(repeating: "M", count: limit + 1) + " / HTTP/1.1\r\nHost: a\r\n\r\n").error
        #expect(error == .methodTooLong(limit: limit) && error?.status == 501)
    }

    @Test func `safe and idempotent methods are those of RFC 9110 §9.2`() {
        let safe: [HTTP1.Method] = [.get, .head, .options, .trace]
        let idempotent: [HTTP1.Method] = safe + [.put, .delete]
        for raw in UInt8(0)..<10 {
            let method = Method(rawValue: raw)!
            #expect(method.isSafe == safe.contains(method))
            #expect(method.isIdempotent == idempotent.contains(method))
        }
    }

    // MARK: Separators

    @Test(arguments: [
        "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET / HTTP/1.1 ",
        "GET / HTTP/1.1\t",
        "GET / a HTTP/1.1", "GET/ HTTP/1.1", "GET /HTTP/1.1", "GET", "GET ", "GET /", "GET / ", "GET /\u{B}HTTP/1.1",
        "GET \u{A0}/ HTTP/1.1",
    ])
    func `its parts are separated by exactly one space`(_ line: String) {
        #expect(request(line + "\r\nHost: a\r\n\r\n").error != nil)
    }

    @Test(arguments: ["GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\rHost: a\r\n\r\n", "GET /\r HTTP/1.1\r\n\r\n"])
    func `it ends with CRLF and nothing less`(_ message: String) {
        #expect(request(message).error != nil)
    }

    // MARK: Version

    @Test(arguments: [
        ("HTTP/1.0", Version.http10), ("HTTP/1.1", .http11), ("HTTP/1.2", .http11), ("HTTP/1.9", .http11),
    ])
    func `a higher minor version is processed as 1.1`(_ name: String, _ version: Version) {
        #expect(request("GET / \(name)\r\nHost: a\r\n\r\n").head?.version == version)
    }

    @Test(arguments: ["HTTP/2.0", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9", "HTTP/2", "HTTP/0.0"])
    func `another major version is not supported`(_ name: String) {
        let error = request("GET / \(name)\r\nHost: a\r\n\r\n").error
        #expect(error == .versionUnsupported && error?.status == 505)
    }

    @Test(arguments: [
        "http/1.1", "Http/1.1", "HTTP/1.10", "HTTP/1.", "HTTP/1", "HTTP/", "HTTP1.1", "HTTP/1,1", "HTTP /1.1",
        "HTTP/ 1.1",
        "HTTP/1 .1", "HTTP/+1.1", "HTTP/-1.1", "HTTP/1.a", "HTTP/x.1", "HTTPS/1.1", "HTP/1.1", "SHTTP/1.1", "HTTP/1.1a",
        "HTTP/1.1\0", "HTTP/\u{B9}.1", "\"HTTP/1.1\"", "ICY/1.1",
    ])
    func `a malformed version is refused`(_ name: String) {
        #expect(request("GET / \(name)\r\nHost: a\r\n\r\n").error == .versionMalformed)
    }

    @Test(arguments: ["GET /\r\n\r\n", "GET /\r\nHost: a\r\n\r\n", "GET / \r\nHost: a\r\n\r\n", "GET /?a=b\r\n"])
    func `a simple request of HTTP/0.9 is refused`(_ message: String) {
        #expect(request(message).error == .versionMissing)
    }

    @Test func `the preface of HTTP/2 is refused as a version`() {
        #expect(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").error?.status ?? 0 >= 400)
    }

    @Test func `a TLS greeting is refused at its first byte`() {
        #expect(request("\u{16}").error == .methodMalformed)
    }
}

/// `tchar`, spelled out as in RFC 9110 §5.6.2.
func isTokenCharacter(_ byte: UInt8) -> Bool {
    let others = Array("!#$%&'*+-.^_`|~".utf8)
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): return true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return true
    default: return others.contains(byte)
    }
}
