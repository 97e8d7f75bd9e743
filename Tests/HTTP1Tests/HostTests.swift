import Testing

@testable import HTTP1

@Suite("Host (RFC 9110 §7.2, RFC 9112 §3.2)")
struct HostTests {
    @Test(
        arguments: [
            ("a.example", "a.example", "a.example", nil), ("A.Example:8080", "A.Example:8080", "A.Example", 8080),
            ("127.0.0.1", "127.0.0.1", "127.0.0.1", nil), ("[::1]", "[::1]", "[::1]", nil),
            ("[2001:db8::1]:443", "[2001:db8::1]:443", "[2001:db8::1]", 443), ("a_b-c~d.", "a_b-c~d.", "a_b-c~d.", nil),
            ("a:", "a", "a", nil), ("a:0", "a:0", "a", 0), ("a:65535", "a:65535", "a", 65535), ("  a  ", "a", "a", nil),
        ] as [(String, String, String, Int?)])
    func `a host and a port are told apart`(_ value: String, _ authority: String, _ host: String, _ port: Int?) throws {
        let message = "GET / HTTP/1.1\r\nHost:\(value)\r\n\r\n"
        let head = try #require(request(message).head)
        #expect(text(head.authority, of: message) == authority)
        #expect(text(head.host, of: message) == host)
        #expect(head.port == port)
    }

    @Test(arguments: [
        "", " ", ":", ":80", "a b", "a,b", "a, b", "a;b", "u@a", "u:p@a", "@a", "a/", "a/b", "/a", "http://a", "a?b",
        "a#b", "a\\b",
        "a:b", "a:80a", "a:-1", "a:+1", "a: 80", "a :80", "a:65536", "a:000080", "a:99999999999999999999", "a:80:80",
        "::1", "[::1",
        "::1]", "[::1]a", "[::1]:x", "[]", "[:]", "[v1.a]", "[::1%25eth0]", "[fe80::1%eth0]", "[127.0.0.1]", "a%41",
        "\u{E9}", "a\tb",
        "\"a\"", "<a>", "a*", "a!", "[a]", "[::1]]", "[[::1]]", "a&b", "a=b",
    ])
    func `a value that is no authority is refused`(_ value: String) {
        #expect(request("GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n").error == .hostMalformed)
        #expect(request("GET / HTTP/1.0\r\nHost: \(value)\r\n\r\n").error == .hostMalformed)
    }

    @Test func `it is required in HTTP/1.1 and not in HTTP/1.0`() {
        #expect(request("GET / HTTP/1.1\r\n\r\n").error == .hostMissing)
        #expect(request("GET / HTTP/1.1\r\nX-Host: a\r\n\r\n").error == .hostMissing)
        let old = request("GET / HTTP/1.0\r\n\r\n").head
        #expect(old?.authority.isEmpty == true && old?.host.isEmpty == true)
    }

    @Test(arguments: ["Host: a\r\nHost: a", "Host: a\r\nhOST: b", "Host: a\r\nX: y\r\nHost: a"])
    func `it is refused twice, even when the values agree`(_ fields: String) {
        #expect(request("GET / HTTP/1.1\r\n\(fields)\r\n\r\n").error == .hostRepeated)
        #expect(request("GET / HTTP/1.0\r\n\(fields)\r\n\r\n").error == .hostRepeated)
    }

    @Test func `a name longer than DNS allows is refused`() {
        let longest = String(repeating: "a", count: Authority.hostBytesMax)
        #expect(request("GET / HTTP/1.1\r\nHost: \(longest):80\r\n\r\n").head != nil)
        #expect(request("GET / HTTP/1.1\r\nHost: a\(longest)\r\n\r\n").error == .hostMalformed)
    }

    // MARK: IP literals (RFC 3986 §3.2.2)

    @Test(arguments: [
        "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "2001:DB8::FFFF",
        "::ffff:192.0.2.1",
        "1:2:3:4:5:6:192.0.2.1", "64:ff9b::192.0.2.33", "0:0:0:0:0:0:0:0", "::0.0.0.0", "1:2::5:6:7:8",
    ])
    func `an IPv6 address is accepted`(_ address: String) {
        let isAddress = isIPv6Address(Array(address.utf8).span)
        #expect(isAddress)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1::", "1::2::3",
        "12345::",
        "g::", "::1.2.3", "::1.2.3.4.5", "::256.0.0.1", "::01.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4:1", "1.2.3.4",
        "::1 ", " ::1",
        "::.1.2.3", "::1..2.3", "1:::2", "::%", "::1/64", "0x1::", "-1::", "::1.2.3.4.", "1:2:3:4:5:6:7:",
    ])
    func `anything else is not`(_ address: String) {
        let isAddress = isIPv6Address(Array(address.utf8).span)
        #expect(!isAddress)
    }
}
