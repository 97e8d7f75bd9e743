import Foundation
import Glibc
import Testing

/// Goal: what does not end by itself ends with its session, and nothing else does (semantics §7). Method: an origin that
/// sends an event, and then whatever the test wants.
@Suite("Event streams end with their session")
struct EventStreamTests {
    static let streaming =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    static let event = "data: 1\n\n"

    static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

    /// Sends a head, an event as a chunk, and nothing more; other paths than `/events` get `200`.
    static func origin(_ head: String = streaming) throws -> Origin {
        try Origin { connection in
            while let request = try connection.nextRequest() {
                guard request.target == "/events" else {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    continue
                }
                try connection.send(head + chunk(event))
                try connection.waitForEnd(within: .seconds(30))
                return
            }
        }
    }

    static func request(_ token: String, _ target: String = "/events") -> String {
        "GET \(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
    }

    /// A token that ends so many seconds from now, of a session by that name.
    static func token(left: Int, lifetime: Int = 3600, sid: String = "s-1") -> (compact: String, end: Int) {
        let end = Token.now() + left
        return (Token.signed(claims: #"{"iat":\#(end - lifetime),"exp":\#(end),"sid":"\#(sid)"}"#), end)
    }

    @Test func `a stream ends whole, and the connection goes on to say why`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway("sliding: { buffer: 10% }\nlogs: { decisions: changes }", upstream: origin)
        let client = try gateway.connect()
        let (token, end) = Self.token(left: 2)
        try client.send(Self.request(token))
        let answer = try client.receive()
        #expect(answer.status == 200)
        #expect(answer.text == Self.event)
        #expect(Token.now() >= end)
        #expect(Token.now() < end + 6)
        expectProblem(try client.exchange(Self.request(token)), status: 401, code: "token_expired")
        try origin.waitForEnded(1)
        try gateway.process.waitForLine(containing: " stream_closed reason=session_expired route=/ token=")
    }

    @Test func `to an HTTP/1.0 client it ends with the connection`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway("sliding: { buffer: 10% }", upstream: origin)
        let client = try gateway.connect()
        let (token, end) = Self.token(left: 2)
        let answer = try client.exchange("GET /events HTTP/1.0\r\nAuthorization: Bearer \(token)\r\n\r\n")
        #expect(answer.text == Self.event)
        #expect(Token.now() >= end)
    }

    @Test func `a request that slides the session keeps the stream open, to the successor's end`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway(
            "sliding: { buffer: 7s, session_cap: none }\nworkers: 2\nlogs: { decisions: changes }", upstream: origin)
        let client = try gateway.connect()
        let (token, end) = Self.token(left: 6, lifetime: 14)
        try client.send(Self.request(token))
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array(Self.event.utf8))
        let answer = try gateway.exchange(Self.request(token, "/"))
        let successor = try #require(answer["X-Refresh-Token"].flatMap { Token(verifying: $0) })
        let next = try #require(successor.integer("exp"))
        #expect(next > end)
        #expect(try client.reader.readChunk(by: .after()).isEmpty)
        #expect(Token.now() >= next)
        #expect(Token.now() < next + 6)
        try gateway.process.waitForLine(containing: " stream_extended until=")
    }

    @Test func `with a stream on a session, its other requests are answered as ever`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway("sliding: { buffer: 10m }\nworkers: 2", upstream: origin)
        let client = try gateway.connect()
        let token = Token.with(left: 300, more: #","sid":"s-1""#)
        try client.send(Self.request(token))
        _ = try client.reader.readHead(by: .after())
        for other in [token, Token.with(left: 300, more: #","sid":"s-2""#), Token.fresh] {
            for _ in 0..<20 { #expect(try gateway.exchange(Self.request(other, "/")).text == "ok") }
        }
    }

    @Test func `a reader that goes takes the stream with it, though nothing is being sent`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request(Token.fresh))
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array(Self.event.utf8))
        client.close()
        try origin.waitForEnded(1, within: .seconds(10))
    }

    // MARK: What is no event stream

    @Test(arguments: ["text/plain", "text/event-streams", "application/x-ndjson", ""])
    func `another answer goes on past the end of its token`(_ type: String) throws {
        let field = type.isEmpty ? "" : "Content-Type: \(type)\r\n"
        let goOn = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\n\(field)Transfer-Encoding: chunked\r\n\r\n" + Self.chunk("begun "))
            try goOn.wait()
            try connection.send(Self.chunk("and finished") + "0\r\n\r\n")
        }
        let gateway = try Gateway("sliding: { buffer: 10% }", upstream: origin)
        let client = try gateway.connect()
        let (token, end) = Self.token(left: 1)
        try client.send(Self.request(token))
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("begun ".utf8))
        // The gateway itself says when the token is no longer good.
        while try Token.now() <= end || gateway.exchange(Self.request(token, "/")).status != 401 { usleep(50_000) }
        goOn.open()
        #expect(try client.reader.readChunk(by: .after()) == Array("and finished".utf8))
        #expect(try client.reader.readChunk(by: .after()).isEmpty)
    }

    @Test func `with streams: session any answer under way ends, and visibly unfinished`() throws {
        let origin = try Self.origin("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        let gateway = try Gateway(
            "sliding: { buffer: 10% }\nroutes: [ { path: /, streams: session } ]", upstream: origin)
        let client = try gateway.connect()
        let (token, end) = Self.token(left: 2)
        try client.send(Self.request(token))
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array(Self.event.utf8))
        #expect(throws: WireError.endOfStream(after: [])) { try client.reader.readChunk(by: .after()) }
        #expect(Token.now() >= end)
        try gateway.process.waitForLine(containing: " cut_short code=session_expired")
        #expect(try gateway.exchange(Self.request(Token.fresh, "/")).text == "ok")
    }

    @Test func `with streams: free an event stream outlives its token`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway(
            "sliding: { buffer: 10% }\nroutes: [ { path: /, streams: free } ]", upstream: origin)
        let client = try gateway.connect()
        let (token, end) = Self.token(left: 1)
        try client.send(Self.request(token))
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array(Self.event.utf8))
        #expect(try client.isSilent(for: .seconds(3)))
        #expect(Token.now() > end)
    }

    // MARK: Idle, and draining

    @Test func `a silent stream waits for timeouts.tunnel, not for the upstream's response timeout`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway(
            """
            \(openToAll)
            upstreams: { api: { servers: [ "127.0.0.1:\(origin.port)" ], timeouts: { response: 300ms } } }
            timeouts: { tunnel: 1500ms }
            """, upstream: origin)
        let start = ContinuousClock.now
        let answer = try gateway.get("/events")
        #expect(answer.text == Self.event)
        #expect(start.duration(to: .now) >= .milliseconds(1400))
    }

    @Test func `near the end of a drain streams end whole`() throws {
        let origin = try Self.origin()
        let gateway = try Gateway(openToAll + "\ntimeouts: { drain: 4s }", upstream: origin)
        let client = try gateway.connect()
        try client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array(Self.event.utf8))
        let start = ContinuousClock.now
        gateway.process.signal(SIGTERM)
        #expect(try client.reader.readChunk(by: .after()).isEmpty)
        #expect(start.duration(to: .now) >= .milliseconds(2500))
        #expect(try gateway.process.waitForExit(within: .seconds(10)) == .exited(0))
    }
}
