import Testing

/// Goal: every wait of the gateway's has an end, and the end has a name. Method: short limits, and a peer that stalls;
/// lower bounds show that the limit, not something else, ended the wait.
@Suite("Timeouts")
struct TimeoutTests {
    private func elapsed(_ body: () throws -> Void) rethrows -> Duration {
        let start = ContinuousClock.now
        try body()
        return start.duration(to: .now)
    }

    @Test func `a head that does not end in time is a 408`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\ntimeouts: { head: 300ms }", upstream: origin)
        let client = try gateway.connect()
        let took = try elapsed {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n")
            expectProblem(try client.receive(), status: 408)
        }
        #expect(took >= .milliseconds(250))
        #expect(try client.isClosedByPeer())
        #expect(origin.received.isEmpty)
    }

    @Test func `dripping does not put the end of a head off`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\ntimeouts: { head: 500ms }", upstream: origin)
        let client = try gateway.connect()
        let stop = Gate()
        startThread {
            try? client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
            while (try? stop.wait(within: .milliseconds(50))) == nil {
                if (try? client.send("y")) == nil { return }
            }
        }
        defer { stop.open() }
        expectProblem(try client.receive(within: .seconds(10)), status: 408)
    }

    @Test func `a client that connects and says nothing is disconnected`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\ntimeouts: { head: 300ms, idle: 300ms }", upstream: origin)
        let client = try gateway.connect()
        #expect(try client.isClosedByPeer(within: .seconds(10)), "quietly: there is no request to answer")
    }

    @Test func `a connection idle between requests is closed quietly`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\ntimeouts: { idle: 300ms }", upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        let took = try elapsed {
            let isClosed = try client.isClosedByPeer(within: .seconds(10))
            #expect(isClosed)
        }
        #expect(took >= .milliseconds(200))
    }

    @Test func `idle time starts anew with every request`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\ntimeouts: { idle: 1s }", upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<4 {
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
            #expect(try client.isSilent(for: .milliseconds(400)))
        }
    }

    @Test func `request content that stalls is a 408, and the origin's connection is dropped`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { body: 300ms }", upstream: origin)
        let client = try gateway.connect()
        let took = try elapsed {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
            expectProblem(try client.receive(to: "POST"), status: 408)
        }
        #expect(took >= .milliseconds(250))
        #expect(try client.isClosedByPeer())
        try origin.waitUntilIdle()
        #expect(origin.requests.isEmpty)
    }

    @Test func `request content that comes slowly but comes is no timeout`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\ntimeouts: { body: 1s, head: 1s }", upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
        for byte in "abcde".latin1 {
            #expect(try client.isSilent(for: .milliseconds(350)))
            try client.send([byte])
        }
        #expect(try client.receive(to: "POST").status == 200)
    }

    @Test func `an origin that does not answer in time is a 504`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.waitForEnd()
        }
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ { address: "127.0.0.1:\(origin.port)" } ], timeouts: { response: 300ms } } }
            """, upstream: origin)
        let client = try gateway.connect()
        let took = try elapsed {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            expectProblem(try client.receive(), status: 504)
        }
        #expect(took >= .milliseconds(250))
        try origin.waitUntilIdle()
        #expect(origin.failures == [])
        #expect(origin.requests.count == 1, "a request that may have been acted upon is not sent again after a timeout")
    }

    @Test func `an answer that stalls midway is cut short, visibly`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            try connection.waitForEnd()
        }
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ { address: "127.0.0.1:\(origin.port)" } ], timeouts: { response: 300ms } } }
            """, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("half".utf8))
        #expect(throws: (any Error).self) { try client.reader.readChunk(by: .after()) }
        #expect(client.reader.unread.isEmpty)
    }

    @Test func `an origin that cannot be reached in time is a 504`() throws {
        let unreachable = try UnreachableAddress()
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ { address: "127.0.0.1:\(unreachable.port)" } ], timeouts: { connect: 300ms } } }
            """, upstream: origin)
        let client = try gateway.connect()
        let took = try elapsed {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            expectProblem(try client.receive(), status: 504)
        }
        #expect(took >= .milliseconds(250))
        _ = unreachable
    }

    @Test func `a client that takes nothing of its answer is given up, and the origin with it`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            let block = [UInt8](repeating: 120, count: 1 << 20)
            for _ in 0..<900 { try connection.send(block) }
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { write: 500ms }", upstream: origin)
        let client = try gateway.connect(receiveBuffer: 4096)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.waitForConnections(1)
        try origin.waitUntilIdle()
        #expect(origin.failures == ["connection 0: reset"])
    }

    @Test func `an upstream connection is dropped after its idle time`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ { address: "127.0.0.1:\(origin.port)" } ], timeouts: { idle: 200ms } } }
            """, upstream: origin)
        #expect(try gateway.get().status == 200)
        try origin.waitUntilIdle()
        #expect(try gateway.get().status == 200)
        #expect(origin.connections.count == 2)
    }
}

/// An address of this machine that takes no more connections: a listener that never accepts, its backlog full.
final class UnreachableAddress: Sendable {
    private let listener: ListeningSocket
    private let fillers: [Socket]
    var port: UInt16 { listener.port }

    init() throws {
        listener = try ListeningSocket(backlog: 0)
        var fillers: [Socket] = []
        for _ in 0..<4 { fillers.append(try Socket.connecting(to: listener.port)) }
        self.fillers = fillers
    }
}
