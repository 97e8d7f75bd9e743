import Testing

/// Request content, RFC 9112 §6 and §7.1.
@Suite("Content of requests")
struct RequestContentTests {
    @Test func `with Content-Length arrives whole and framed by it`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let content = String(repeating: "0123456789\r\n\r\n", count: 20_000)
        _ = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.latin1.count)\r\n\r\n\(content)")
        let request = try #require(origin.requests.first)
        #expect(request.body == content.latin1)
        #expect(request.values(of: "Content-Length") == ["\(content.latin1.count)"])
        #expect(!request.has("Transfer-Encoding"))
    }

    @Test func `in chunks arrives whole and in chunks`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let piece = String(repeating: "x", count: 0x1abc)
        _ = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n01aBc;a=b;c=\"d;\\\"\"\r\n\(piece)\r\n0\r\n\r\n")
        let request = try #require(origin.requests.first)
        #expect(request.text == "hello" + piece)
        #expect(request.framing == .chunked)
        #expect(request.values(of: "Transfer-Encoding").map { $0.lowercased() } == ["chunked"])
        #expect(!request.has("Content-Length"))
    }

    @Test func `of length zero is told to the origin, and absent content is not invented`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange("POST /zero HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        _ = try gateway.exchange("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(origin.requests.map { $0.values(of: "Content-Length") } == [["0"], []])
        #expect(origin.requests.allSatisfy { !$0.has("Transfer-Encoding") })
    }

    @Test func `in a GET passes as any other`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").status == 200)
        #expect(try client.exchange(
            "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n0\r\n\r\n").status == 200)
        #expect(origin.requests.map(\.text) == ["abc", "d"])
    }

    @Test func `streams: the origin has the first part before the client writes the second`() throws {
        let firstPart = Gate()
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            #expect(try connection.reader.readChunk(by: .after()) == Array("first".utf8))
            firstPart.open()
            try connection.finish(head)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        try firstPart.wait()
        try client.send("6\r\nsecond\r\n0\r\n\r\n")
        #expect(try client.receive(to: "POST").status == 200)
        #expect(origin.requests.map(\.text) == ["second"])
    }

    @Test func `beyond the limit is a 413, at once when the length says so`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { body: 1KiB }", upstream: origin)
        let exact = String(repeating: "x", count: 1024)
        #expect(
            try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n\(exact)").status == 200)
        let before = origin.requests.count
        expectProblem(try gateway.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n"), status: 413)
        #expect(origin.requests.count == before)

        let client = try gateway.connect()
        try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n\(exact)\r\n1\r\nx\r\n0\r\n\r\n")
        expectProblem(try client.receive(to: "POST"), status: 413)
        #expect(origin.requests.count == before, "the origin never saw that request's end")
        // Either the gateway reads on to the content's end, or it closes; never is the rest taken for a request.
        do {
            #expect(try client.exchange("GET /next HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            #expect(origin.requests.last?.target == "/next")
        } catch WireError.endOfStream, WireError.reset {
        }
    }

    @Test func `beyond the limit is not read on for long`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nlimits: { body: 1KiB }", upstream: origin)
        for framing in ["Content-Length: 1000000000", "Transfer-Encoding: chunked"] {
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
            let chunk = "10000\r\n".latin1 + [UInt8](repeating: 120, count: 0x10000) + [13, 10]
            var sent = 0
            #expect(throws: (any Error).self, "\(framing)") {
                while sent < 256 << 20 {
                    try client.send(chunk)
                    sent += chunk.count
                }
            }
        }
    }

    @Test func `trailers pass to the origin`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n0\r\nX-Sum: 42\r\nX-More: yes\r\n\r\n")
        let request = try #require(origin.requests.first)
        #expect(request.text == "abc")
        #expect(request.trailers == [.init(name: "X-Sum", value: "42"), .init(name: "X-More", value: "yes")])
    }

    @Test(arguments: ["Authorization: Bearer x", "Content-Length: 3", "Transfer-Encoding: chunked", "Host: evil", "X-Forwarded-For: 6.6.6.6"])
    func `trailers that would change the head's meaning never reach the origin`(_ trailer: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\(trailer)\r\n\r\n")
        let answer = try client.receive(to: "POST")
        #expect(answer.status == 200 || answer.status == 400)
        #expect(!String(latin1: origin.received).contains("\r\n0\r\n\(trailer)"))
        #expect(origin.requests.flatMap(\.trailers).isEmpty)
    }
}

/// Response content, RFC 9112 §6.3.
@Suite("Content of answers")
struct ResponseContentTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `with Content-Length arrives whole`() throws {
        let content = String(repeating: "abcdefgh", count: 50_000)
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n\(content)" }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get()
        #expect(answer.body == content.latin1)
        #expect(answer.framing == .length(400_000))
        #expect(!answer.has("Transfer-Encoding"))
    }

    @Test func `in chunks arrives whole, with its trailers, and the connection persists`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n002\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
            #expect(answer.text == "abcde")
            #expect(answer.framing == .chunked)
            #expect(answer.trailers == [.init(name: "X-Sum", value: "7")])
        }
        #expect(origin.connections.count == 1)
    }

    @Test func `ended by close is framed anew for an HTTP/1.1 client, whose connection persists`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nX: y\r\n\r\nuntil the end")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            let answer = try client.exchange(Self.request)
            #expect(answer.text == "until the end")
            #expect(answer.framing == .chunked)
        }
    }

    @Test func `ended by close reaches an HTTP/1.0 client ended by close`() throws {
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(answer.framing == .untilClose)
        #expect(answer.text == "until the end")
        #expect(!answer.members(of: "Connection").contains("keep-alive"))
    }

    @Test func `in chunks reaches an HTTP/1.0 client without chunks`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(!answer.has("Transfer-Encoding"))
        #expect(answer.text == "abcde")
    }

    @Test func `to HEAD there is none, whatever the head says, and the connection persists`() throws {
        let heads = ["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n", ""]
        let origin = try Origin.answering { "HTTP/1.1 200 OK\r\n\(heads[Int($0.target.dropFirst())!])\r\n" }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for number in heads.indices {
            let answer = try client.exchange("HEAD /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer.status == 200)
            if number == 0 { #expect(answer["Content-Length"] == "1000") }
        }
        #expect(origin.requests.map(\.method) == ["HEAD", "HEAD", "HEAD"])
        #expect(client.reader.unread.isEmpty)
    }

    @Test func `of 204 and 304 there is none, and the connection persists`() throws {
        let origin = try Origin.answering {
            $0.target == "/204" ? "HTTP/1.1 204 No Content\r\n\r\n" : "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"x\"\r\n\r\n"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            let none = try client.exchange("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(none.status == 204)
            #expect(!none.has("Content-Length") && !none.has("Transfer-Encoding"), "RFC 9110 §8.6, 9112 §6.1")
            let unchanged = try client.exchange("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(unchanged.status == 304)
            #expect(unchanged["ETag"] == "\"x\"")
        }
        #expect(origin.connections.count == 1)
    }

    @Test func `streams: the client has the first part before the origin writes the second`() throws {
        let firstPart = Gate()
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
            try firstPart.wait()
            try connection.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("data: 1\n\n".utf8))
        firstPart.open()
        #expect(try client.reader.readChunk(by: .after()) == Array("data: 2\n\n".utf8))
        #expect(try client.reader.readChunk(by: .after()).isEmpty)
    }

    @Test func `passes a head at once, before any content`() throws {
        let headSeen = Gate()
        let origin = try Origin { connection in
            _ = try connection.nextRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            try headSeen.wait()
            try connection.send("ok")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        let head = try client.reader.readHead(by: .after())
        headSeen.open()
        #expect(try client.reader.readBody(of: head, framing: .length(2), by: .after()).text == "ok")
    }
}
