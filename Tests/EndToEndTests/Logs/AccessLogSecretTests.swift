import Foundation
import Testing

/// Goal: whatever is sent, a line is one line, valid, and holds no secret (semantics §8). Method: secrets and hostile bytes in every
/// place of a request that a line tells of, and in those that it does not.
@Suite("What the access log never says")
struct AccessLogSecretTests {
    static let query = "the-value-of-a-query"
    static let cookie = "the-value-of-a-cookie"

    /// Heads, `$T` being a token.
    static let heads = [
        "GET /?access_token=$T HTTP/1.1\r\nHost: a\r\n", "GET /a?q=\(query) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer $T\r\n",
        "GET /$T HTTP/1.1\r\nHost: a\r\n", "GET /a/$T/b/$T?q=\(query) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer $T\r\n",
        "GET http://user:$T@a/ HTTP/1.1\r\nHost: a\r\n", "GET http://a/$T?\(query) HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: token=$T; other=\(cookie)\r\n", "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: app $T (x)\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: $T\r\n", "GET / HTTP/1.1\r\nHost: a\r\nReferer: https://a/?token=$T&\(query)\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nReferer: https://a/$T#\(query)\r\n", "GET / HTTP/1.1\r\nHost: a\r\nReferer: https://u:\(query)@a/\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nReferer: $T\r\n", "GET / HTTP/1.1\r\nHost: a\r\nReferer: $T://$T/$T\r\n", "GET / HTTP/1.1\r\nHost: $T\r\n",
        "$T / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer $T\r\nAuthorization: Bearer $T\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: $T\r\n", "GET / HTTP/1.1\r\nHost: a\r\ntraceparent: $T\r\ntracestate: a=$T\r\n",
        "GET /?\(query) HTTP/1.1\r\nHost: a\r\n $T\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1}$T\r\n", "GET /%2e%2e/$T HTTP/1.1\r\nHost: a\r\n",
    ]

    /// The shortest that is taken, and one of the usual size.
    static var tokens: [String] {
        [Token.signed(claims: #"{"exp":\#(Token.now() + 3000)}"#, header: #"{"alg":"HS256"}"#), Token.with(left: 3000, more: #","x":"abcdefghijklmnopqrstuvwxyz""#)]
    }

    @Test(arguments: ["json", "combined"])
    func `neither tokens nor cookies nor values of queries`(_ format: String) throws {
        let gateway = try Gateway(Gateway.accessLog(format: format), upstream: try Origin.ok())
        var sent = 0
        for token in Self.tokens {
            for head in Self.heads {
                _ = try? gateway.exchange(head.replacing("$T", with: token) + "\r\n")
                sent += 1
            }
        }
        try eventually { gateway.accessText().count == sent }
        let text = gateway.accessText().joined(separator: "\n")
        for token in Self.tokens.flatMap({ $0.split(separator: ".").dropFirst() }) { #expect(!text.contains(token)) }
        #expect(!text.contains(Self.query) && !text.contains(Self.cookie))
        if format == "json" { for line in gateway.accessText() { _ = try AccessLine(line) } }
    }

    @Test func `a renewed token is no more in a line than the one that came`() throws {
        let gateway = try Gateway(Gateway.accessLog(), upstream: try Origin.ok())
        let answer = try gateway.get("/", "Authorization: Bearer \(Token.ending)")
        let successor = try #require(answer["X-Refresh-Token"])
        let line = try gateway.accessLine()
        #expect(line["decision"] == "renewed")
        #expect(!line.text.contains(successor.split(separator: ".")[1]) && !line.text.contains(successor.split(separator: ".")[2]))
    }

    @Test func `hostile bytes stay within their member, in both formats`() throws {
        let hostile = [
            "\"},{\"status\":200", "\\\" \\u0022 \\", "\u{80}\u{9B}2J\u{FF}\u{FE}", "\u{C3}\u{28}", "\u{E2}\u{80}\u{A8}", "a\tb", "\u{ED}\u{A0}\u{80}",
            "\" 200 5 \"-\" \"-", String(repeating: "\u{FF}", count: 4_000), String(repeating: "\"", count: 4_000),
        ]
        for format in ["json", "combined"] {
            let gateway = try Gateway(Gateway.accessLog(format: format) + openToAll, upstream: try Origin.ok())
            for text in hostile {
                _ = try gateway.exchange("GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: \(text)\r\nReferer: \(text)\r\n\r\n")
            }
            try eventually { gateway.accessText().count == hostile.count }
            for (line, text) in zip(gateway.accessText(), hostile) {
                #expect(line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                guard format == "json" else {
                    #expect(line.utf8.allSatisfy { $0 < 0x7F })
                    #expect(line.count { $0 == "\"" } == 6)
                    continue
                }
                let line = try AccessLine(line)
                #expect(line.status == 200 && line["path"] == "/a")
                if text.utf8.count < 80, text.utf8.count == text.unicodeScalars.count { #expect(line["user_agent"] == text) }
            }
        }
    }

    @Test func `a claim may hold anything, and the line holds`() throws {
        for format in ["json", "combined"] {
            let gateway = try Gateway(Gateway.accessLog(format: format), upstream: try Origin.ok())
            let claims = #"{"sub":"a \"b\" \n\u0000\u2028 [x] 日","sid":"\\\"","iat":\#(Token.now() - 10),"exp":\#(Token.now() + 3000)}"#
            #expect(try gateway.get("/", "Authorization: Bearer \(Token.signed(claims: claims))").status == 200)
            try eventually { gateway.accessText().count == 1 }
            if format == "json" {
                let line = try gateway.accessLine()
                #expect(line["sub"] == "a \"b\" \n\u{0}\u{2028} [x] 日" && line["sid"] == "\\\"")
            } else {
                #expect(gateway.accessText()[0].contains(#" - a\x20\x22b\x22\x20\x0A\x00\xE2\x80\xA8\x20[x]\x20\xE6\x97\xA5 ["#))
            }
        }
    }
}
