import Foundation
import Glibc
import Testing

/// Goal: each request has one line that says what became of it, however it ended. Method: every way a request can end, and a JSON
/// parser that is not ours.
@Suite("Lines of the access log")
struct AccessLogLineTests {
    private static let routes = """
        routes:
          - { path: /, name: api }
          - { path: /open/, name: open, auth: none }
          - { path: /quiet/, auth: none, access_log: false }
          - { path: /trial/, name: trial, mode: shadow }

        """

    @Test func `a request that passes`() throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello" }
        let gateway = try Gateway(Gateway.accessLog() + Self.routes, upstream: origin)
        let token = Token.with(left: 3000, more: #","sid":"session-7""#)
        let before = Date()
        let answer = try gateway.exchange(
            "POST /things/9?secret=1 HTTP/1.1\r\nHost: api.example:81\r\nAuthorization: Bearer \(token)\r\nUser-Agent: test/1.0\r\n"
                + "Referer: https://me:pw@front.example/page?q=1#x\r\nContent-Length: 3\r\n\r\nabc")
        #expect(answer.status == 201)
        let line = try gateway.accessLine()
        let expected: [String: String] = [
            "client": "127.0.0.1", "method": "POST", "path": "/things/9", "host": "api.example", "protocol": "HTTP/1.1", "route": "api",
            "decision": "admitted", "reason": "not_due", "sid": "session-7", "sub": "user-1", "upstream": "127.0.0.1:\(origin.port)",
            "user_agent": "test/1.0", "referer": "https://front.example/page",
        ]
        for (name, value) in expected { #expect(line[name] == value, "\(name)") }
        #expect(line.status == 201)
        #expect(line.number("bytes_in") == 3 && line.number("bytes_out") == 5 && line.number("tries") == 1)
        #expect(line["token"]?.count == 12)
        #expect(line["trace_id"]?.count == 32)
        #expect(
            Set(line.members.keys) == Set(expected.keys).union(["time", "status", "bytes_in", "bytes_out", "token", "trace_id", "tries", "duration"]))
        let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        let time = try form.parse(try #require(line["time"]))
        #expect(time >= before.addingTimeInterval(-0.002) && time <= Date())
        #expect(try #require(line["time"]).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        #expect(Set(line.duration.keys) == ["authenticate", "select", "upstream", "respond", "total"])
        let phases = line.duration.filter { $0.key != "total" }.values.reduce(0, +)
        #expect(abs(phases - line.duration["total"]!) < 0.01)
    }

    @Test func `durations are where the time went`() throws {
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                usleep(60_000)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
                usleep(120_000)
                try connection.send("cd")
            }
        }
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: origin)
        #expect(try gateway.get().status == 200)
        let duration = try gateway.accessLine().duration
        // The gateway may be late to see the head of the answer, and never early.
        #expect(duration["upstream"]! >= 60 && duration["upstream"]! + duration["respond"]! >= 180)
        #expect(duration["respond"]! > 20 && duration["total"]! >= 180)
    }

    /// What is sent, and what of the line it makes: status, decision, reason.
    static let answers: [(String, Int, String, String)] = [
        ("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.ending)\r\n\r\n", 200, "renewed", ""),
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", 401, "refused", "token_missing"),
        ("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.with(left: -100))\r\n\r\n", 401, "refused", "expired"),
        ("GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n", 200, "admitted", "no_token"),
        ("GET /trial/x HTTP/1.1\r\nHost: a\r\n\r\n", 200, "would_refuse", "token_missing"),
        ("GET /trial/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.ending)\r\n\r\n", 200, "would_renew", "shadow"),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "refused", ""),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, "failed", "method_not_implemented"),
        ("GET /open/x HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n", 400, "failed", ""),
        ("GET / HTTP/9.9\r\n\r\n", 505, "failed", ""),
        ("OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n\r\n", 204, "answered", "preflight"),
    ]

    @Test(arguments: answers.indices)
    func `what it was, and why`(_ index: Int) throws {
        let (request, status, decision, reason) = Self.answers[index]
        let gateway = try Gateway(
            Gateway.accessLog() + Self.routes + "cors: { origins: [ \"https://a.example\" ] }\n", upstream: try Origin.ok())
        #expect(try gateway.exchange(request).status == status)
        let line = try gateway.accessLine()
        #expect(line.status == status)
        #expect(line["decision"] == decision)
        if !reason.isEmpty { #expect(line["reason"]?.contains(reason) == true, "\(line.text)") }
        let hasHead = !request.contains("broken") && !request.contains("9.9")
        #expect((line["method"] != nil) == hasHead)
        #expect((line["upstream"] != nil) == (status == 200))
        #expect(line["client"] == "127.0.0.1")
        #expect(line.number("bytes_out")! > 0 || status == 204)
    }

    @Test func `an upstream that is not there, and one that ends midway`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        }
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: origin)
        #expect(throws: (any Error).self) { try gateway.get("/cut") }
        origin.stop()
        #expect(try gateway.get("/gone").status == 502)
        let lines = try gateway.accessLines(2)
        #expect(lines[0]["path"] == "/cut" && lines[0].status == 200 && lines[0]["decision"] == "failed")
        #expect(lines[0].number("bytes_out") == 3)
        #expect(lines[1]["path"] == "/gone" && lines[1].status == 502 && lines[1]["decision"] == "failed")
        #expect(lines[1]["reason"]?.hasPrefix("upstream_") == true)
    }

    @Test func `a client that goes before its answer has the status 0, and in the combined format none`() throws {
        for format in ["json", "combined"] {
            let release = Gate(1)
            let origin = try Origin { connection in
                guard try connection.nextRequest() != nil else { return }
                try release.wait()
            }
            let gateway = try Gateway(Gateway.accessLog(format: format) + openToAll, upstream: origin)
            let client = try gateway.connect()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try origin.waitForRequests(1)
            client.reset()
            try eventually { gateway.accessText().count == 1 }
            release.open()
            if format == "json" {
                let line = try gateway.accessLine()
                #expect(line.status == 0 && line["reason"] == "client_lost")
            } else {
                #expect(gateway.accessText()[0].contains("\"GET /slow HTTP/1.1\" - 0 "))
            }
        }
    }

    @Test func `a tunnel has its line when it ends, with all its bytes`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(UpgradeTests.switching + "12345")
            _ = try connection.reader.read(3, by: .after())
            try connection.waitForEnd()
        }
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        try client.send("abc")
        #expect(try client.reader.read(5, by: .after()) == Array("12345".utf8))
        #expect(gateway.accessText() == [])
        client.finishWriting()
        let line = try gateway.accessLine()
        #expect(line.status == 101 && line.number("bytes_in") == 3 && line.number("bytes_out") == 5)
    }

    @Test func `sessions begin and end in lines, and no refresh token is there`() throws {
        let sessions = """
            sessions:
              store: memory
              secret_file: refresh.secret
              endpoints:
                login: { path: /login, preset: oauth2 }
                refresh: { path: /token, preset: oauth2 }
                logout: /logout

            """
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nX-Session-Claims: {\"sub\":\"ann\"}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        }
        let gateway = try Gateway(
            Gateway.accessLog() + sessions, upstream: origin, files: ["refresh.secret": SessionGateway.refreshSecret])
        let login = try gateway.exchange("POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        #expect(login.status == 200)
        let tokens = try #require(try JSONSerialization.jsonObject(with: Data(login.text.utf8)) as? [String: Any])
        let (access, refresh) = (tokens["access_token"] as? String ?? "", tokens["refresh_token"] as? String ?? "")
        #expect(!access.isEmpty && !refresh.isEmpty)
        let form = "grant_type=refresh_token&refresh_token=\(refresh)"
        let renewed = try gateway.exchange(
            "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: \(form.utf8.count)\r\n\r\n\(form)")
        #expect(renewed.status == 200)
        let logout = try gateway.exchange(
            "POST /logout HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(access)\r\nContent-Length: 0\r\n\r\n")
        let lines = try gateway.accessLines(3)
        #expect(lines.map { $0["path"] } == ["/login", "/token", "/logout"])
        #expect(lines.map(\.status) == [200, 200, logout.status])
        #expect(lines.map { $0["decision"] } == ["admitted", "answered", "answered"])
        #expect(lines[0]["upstream"] != nil && lines[1]["upstream"] == nil)
        for line in lines { #expect(!line.text.contains(refresh) && !line.text.contains(access.split(separator: ".")[1])) }
    }

    @Test func `each request of a connection has its own line, in order`() throws {
        let gateway = try Gateway(Gateway.accessLog() + openToAll, upstream: try Origin.ok())
        let client = try gateway.connect()
        try client.send((0..<50).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        for _ in 0..<50 { #expect(try client.receive().status == 200) }
        #expect(try gateway.accessLines(50).map { $0["path"] } == (0..<50).map { "/\($0)" })
    }

    @Test func `routes that are not to be logged are not`() throws {
        let gateway = try Gateway(Gateway.accessLog() + Self.routes, upstream: try Origin.ok())
        for path in ["/quiet/a", "/open/a", "/quiet/b", "/open/b"] { #expect(try gateway.get(path).status == 200) }
        #expect(try gateway.accessLines(2).map { $0["path"] } == ["/open/a", "/open/b"])
    }

    @Test func `decisions for a proxy in front tell of the request that it asks about`() throws {
        let gateway = try Gateway(
            Gateway.accessLog() + "forward_auth: { path: /decide, proxy: nginx }\ntrusted_proxies: 127.0.0.1\n", upstream: nil)
        let answer = try gateway.exchange(
            "GET /decide HTTP/1.1\r\nHost: gate\r\nX-Original-Method: PUT\r\nX-Original-URI: /doc/1?secret=yes\r\nX-Original-Host: api.example\r\n"
                + "X-Forwarded-For: 192.0.2.7\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n")
        let line = try gateway.accessLine()
        #expect(answer.status == 200 && line.status == 200 && line["via"] == "forward_auth")
        let told = ["method": "PUT", "path": "/doc/1", "host": "api.example", "client": "192.0.2.7", "sub": "user-1", "decision": "admitted"]
        for (name, value) in told { #expect(line[name] == value, "\(line.text)") }
        #expect(!line.text.contains("secret=yes"))
        #expect(line["trace_id"] == nil)
    }

    @Test(arguments: ["1.2", "1.3"])
    func `a request under TLS says by which version`(_ version: String) throws {
        let gateway = try Gateway.secured(try Certificates.pair("exact"), Gateway.accessLog() + openToAll)
        #expect(try TLSClient(to: gateway, options: "--version", version).answer?.status == 200)
        #expect(try gateway.accessLine()["tls"] == "TLSv\(version)")
    }

    // MARK: - The combined format

    @Test func `the combined format is what Apache and nginx write`() throws {
        let combined =
            /(?<client>\S+) - (?<user>\S+) \[(?<time>\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(?<request>[^"]*)" (?<status>\d{3}|-) (?<bytes>\d+|-) "(?<referer>[^"]*)" "(?<agent>[^"]*)"/
        let gateway = try Gateway(Gateway.accessLog(format: "combined") + Self.routes, upstream: try Origin.ok())
        let token = Token.with(left: 3000)
        _ = try gateway.get("/a/b?c=d", "Authorization: Bearer \(token)", "User-Agent: x \"y\"", "Referer: http://r.example/p?q")
        _ = try gateway.get("/open/")
        _ = try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n")
        try eventually { gateway.accessText().count == 3 }
        let lines = try gateway.accessText().map { try #require(try combined.wholeMatch(in: $0), "\($0)") }
        #expect(lines.map { String($0.client) } == ["127.0.0.1", "127.0.0.1", "127.0.0.1"])
        #expect(lines.map { String($0.user) } == ["user-1", "-", "-"])
        #expect(lines.map { String($0.request) } == ["GET /a/b HTTP/1.1", "GET /open/ HTTP/1.1", "-"])
        #expect(lines.map { String($0.status) } == ["200", "200", "400"])
        #expect(lines.map { String($0.bytes) }.prefix(2) == ["2", "2"])
        #expect(lines.map { String($0.referer) } == ["http://r.example/p", "-", "-"])
        #expect(lines.map { String($0.agent) } == [#"x \x22y\x22"#, "-", "-"])
    }

    // MARK: - Subjects

    @Test(arguments: [
        (String(repeating: "e", count: 256), String(repeating: "e", count: 256)),
        (String(repeating: "e", count: 257), String(repeating: "e", count: 256) + "..."),
        (String(repeating: "e", count: 255) + "é", String(repeating: "e", count: 255) + "..."),
        (String(repeating: "f", count: 253) + "😀", String(repeating: "f", count: 253) + "..."),
        (String(repeating: "f", count: 252) + "😀", String(repeating: "f", count: 252) + "😀"),
    ])
    func `a long subject is cut behind a whole character, and that is shown`(_ name: String, _ shown: String) throws {
        let gateway = try Gateway(Gateway.accessLog(), upstream: try Origin.ok())
        let token = Token.signed(claims: #"{"sub":"\#(name)","sid":"\#(name)","iat":\#(Token.now() - 10),"exp":\#(Token.now() + 3000)}"#)
        #expect(try gateway.get("/", "Authorization: Bearer \(token)").status == 200)
        let line = try gateway.accessLine()
        #expect(line["sub"] == shown && line["sid"] == shown)
    }

    @Test func `subjects can be pseudonyms, which are the same where the secret is, or be left out`() throws {
        func subject(_ more: String, name: String = "ann") throws -> String? {
            let gateway = try Gateway(
                Gateway.accessLog(more), upstream: try Origin.ok(), files: ["s.secret": "a secret of pseudonyms"])
            let token = Token.signed(claims: #"{"sub":"\#(name)","iat":\#(Token.now() - 10),"exp":\#(Token.now() + 3000)}"#)
            #expect(try gateway.get("/", "Authorization: Bearer \(token)").status == 200)
            return try gateway.accessLine()["sub"]
        }
        #expect(try subject("subject: none") == nil)
        let kept = "subject: hashed, subject_secret_file: s.secret"
        let first = try #require(try subject(kept))
        #expect(first.wholeMatch(of: /[0-9a-f]{16}/) != nil)
        #expect(try subject(kept) == first)
        #expect(try subject(kept, name: "bob") != first)
        #expect(try subject("subject: hashed") != subject("subject: hashed"))
        #expect(try subject("subject: plain") == "ann")
    }
}
