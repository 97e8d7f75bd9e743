import Testing

/// Goal: a limit on waiting is for whom the gateway waits. Where it holds a peer back itself, that peer is not late.
/// Method: limits shorter than the stall that the other side causes.
@Suite("Back-pressure is no timeout")
struct BackPressureTests {
    static let size = 16 << 20

    @Test func `an upload that a slow origin holds back is not the client's delay`() throws {
        let full = Gate()
        let origin = try Origin(keepsLog: false) { connection in
            guard try connection.nextHead() != nil else { return }
            try full.wait()
            var received = connection.reader.unread.count
            while received < Self.size { received += try connection.socket.read(
                upTo: 1 << 18, by: .after(), waitingFor: "content").count }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ "127.0.0.1:\(origin.port)" ], timeouts: { response: 10s } } }
            timeouts: { body: 300ms, head: 300ms, idle: 300ms }
            """, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.size)\r\n\r\n")
        let content = [UInt8](repeating: 120, count: Self.size)
        let sent = try client.socket.writeWhileTaken(content, patience: .milliseconds(900))
        #expect(sent < Self.size, "the way was full")
        full.open()
        startThread { try? client.send(Array(content[sent...])) }
        #expect(try client.receive(to: "POST").text == "ok")
    }

    @Test func `an answer that a slow client holds back is not the origin's delay`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n")
            try connection.send([UInt8](repeating: 120, count: Self.size))
        }
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ "127.0.0.1:\(origin.port)" ], timeouts: { response: 300ms } } }
            timeouts: { write: 20s, idle: 300ms, body: 300ms }
            """, upstream: origin)
        let client = try gateway.connect(receiveBuffer: 65_536, keepsLog: false)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reader.readHead(by: .after())
        let idle = Gate()
        #expect(throws: WireError.timedOut(waitingFor: "a gate to open")) { try idle.wait(within: .milliseconds(900)) }
        var received = 0
        while received < Self.size {
            let count = try client.reader.readSome(upTo: 1 << 18, by: .after()).count
            guard count > 0 else { break }
            received += count
        }
        #expect(received == Self.size)
    }

    @Test func `an origin has its time to answer from the request's end, not from its beginning`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ "127.0.0.1:\(origin.port)" ], timeouts: { response: 400ms } } }
            """, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        for byte in "body".latin1 {
            #expect(try client.isSilent(for: .milliseconds(250)))
            try client.send([byte])
        }
        #expect(try client.receive(to: "POST").status == 200)
    }

    @Test func `a slow but steady reader is served to the end`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n")
            try connection.send([UInt8](repeating: 120, count: Self.size))
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { write: 500ms }", upstream: origin)
        let client = try gateway.connect(receiveBuffer: 65_536, keepsLog: false)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reader.readHead(by: .after())
        let never = Gate()
        var received = 0
        for _ in 0..<8 {
            received += try client.reader.read(1 << 20, by: .after()).count
            _ = try? never.wait(within: .milliseconds(150))
        }
        received += try client.reader.read(Self.size - received, by: .after()).count
        #expect(received == Self.size)
    }

    @Test func `a client that finishes writing with requests outstanding gets all their answers`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 20))
        client.finishWriting()
        for _ in 0..<20 { #expect(try client.receive().text == "ok") }
        #expect(try client.isClosedByPeer())
    }

    @Test func `a client that finishes writing within its content is not answered as if it were whole`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        for content in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n"] {
            let client = try gateway.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(content)")
            client.finishWriting()
            do {
                expectProblem(try client.receive(to: "POST"), status: 400)
            } catch WireError.endOfStream, WireError.reset {
            }
        }
        try origin.waitUntilIdle()
        #expect(origin.requests.isEmpty)
    }
}
