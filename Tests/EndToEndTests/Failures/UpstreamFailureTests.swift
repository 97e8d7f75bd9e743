import Testing

/// Goal: a failing origin costs its own exchange and nothing else, and no client mistakes half an answer for a whole one.
/// Method: an origin that ends or resets its connection at each point of an exchange.
@Suite("An upstream that fails")
struct UpstreamFailureTests {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"

    /// How an origin leaves.
    enum Leaving: CaseIterable { case close, reset }

    private func origin(_ leaving: Leaving, after bytes: String) throws -> Origin {
        try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            if !bytes.isEmpty { try connection.send(bytes) }
            if leaving == .reset { connection.reset() }
        }
    }

    @Test func `that nobody listens for is a 502`() throws {
        let origin = try Origin.ok()
        let gone = try ListeningSocket().port
        let gateway = try Gateway(openToAll + "\nupstream: 127.0.0.1:\(gone)", upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 { expectProblem(try client.exchange(Self.get), status: 502) }
    }

    @Test func `and comes back is used again`() throws {
        let listener = try ListeningSocket()
        let port = listener.port
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nupstream: 127.0.0.1:\(port)", upstream: origin)
        let first = try gateway.connect()
        try first.send(Self.post)
        let accepted = try #require(listener.accept())
        accepted.reset()
        expectProblem(try first.receive(to: "POST"), status: 502)
        startThread {
            guard let socket = listener.accept() else { return }
            let reader = MessageReader(socket)
            _ = try? reader.readHead(by: .after())
            try? socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".latin1, by: .after())
            _ = try? reader.readToEnd(by: .after())
        }
        #expect(try gateway.exchange(Self.get).text == "ok")
    }

    @Test(arguments: Leaving.allCases)
    func `before its head is a 502, and the client's connection persists`(_ leaving: Leaving) throws {
        let origin = try origin(leaving, after: "")
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<2 { expectProblem(try client.exchange(Self.post), status: 502) }
    }

    @Test(arguments: Leaving.allCases, ["HTTP/1.1 200 OK\r\nContent-Le", "H", "HTTP/1.1 103 Early Hints\r\n\r\n"])
    func `within its head is a 502`(_ leaving: Leaving, _ bytes: String) throws {
        let origin = try origin(leaving, after: bytes)
        let gateway = try Gateway(openToAll, upstream: origin)
        expectProblem(try gateway.exchange(Self.post), status: 502)
        #expect(origin.requests.count == 1)
    }

    @Test(arguments: Leaving.allCases)
    func `within content of a known length cuts the client off`(_ leaving: Leaving) throws {
        let sent = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            try sent.wait()
            if leaving == .reset { connection.reset() }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.get)
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.read(4, by: .after()) == Array("half".utf8))
        sent.open()
        #expect(throws: (any Error).self) { try client.reader.read(1, by: .after()) }
        #expect(client.reader.unread.isEmpty, "nothing is made up to fill the length")
    }

    @Test(arguments: Leaving.allCases)
    func `within chunks cuts the client off without a last chunk`(_ leaving: Leaving) throws {
        let sent = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            try sent.wait()
            if leaving == .reset { connection.reset() }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.get)
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("half".utf8))
        sent.open()
        #expect(throws: (any Error).self) { try client.reader.readChunk(by: .after()) }
        #expect(client.reader.unread.isEmpty)
    }

    @Test func `within content leaves the client all that came before`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            try connection.send([UInt8](repeating: 120, count: 400_000))
            connection.close()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect(receiveBuffer: 4096)
        try client.send(Self.get)
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.read(400_000, by: .after()).count == 400_000)
        #expect(throws: WireError.endOfStream(after: [])) { try client.reader.read(1, by: .after()) }
    }

    @Test func `a first chunk that is malformed is a 502 as long as nothing was sent`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhi\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        expectProblem(try gateway.exchange(Self.get), status: 502, code: "upstream_malformed")
    }

    @Test func `by a reset within content that only a close would end cuts the client off`() throws {
        let sent = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\n\r\nhalf")
            try sent.wait()
            connection.reset()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.get)
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("half".utf8))
        sent.open()
        #expect(throws: (any Error).self) { try client.reader.readChunk(by: .after()) }
    }

    @Test func `while the client uploads is a 502 in its place`() throws {
        let origin = try Origin { connection in
            guard try connection.nextHead() != nil else { return }
            connection.reset()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        startThread { try? client.send([UInt8](repeating: 120, count: 200_000)) }
        expectProblem(try client.receive(to: "POST"), status: 502)
    }

    @Test func `for one client does not disturb another`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                if request.target == "/bad" { return connection.reset() }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let statuses = try inParallel(8) { number in
            let client = try gateway.connect()
            return try (0..<20).map { _ in
                try client.exchange(
                    "POST /\(number % 2 == 0 ? "good" : "bad") HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status
            }
        }
        for (number, list) in statuses.enumerated() {
            #expect(list == [Int](repeating: number % 2 == 0 ? 200 : 502, count: 20), "client \(number)")
        }
    }
}

/// RFC 9110 §9.2.2, RFC 9112 §9.3.1; semantics section 7.
@Suite("Requests are repeated only where that is safe")
struct RetryTests {
    /// Answers the first request of its first connection, and resets that connection when the second has come.
    private func stale() throws -> Origin {
        try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if connection.number == 0 {
                guard try connection.nextRequest() != nil else { return }
                return connection.reset()
            }
            while try connection.nextRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
    }

    @Test(arguments: ["GET", "HEAD", "OPTIONS"])
    func `a safe request that a pooled connection lost is sent again`(_ method: String) throws {
        let origin = try stale()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(try client.exchange("\(method) /2 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        #expect(origin.requests.map(\.target) == ["/1", "/2", "/2"])
    }

    @Test(arguments: ["POST", "PATCH", "LOCK"])
    func `a request that is not idempotent is never sent twice`(_ method: String) throws {
        let origin = try stale()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        expectProblem(
            try client.exchange("\(method) /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"), status: 502)
        #expect(origin.requests.map(\.target) == ["/1", "/2"])
        #expect(try client.exchange("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
    }

    @Test func `an answer that has begun is never begun anew`() throws {
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                connection.reset()
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(throws: (any Error).self) {
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            if answer.status == 502 { throw WireError.reset }
        }
        #expect(origin.requests.count <= 2)
    }

    @Test func `repetition has an end`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            connection.reset()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        expectProblem(try gateway.get(), status: 502)
        #expect(origin.requests.count <= 3)
    }
}
