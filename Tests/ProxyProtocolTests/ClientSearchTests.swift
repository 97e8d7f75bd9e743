import Bytes
import Testing

@testable import ProxyProtocol

private func trusting(_ blocks: String...) -> TrustedPeers {
    TrustedPeers(blocks: blocks.map { try! block($0) })
}

private let tens = trusting("10.0.0.0/8", "fd00::/8")

@Suite("The client behind X-Forwarded-For")
struct ForwardedForTests {
    /// Lines as they came, first to last.
    private func search(_ lines: String..., trusting trusted: TrustedPeers = tens) -> (ClientSearch.Outcome, String?) {
        var search = ClientSearch(from: address("10.0.0.1"))
        var outcome = ClientSearch.Outcome.unfinished
        for line in lines.reversed() where outcome == .unfinished {
            outcome = search.read(forwardedFor: Array(line.utf8).span, trusting: trusted)
        }
        return (outcome, search.client?.description)
    }

    @Test func `is the right-most untrusted address`() {
        #expect(search("192.0.2.1") == (.found, "192.0.2.1"))
        #expect(search("198.51.100.9, 192.0.2.1, 10.0.0.2") == (.found, "192.0.2.1"))
        #expect(search("198.51.100.9", "192.0.2.1 ,\t10.0.0.2", "10.9.9.9") == (.found, "192.0.2.1"))
        #expect(search("2001:db8::1,fd00::5") == (.found, "2001:db8::1"))
    }

    @Test func `may be a trusted address when all are`() {
        #expect(search("10.0.0.3, 10.0.0.2") == (.unfinished, "10.0.0.3"))
        #expect(search("") == (.unfinished, "10.0.0.1"))
        #expect(search(" ,, ,") == (.unfinished, "10.0.0.1"))
    }

    @Test func `what the client has sent before the first untrusted address is never looked at`() {
        #expect(search("\"garbage, <script>", "127.0.0.1, 192.0.2.1") == (.found, "192.0.2.1"))
        #expect(search(String(repeating: ",", count: 30_000) + "192.0.2.1") == (.found, "192.0.2.1"))
    }

    @Test(arguments: ["192.0.2.1:4711", "192.0.2.1:65535", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]:80"])
    func `may have a port, and brackets around IPv6`(_ text: String) { #expect(search(text) == (.found, "192.0.2.1")) }

    @Test(arguments: ["unknown", "UNKNOWN", "_gazonk", "unknown:_port"])
    func `may be hidden by the proxy, which then stands for it`(_ text: String) {
        #expect(search("192.0.2.1, \(text), 10.0.0.2") == (.hidden, "10.0.0.2"))
    }

    @Test(arguments: [
        "192.0.2.1.5", "192.0.2.1:65536", "192.0.2.1:", "[192.0.2.1]", "[::1", "::1]", "host.example", "\"192.0.2.1\"",
        "192.0.2.1 192.0.2.2", "for=192.0.2.1", "_", "_a/b", "-",
    ])
    func `is not guessed from what is malformed: the proxy that wrote it stands for it`(_ text: String) {
        #expect(search("192.0.2.7, \(text), 10.0.0.2") == (.malformed, "10.0.0.2"))
    }

    @Test func `is not looked for behind more than 32 proxies`() {
        let proxies = (0..<31).map { _ in "10.0.0.2" }.joined(separator: ",")
        #expect(search("192.0.2.1," + proxies) == (.found, "192.0.2.1"))
        #expect(search("192.0.2.1,10.1.1.1," + proxies) == (.malformed, "10.1.1.1"))
    }
}

private func parsed(_ text: [UInt8]) -> ForwardedElement? { ForwardedElement(text.span) }

@Suite("The client behind Forwarded (RFC 7239)")
struct ForwardedTests {
    private func search(_ lines: String...) -> (ClientSearch.Outcome, String?) {
        var search = ClientSearch(from: address("10.0.0.1"))
        var outcome = ClientSearch.Outcome.unfinished
        for line in lines.reversed() where outcome == .unfinished {
            outcome = search.read(forwarded: Array(line.utf8).span, trusting: tens)
        }
        return (outcome, search.client?.description)
    }

    @Test func `is the right-most untrusted for`() {
        #expect(search("for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com") == (.found, "198.51.100.17"))
        #expect(search("For=\"[2001:db8:cafe::17]:4711\"") == (.found, "2001:db8:cafe::17"))
        #expect(search("for=192.0.2.60;proto=http", "FOR=10.0.0.9 , for=10.0.0.8") == (.found, "192.0.2.60"))
        #expect(search("for=192.0.2.60;;by=_x;") == (.found, "192.0.2.60"))
        #expect(search("for=\"192.0.2.1:47011\"") == (.found, "192.0.2.1"))
        #expect(search(#"for="192\.0.2.1""#) == (.found, "192.0.2.1"))
    }

    @Test(arguments: ["for=unknown", "for=_hidden", "for=\"_SEVKISEK:_x\"", "proto=https", "by=10.0.0.2;host=\"a, b;c=d\""])
    func `may be hidden, or not said`(_ element: String) {
        #expect(search("for=192.0.2.1, \(element), for=10.0.0.2") == (.hidden, "10.0.0.2"))
    }

    @Test(arguments: [
        "for=[2001:db8::1]", "for=2001:db8::1", "for=\"2001:db8::1\"", "for=192.0.2.1:80", "for=", "for", "=x", "for = 192.0.2.1",
        "for=192.0.2.1 ;proto=http", "for=192.0.2.1;for=192.0.2.2", "for=\"192.0.2.1", "for=192.0.2.1\"", "for=\"a\"b",
        "for=\"\\", "proto=http;proto=https", "proto=\"ht\\tp\";proto=https", "host=\"\\a\";host=b", "for=@", "a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1;q=1",
    ])
    func `is not guessed from what is malformed`(_ element: String) {
        let (outcome, client) = search("for=192.0.2.7, \(element)")
        #expect(outcome == .malformed && client == "10.0.0.1", "\(outcome)")
    }

    @Test func `a quote that a client has left open swallows nothing`() {
        #expect(search("for=\"192.0.2.99, for=192.0.2.1") == (.found, "192.0.2.1"))
        #expect(search("for=\"x\\\", for=192.0.2.1;host=\"a,b\", for=10.0.0.2") == (.found, "192.0.2.1"))
    }

    @Test func `proto and host stand where they are said to`() throws {
        let text = Array("proto=https;for=192.0.2.1;Host=\"a.example:8443\"".utf8)
        let element = try #require(parsed(text))
        #expect(element.proto.map { String(decoding: text[$0], as: UTF8.self) } == "https")
        #expect(element.host.map { String(decoding: text[$0], as: UTF8.self) } == "a.example:8443")
        let escaped = try #require(parsed(Array(#"host="a\.b";proto="ht\tp""#.utf8)))
        #expect(escaped.host == nil && escaped.proto == nil)
    }

    @Test(arguments: [
        ("192.0.2.1", "a.example", false, "for=192.0.2.1;host=\"a.example\";proto=http"),
        ("2001:db8::1", "[::1]:80", true, "for=\"[2001:db8::1]\";host=\"[::1]:80\";proto=https"),
        ("", #"a"b\"#, false, #"for=unknown;host="a\"b\\";proto=http"#), ("", "", true, "for=unknown;proto=https"),
    ])
    func `is written with the quotes that it needs`(_ client: String, _ host: String, _ isSecure: Bool, _ expected: String) {
        var buffer = ByteBuffer()
        ForwardedElement.append(for: address(client), host: Array(host.utf8).span, isSecure: isSecure, to: &buffer)
        let bytes = buffer.bytes()
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        #expect(parsed(bytes) != nil)
    }

    @Test func `no bytes trap`() {
        var random = Seeded(11)
        let alphabet = Array("for=\"[]:.,;_\\ 0129af\tunknownproto=host=".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
            var search = ClientSearch(from: nil)
            _ = search.read(forwarded: bytes.span, trusting: tens)
            #expect(search.element.upperBound <= bytes.count)
            _ = search.read(forwardedFor: bytes.span, trusting: tens)
            #expect(search.element.upperBound <= bytes.count)
        }
    }
}
