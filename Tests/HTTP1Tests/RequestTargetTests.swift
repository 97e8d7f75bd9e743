import Testing

@testable import HTTP1

@Suite("Request target (RFC 9112 §3.2, RFC 3986)")
struct RequestTargetTests {
    private func error(_ target: String, method: String = "GET") -> MessageError? {
        request("\(method) \(target) HTTP/1.1\r\nHost: a.example\r\n\r\n").error
    }

    /// `unreserved / sub-delims / ":" / "@" / "/"`, spelled out as in RFC 3986 §2.2–3.3.
    private static let pathCharacters = Set(
        Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/".utf8))

    @Test func `a path holds pchar and slashes`() {
        for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: "?") {
            let isAccepted = error("/a\(UnicodeScalar(byte))b") == nil
            #expect(isAccepted == Self.pathCharacters.contains(byte), "byte \(byte)")
        }
    }

    @Test func `a query holds besides them a question mark and what browsers leave unencoded`() {
        let characters = Self.pathCharacters.union(Array("?[]^`{|}".utf8))
        for byte in UInt8.min...UInt8.max {
            let isAccepted = error("/a?b\(UnicodeScalar(byte))c") == nil
            #expect(isAccepted == characters.contains(byte), "byte \(byte)")
        }
    }

    @Test(arguments: ["/%41", "/%2f", "/%2F", "/%00", "/a%20b", "/?%7e", "/%fF%Ff", "/?a=%25"])
    func `an escape is a percent sign and two hexadecimal digits`(_ target: String) {
        #expect(error(target) == nil)
    }

    @Test(arguments: [
        "/%", "/%4", "/%g1", "/%1g", "/%%41", "/%u0041", "/% 41", "/?%", "/?a=100%", "/?%zz", "/%4\u{FF}",
    ])
    func `anything else behind a percent sign is refused`(_ target: String) {
        #expect(error(target) == .targetMalformed)
    }

    @Test(arguments: [
        "/a#b", "#", "/a\\b", "\\", "/\u{E9}", "/a\"b", "/<script>", "a", "a/b", "?", "?a", "", "./a", "../a",
    ])
    func `what is no target is refused`(_ target: String) {
        #expect(error(target) != nil)
    }

    @Test(arguments: ["//a", "/..", "/../..", "/.", "/a//b/", "/;a=b", "/:", "/http://x/", "//evil.example/%2e%2e"])
    func `a path that a later rule judges is well formed here`(_ target: String) {
        #expect(error(target) == nil)
    }

    @Test func `a target longer than the limit is refused, before its end is seen`() {
        let limit = HeadLimits().targetBytesMax
        let longest = "/" + String(repeating: "a", count: limit - 1)
        #expect(error(longest) == nil)
        #expect(error(longest + "a") == .targetTooLong(limit: limit))
        #expect(error(longest + "%41") == .targetTooLong(limit: limit))
        #expect(request("GET \(longest)a").error?.status == 414)
        let absolute = "http://a.example/" + String(repeating: "a", count: limit)
        #expect(error(absolute) == .targetTooLong(limit: limit))
    }

    // MARK: Absolute form

    @Test(arguments: [
        ("http://b.example/c?d", "b.example", "/c", "d"), ("HTTP://b.example:8080/", "b.example:8080", "/", ""),
        ("https://[::1]:443/x", "[::1]:443", "/x", ""), ("http://b.example", "b.example", "", ""),
        ("http://b.example?d", "b.example", "", "d"), ("http://b.example:/", "b.example", "/", ""),
        ("http://b.example/http://c.example/", "b.example", "/http://c.example/", ""),
    ])
    func `absolute form overrules Host`(_ target: String, _ authority: String, _ path: String, _ query: String) throws {
        let message = "GET \(target) HTTP/1.1\r\nHost: a.example\r\n\r\n"
        let head = try #require(request(message).head)
        #expect(head.targetForm == .absolute)
        #expect(head.scheme == (target.lowercased().hasPrefix("https") ? .https : .http))
        #expect(text(head.authority, of: message) == authority)
        #expect(text(head.path, of: message) == path)
        #expect(text(head.query, of: message) == query)
    }

    @Test(arguments: [
        "http://", "http:///", "http://?", "http:/a", "http:a", "http//a", "ftp://a/", "javascript:alert(1)",
        "file:///etc/passwd",
        "http://u@a/", "http://u:p@a/", "http://@a/", "http://a:b/", "http://a:65536/", "http://a:80:80/",
        "http://[::1/",
        "http://[::g]/", "http://[]/", "http://::1/", "http://a%41/", "http://a,b/", "http://a[b]/", "http://a/[",
        "://a/", "h://a/",
        "http://a/{", "http://a/|", "http://:80/", "httpx://a/", "http://a\\b/", "ws://a/",
    ])
    func `an absolute form with an unsound scheme, authority or path is refused`(_ target: String) {
        #expect(error(target) == .targetMalformed)
    }

    @Test func `absolute form in HTTP/1.1 still needs Host`() {
        #expect(request("GET http://a/ HTTP/1.1\r\n\r\n").error == .hostMissing)
        #expect(request("GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n").error == .hostMalformed)
        #expect(request("GET http://a/ HTTP/1.0\r\n\r\n").head != nil)
    }

    // MARK: Authority and asterisk form

    @Test(arguments: ["b.example:443", "[::1]:443", "127.0.0.1:80"])
    func `CONNECT takes authority form`(_ target: String) throws {
        let message = "CONNECT \(target) HTTP/1.1\r\nHost: a.example\r\n\r\n"
        let head = try #require(request(message).head)
        #expect(head.method == .connect && head.targetForm == .authority && head.path.isEmpty)
        #expect(text(head.authority, of: message) == target)
    }

    @Test(arguments: ["/", "/a", "*", "http://a/", "a", "a:", ":80", "a:b", "a:65536", "u@a:80", "a:80/", "a:80?"])
    func `CONNECT takes no other form`(_ target: String) {
        #expect(error(target, method: "CONNECT") != nil)
    }

    @Test(arguments: ["a.example:443", "a:80", "[::1]:80"])
    func `authority form is for CONNECT only`(_ target: String) {
        #expect(error(target) != nil)
        #expect(error(target, method: "OPTIONS") != nil)
    }

    @Test func `the asterisk is for OPTIONS only`() {
        let head = request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").head
        #expect(head?.targetForm == .asterisk && head?.path.isEmpty == true)
        #expect(error("*") == .targetFormNotAllowed)
        #expect(error("*", method: "POST") == .targetFormNotAllowed)
        #expect(error("**", method: "OPTIONS") != nil)
        #expect(error("*?a", method: "OPTIONS") != nil)
        #expect(error("/*", method: "OPTIONS") == nil)
    }
}
