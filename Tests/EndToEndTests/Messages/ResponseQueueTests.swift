import Testing

/// Goal: no byte that an origin sends beyond its answer ever reaches anybody (RFC 9112 §9.2, “response queue poisoning”).
/// Method: an origin that sends more than it was asked for, in every place where a careless proxy would keep it.
@Suite("Surplus bytes of an origin answer nobody")
struct ResponseQueueTests {
    static let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

    @Test(arguments: [
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n" + poison),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 75\r\n\r\n" + poison),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + poison),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\r\n"),
    ])
    func `what follows an answer is dropped with its connection`(_ method: String, _ bytes: String) throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            guard connection.number == 0 else { return try connection.send(
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood") }
            try connection.send(bytes)
            // Whoever reuses this connection is served here.
            while try connection.nextRequest() != nil { try connection.send(Self.poison) }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        let first = try client.exchange("\(method) /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect([200, 204, 304].contains(first.status))
        #expect(try client.exchange("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").text == "good")
        #expect(client.reader.unread.isEmpty)
    }

    @Test func `what comes while nobody asks is dropped with its connection`() throws {
        let spoke = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
            guard connection.number == 0 else { return }
            try connection.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\nConnection: close\r\n\r\npoison")
            spoke.open()
            try connection.waitForEnd()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").text == "good")
        try spoke.wait()
        #expect(try client.exchange("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").text == "good")
    }

    @Test func `an interim answer's Content-Length claims nothing`() throws {
        let origin = try Origin.answering { _ in
            "HTTP/1.1 103 Early Hints\r\nContent-Length: 40\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 {
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(answer.status == 502 || answer.text == "ok")
        }
    }

    @Test func `pool connections that the origin ended are given back to the system`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(try gateway.get().status == 200)
        let before = try gateway.process.openDescriptors()
        for _ in 0..<40 { #expect(try gateway.get().status == 200) }
        #expect(try gateway.process.openDescriptors() <= before + 2)
    }

    @Test func `the pool is as large as configured`() throws {
        let gate = Gate(6)
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try gate.arriveAndWait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ "127.0.0.1:\(origin.port)" ], keepalive: 2 } }
            """, upstream: origin)
        #expect(try inParallel(6) { _ in try gateway.get().status } == [Int](repeating: 200, count: 6))
        try origin.waitForEnded(4)
        for _ in 0..<4 { #expect(try gateway.get().status == 200) }
        #expect(origin.connections.count == 6, "two were kept and served what followed")
    }
}
