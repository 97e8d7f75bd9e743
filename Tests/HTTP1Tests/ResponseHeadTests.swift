import Testing

@testable import HTTP1

@Suite("Response head (RFC 9112 §4, §6)")
struct ResponseHeadTests {
    @Test func `its parts are found`() throws {
        let message = "HTTP/1.1 404 Not \u{E9} Found\r\nServer: x\r\nContent-Length: 3\r\n\r\n"
        let head = try #require(response(message).head)
        #expect(head.status == 404 && head.version == .http11 && head.framing == .length(3) && head.contentLength == 3)
        #expect(bytes(message)[head.reason.bounds].elementsEqual(bytes("Not \u{E9} Found")))
        #expect(head.length == bytes(message).count)
    }

    @Test(arguments: [
        "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 200 \t ", "HTTP/1.1 200 OK\tthen", "HTTP/1.3 599 x",
        "HTTP/1.1 100 a",
    ])
    func `a sound status line is accepted`(_ line: String) {
        #expect(response(line + "\r\n\r\n").head != nil)
    }

    @Test(arguments: [
        "HTTP/1.1 000 x", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "HTTP/1.1 999 x", "HTTP/1.1 20 x", "HTTP/1.1 2000 x",
        "HTTP/1.1 +20 x",
        "HTTP/1.1 -200 x", "HTTP/1.1 2x0 x", "HTTP/1.1  200 x", "HTTP/1.1\t200 x", "HTTP/1.1 200\tx",
        "HTTP/1.1 200\u{0}", "HTTP/1.1 200OK",
        "HTTP/1.1200 OK", "HTTP/1.1", "HTTP/1.1 ", "HTTP/2.0 200 OK", "HTTP/2 200", "http/1.1 200 OK", "ICY 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 200 O\u{0}K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\nK", "HTTP/1.1 200 \u{7F}", "HTTP/1.1 2 0 0 OK",
        "200 OK", "",
    ])
    func `anything else is refused`(_ line: String) {
        #expect(response(line + "\r\n\r\n").error != nil)
    }

    @Test func `fields are held to the same rules as those of requests`() {
        for line in [
            " folded", "A : b", "A", ": b", "A: b\u{0}", "A: b\nB: c", "A: b\rB: c", "Content_Length: 5", "A\u{E9}: b",
        ] {
            #expect(response("HTTP/1.1 200 OK\r\nServer: x\r\n\(line)\r\n\r\n").error != nil, "\(line)")
        }
    }

    // MARK: Framing, in the order of RFC 9112 §6.3

    @Test(arguments: [
        (HTTP1.Method.head, 200), (.get, 100), (.get, 101), (.get, 103), (.get, 199), (.get, 204), (.get, 304),
        (.connect, 200), (.connect, 299),
    ])
    func `an answer to HEAD, 1xx, 204, 304 and a tunnel have no content`(_ method: HTTP1.Method, _ status: Int) {
        let sized = response("HTTP/1.1 \(status) x\r\nContent-Length: 5\r\n\r\n", answering: method).head
        #expect(sized?.framing == ContentFraming.none && sized?.contentLength == 5)
        #expect(response("HTTP/1.1 \(status) x\r\n\r\n", answering: method).head?.framing == ContentFraming.none)
    }

    @Test(arguments: [
        (HTTP1.Method.get, 200), (.post, 201), (.get, 404), (.connect, 400), (.get, 205), (.options, 500),
    ])
    func `any other has what its framing fields say, else all until the connection ends`(
        _ method: HTTP1.Method, _ status: Int
    ) {
        func framing(_ field: String) -> ContentFraming? {
            response("HTTP/1.1 \(status) x\r\n\(field)\r\n", answering: method).head?.framing
        }
        #expect(framing("Content-Length: 5\r\n") == .length(5))
        #expect(framing("Content-Length: 0\r\n") == .length(0))
        #expect(framing("Transfer-Encoding: chunked\r\n") == .chunked)
        #expect(framing("") == .untilClose)
    }

    @Test func `what ends with the connection does not leave it open`() {
        let head = response("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n").head
        #expect(head?.isPersistent == false)
    }

    @Test(arguments: ["HTTP/1.0 200", "HTTP/1.1 101", "HTTP/1.1 204", "HTTP/1.1 100"])
    func `Transfer-Encoding is refused where it may not be`(_ line: String) {
        #expect(response("\(line) x\r\nTransfer-Encoding: chunked\r\n\r\n").error == .transferEncodingNotAllowed)
        #expect(response("HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n").head != nil)
    }

    @Test(arguments: [
        ("Content-Length: 5\r\nContent-Length: 5", MessageError.contentLengthRepeated),
        ("Content-Length: 5, 5", .contentLengthMalformed),
        ("Content-Length: -1", .contentLengthMalformed),
        ("Transfer-Encoding: gzip, chunked", .transferEncodingUnsupported),
        ("Transfer-Encoding: identity", .transferEncodingUnsupported),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .transferEncodingWithContentLength),
    ])
    func `doubtful framing is refused, whatever is answered`(_ fields: String, _ error: MessageError) {
        #expect(response("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n").error == error)
        #expect(response("HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n", answering: .head).error == error)
    }

    @Test func `a connection on which 204 announces content is not used again`() {
        #expect(response("HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n").head?.isPersistent == false)
        #expect(response("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n").head?.isPersistent == true)
        #expect(response("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n").head?.isPersistent == true)
    }

    // MARK: Classes

    @Test(arguments: [
        (100, true, false), (101, false, true), (102, true, false), (103, true, false), (199, true, false),
        (200, false, false),
    ])
    func `interim responses and upgrades are told apart`(_ status: Int, _ isInterim: Bool, _ isUpgrade: Bool) {
        let head = response("HTTP/1.1 \(status) x\r\n\r\n").head
        #expect(head?.isInterim == isInterim && head?.isUpgrade == isUpgrade)
    }

    @Test func `hop-by-hop fields are dropped, the others kept`() throws {
        let dropped = [
            "Connection: x", "Keep-Alive: x", "Proxy-Connection: x", "Upgrade: x", "Content-Length: 0",
            "Proxy-Authenticate: x",
        ]
        for line in dropped {
            #expect(
                response("HTTP/1.1 200 OK\r\n\(line)\r\n\r\n").head?.fields.lines.map(\.isDropped) == [true], "\(line)")
        }
        for line in ["Server: x", "Date: x", "Set-Cookie: x", "Trailer: x", "ETag: x", "WWW-Authenticate: x", "Via: x"]
        {
            #expect(
                response("HTTP/1.1 200 OK\r\n\(line)\r\n\r\n").head?.fields.lines.map(\.isDropped) == [false], "\(line)"
            )
        }
    }

    @Test func `a head larger than the limit is refused`() {
        let limit = HeadLimits().headBytesMax
        let message = "HTTP/1.1 200 \(String(repeating: "x", count: limit))"
        #expect(response(message).error == .headTooLarge(limit: limit))
    }
}
