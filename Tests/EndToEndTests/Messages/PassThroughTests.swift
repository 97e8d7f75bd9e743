import Foundation
import Testing

/// Goal: what the client wrote reaches the origin and what the origin wrote reaches the client, but for the fields that a
/// gateway must touch. Method: exact bytes in, and the bytes on record at the other side.
@Suite("A request and its answer pass through")
struct PassThroughTests {
    @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH", "a!#$%&'*+-.^_`|~9"])
    func `any method that is a token passes`(_ method: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.exchange("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(answer.status == 200)
        #expect(origin.requests.map(\.startLine) == ["\(method) / HTTP/1.1"])
    }

    @Test(arguments: [
        "/", "/a/b", "/a;b=c/d", "/a?x=1&y=2", "/?", "/a?b?c/../d", "/caf%C3%A9", "/a%20b", "/~user/$x!'()*+,;=:@",
        "/a?x=%2F%2E",
        "/a?next=https://b.example/c",
    ])
    func `a target in normal form reaches the origin byte for byte`(_ target: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.get(target)
        #expect(origin.requests.map(\.target) == [target])
    }

    @Test func `end-to-end request fields keep their spelling, value, order and repetition`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let sent = [
            "user-AGENT: x/1 (y)", "Accept: a, b;q=0.5", "X-Twice: 1", "ACCEPT-encoding: gzip", "X-Twice: 2",
            "Cookie: a=b; c=\"d\"",
            "X-Empty:", "X-Bytes: \u{e9}\u{ff}", "If-None-Match: \"a\", W/\"b\"", "X-Spaced: a  b\tc",
        ]
        _ = try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(sent.joined(separator: "\r\n"))\r\n\r\n")
        let request = try #require(origin.requests.first)
        let names = Set(sent.map { $0.prefix { $0 != ":" }.lowercased() })
        let kept = request.fields.filter { names.contains($0.name.lowercased()) }.map { "\($0.name):\($0.value)" }
        #expect(kept == sent.map { $0.replacingOccurrences(of: ": ", with: ":") })
    }

    @Test func `the answer's status, reason, fields and content pass as they are`() throws {
        let head = "HTTP/1.1 299 Quite \u{e9}trange\r\nserver: o/1\r\nX-A: 1\r\nset-cookie: a=b; Path=/\r\nX-a: 2\r\n"
            + "Set-Cookie: c=d\r\nETag: W/\"x\"\r\nX-Empty:\r\n"
        let origin = try Origin.answering { _ in head + "Content-Length: 5\r\n\r\nh\u{0}\r\n\u{ff}" }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get()
        #expect(answer.startLine == "HTTP/1.1 299 Quite \u{e9}trange")
        #expect(answer.body == [104, 0, 13, 10, 255])
        let expected = ["server:o/1", "X-A:1", "set-cookie:a=b; Path=/", "X-a:2", "Set-Cookie:c=d", "ETag:W/\"x\"", "X-Empty:"]
        let names = Set(expected.map { $0.prefix { $0 != ":" }.lowercased() })
        let got = answer.fields.filter { names.contains($0.name.lowercased()) }.map { "\($0.name):\($0.value)" }
        #expect(got == expected)
    }

    @Test(arguments: [200, 201, 206, 301, 400, 401, 403, 404, 409, 418, 500, 502, 503, 599])
    func `a final status passes whatever it is, and is not taken for the gateway's own`(_ status: Int) throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 \(status) S\r\nContent-Length: 3\r\n\r\nabc" }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get()
        #expect(answer.status == status)
        #expect(answer.text == "abc")
        #expect(!answer.has("Content-Type"))
    }

    @Test func `an answer without a reason phrase passes`() throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n" }
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(try gateway.get().status == 200)
    }

    @Test func `a request written byte by byte is the same request`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for byte in "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".latin1 { try client.send([byte]) }
        #expect(try client.receive(to: "POST").status == 200)
        let request = try #require(origin.requests.first)
        #expect(request.startLine == "POST /slow HTTP/1.1")
        #expect(request.text == "abc")
    }

    @Test func `an answer written byte by byte is the same answer`() throws {
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n".latin1 {
                    try connection.send([byte])
                }
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<3 { #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text == "abcd") }
    }

    @Test func `an empty line before the request line is passed over`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(try gateway.exchange("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
    }

    @Test func `heads up to the limit pass, larger ones are refused`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { head: 16KiB, fields: 20 }", upstream: origin)
        #expect(try gateway.get("/", "X: " + String(repeating: "a", count: 15_000)).status == 200)
        let many = (0..<15).map { "X-\($0): y\r\n" }.joined()
        #expect(try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(many)\r\n").status == 200)
        let seen = origin.requests.count

        let large = try gateway.get("/", "X: " + String(repeating: "a", count: 17_000))
        expectProblem(large, status: 431)
        let tooMany = (0..<25).map { "X-\($0): y\r\n" }.joined()
        expectProblem(try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(tooMany)\r\n"), status: 431)
        #expect(origin.requests.count == seen)
    }

    @Test func `a target beyond the limit is a 414`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get("/" + String(repeating: "a", count: 20_000))
        expectProblem(answer, status: 414)
        #expect(origin.received.isEmpty)
    }
}
