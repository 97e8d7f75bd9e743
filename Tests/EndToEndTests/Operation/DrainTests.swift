import Glibc
import Testing

/// Goal: stopping loses no exchange that had begun (issue 2, item 7). Method: SIGTERM while an exchange is under way.
@Suite("SIGTERM drains")
struct DrainTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test(arguments: [SIGTERM, SIGINT])
    func `an idle program ends at once, with exit code 0`(_ signal: Int32) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        #expect(try gateway.exchange(Self.request).status == 200)
        gateway.process.signal(signal)
        #expect(try gateway.process.waitForExit(within: .seconds(4)) == .exited(0))
    }

    @Test func `a kept connection is served once more, and told to close`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let clients = try (0..<8).map { _ in try gateway.connect() }
        // Half of them have been served; the others have connected and not asked yet.
        for client in clients.prefix(4) { #expect(try client.exchange(Self.request).status == 200) }
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        for client in clients {
            let answer = try client.exchange(Self.request)
            #expect(answer.status == 200)
            #expect(answer.members(of: "Connection").contains("close"))
            #expect(try client.isClosedByPeer())
        }
        #expect(try gateway.process.waitForExit(within: .seconds(4)) == .exited(0))
    }

    @Test func `a connection that was promised to last is served again, though its answer ended while draining`() throws {
        let requested = Gate()
        let go = Gate()
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
                requested.open()
                try go.wait()
                try connection.send("k")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        let head = try client.reader.readHead(by: .after())
        #expect(!head.members(of: "Connection").contains("close"))
        try requested.wait()
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        go.open()
        #expect(try client.reader.readBody(of: head, framing: .length(2), by: .after()).text == "ok")
        let answer = try client.exchange(Self.request)
        #expect(answer.text == "ok")
        #expect(answer.members(of: "Connection").contains("close"))
        #expect(try gateway.process.waitForExit() == .exited(0))
    }

    @Test func `pipelined requests that have come are all answered`() throws {
        let requested = Gate()
        let go = Gate()
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                requested.open()
                try go.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request + Self.request + Self.request)
        try requested.wait()
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        go.open()
        for left in [2, 1, 0] {
            #expect(try client.receive().members(of: "Connection").contains("close") == (left == 0))
        }
        #expect(try gateway.process.waitForExit() == .exited(0))
    }

    @Test func `an exchange under way is finished, then the program ends`() throws {
        let requested = Gate()
        let go = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            requested.open()
            try go.wait()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        try requested.wait()
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        #expect(gateway.process.isRunning)
        go.open()
        let answer = try client.receive()
        #expect(answer.text == "ok")
        #expect(answer.members(of: "Connection").contains("close"), "the client is told to go elsewhere")
        #expect(try client.isClosedByPeer())
        #expect(try gateway.process.waitForExit() == .exited(0))
    }

    @Test func `an upload and a download under way are finished`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
            let request = try connection.finish(head)
            try connection.send("\(String(request.body.count, radix: 16))\r\n\(request.text)\r\n0\r\n\r\n")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nfir")
        _ = try client.reader.readHead(by: .after())
        #expect(try client.reader.readChunk(by: .after()) == Array("one".utf8))
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        try client.send("st!")
        #expect(try client.reader.readChunk(by: .after()) == Array("first!".utf8))
        #expect(try client.reader.readChunk(by: .after()).isEmpty)
        #expect(try gateway.process.waitForExit() == .exited(0))
    }

    @Test func `what does not end is ended after the drain time`() throws {
        let requested = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            requested.open()
            try connection.waitForEnd(within: .seconds(60))
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { drain: 500ms }", upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        try requested.wait()
        let start = ContinuousClock.now
        gateway.process.signal(SIGTERM)
        #expect(try gateway.process.waitForExit(within: .seconds(15)) == .exited(0))
        let took = start.duration(to: .now)
        #expect(took >= .milliseconds(400))
        #expect(took < .seconds(10))
    }

    @Test func `a tunnel does not outlast the drain time`() throws {
        let origin = try UpgradeTests.echo()
        let gateway = try Gateway(openToAll + "\ntimeouts: { drain: 500ms }", upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        gateway.process.signal(SIGTERM)
        #expect(try gateway.process.waitForExit(within: .seconds(10)) == .exited(0))
    }

    @Test func `connections that stay quiet are closed after a while, and not waited for`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            openToAll + "\ntimeouts: { drain: 60s, drain_idle: 500ms, idle: 60s, head: 60s }\nworkers: 2", upstream: origin)
        let idle = try (0..<10).map { _ in try gateway.connect() }
        for client in idle.dropLast(3) { #expect(try client.exchange(Self.request).status == 200) }
        let start = ContinuousClock.now
        gateway.process.signal(SIGTERM)
        for client in idle { #expect(try client.isClosedByPeer()) }
        #expect(start.duration(to: .now) >= .milliseconds(400))
        for client in idle { client.close() }
        #expect(try gateway.process.waitForExit(within: .seconds(10)) == .exited(0))
    }

    @Test func `a second signal ends what the first began`() throws {
        let requested = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            requested.open()
            try connection.waitForEnd(within: .seconds(60))
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { drain: 60s }", upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.request)
        try requested.wait()
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        gateway.process.signal(SIGTERM)
        _ = try gateway.process.waitForExit(within: .seconds(10))
    }
}
