import Testing

/// Goal: clients that are too slow lose their connection, and nothing else.
@Suite("Slow clients")
struct SlowClientTests {
    static let settings = "limits: { min_rate: 100B/s, min_rate_grace: 500ms }\n\(openToAll)"

    @Test func `a head that trickles is answered 408 before its time is over`() throws {
        let gateway = try Gateway(Self.settings, upstream: try Origin.ok())
        let client = try gateway.connect()
        let start = ContinuousClock.now
        try client.send("GET / HTTP/1.1\r\n")
        startThread { for _ in 0..<100 { guard (try? client.send("X")) != nil else { return }; pause(.milliseconds(100)) } }
        expectProblem(try client.receive(), status: 408, code: "request_timeout")
        #expect(start.duration(to: .now) < .seconds(8))
    }

    @Test func `content that trickles is answered 408, and content that keeps the pace is not`() throws {
        let gateway = try Gateway(Self.settings, upstream: try Origin.ok())
        let slow = try gateway.connect()
        try slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        startThread { for _ in 0..<100 { guard (try? slow.send("X")) != nil else { return }; pause(.milliseconds(100)) } }
        let steady = try gateway.connect()
        try steady.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 800\r\n\r\n")
        startThread {
            for _ in 0..<20 {
                try? steady.send(String(repeating: "x", count: 40))
                pause(.milliseconds(100))
            }
        }
        expectProblem(try slow.receive(to: "POST"), status: 408, code: "request_timeout")
        #expect(try steady.receive(to: "POST").status == 200)
    }

    @Test func `a reader that takes next to nothing is cut off`() throws {
        let size = 64 << 20
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            try connection.send([UInt8](repeating: 120, count: size))
        }
        let gateway = try Gateway(
            "limits: { min_rate: 64KiB/s, min_rate_grace: 500ms }\n\(openToAll)", upstream: origin)
        let client = try gateway.connect(from: "127.0.0.1", receiveBuffer: 4096)
        try client.send(plainGet)
        _ = try client.reader.readHead(by: .after())
        try gateway.process.waitForLine(containing: "response_not_read")
        #expect(throws: (any Error).self) { while true { _ = try client.reader.read(1 << 16, by: .after()) } }
    }

    @Test func `time that the upstream takes does not count against the client`() throws {
        let full = Gate()
        let size = 16 << 20
        let origin = try Origin(keepsLog: false) { connection in
            guard try connection.nextHead() != nil else { return }
            try full.wait()
            var received = connection.reader.unread.count
            while received < size {
                received += try connection.socket.read(upTo: 1 << 18, by: .after(), waitingFor: "content").count
            }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway("limits: { min_rate: 1MiB/s, min_rate_grace: 300ms }\n\(openToAll)", upstream: origin)
        let client = try gateway.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
        let content = [UInt8](repeating: 120, count: size)
        let sent = try client.socket.writeWhileTaken(content, patience: .milliseconds(900))
        full.open()
        startThread { try? client.send(Array(content[sent...])) }
        #expect(try client.receive(to: "POST").text == "ok")
    }
}

/// Goal: a flood is shed by rule, memory stays within its bound, and all is well again behind it.
@Suite("Overload")
struct OverloadTests {
    @Test func `heads that never end fill no more than the bound, and those who wait are served behind it`() throws {
        let gateway = try Gateway(
            "limits: { memory: 1MiB, min_rate: none }\ntimeouts: { head: 3s }\n\(openToAll)", upstream: try Origin.ok())
        let steady = try gateway.connect()
        #expect(try steady.exchange(plainGet).status == 200)
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 24_000)
        var flood: [Client] = []
        for _ in 0..<100 {
            guard let client = try? gateway.connect() else { break }
            try? client.send(head)
            flood.append(client)
        }
        try gateway.process.waitForLine(containing: "bytes are buffered, near the limit")
        #expect(try gateway.process.peakResidentKiB() < 200 << 10)
        // Nobody waits for ever: the heads time out, the account falls, and the queue is accepted.
        try gateway.process.waitForLine(containing: "accepting again")
        flood = []
        try eventually { try gateway.exchange(plainGet).status == 200 }
    }

    @Test func `idle connections beyond the limit wait in the system's queue, and are served when there is room`() throws {
        let gateway = try Gateway("limits: { connections: 20 }\n\(openToAll)", upstream: try Origin.ok())
        let idle = try (0..<20).map { _ in try gateway.connect() }
        try gateway.process.waitForLine(containing: "which is the limit of this worker")
        let waiting = try gateway.connect()
        try waiting.send(plainGet)
        #expect(try waiting.isSilent(for: .milliseconds(300)))
        for client in idle { client.close() }
        #expect(try waiting.receive().status == 200)
    }

    @Test func `slow readers of large answers keep memory within the bound`() throws {
        let piece = [UInt8](repeating: 120, count: 1 << 18)
        let origin = try Origin(keepsLog: false) { connection in
            while let request = try connection.nextRequest() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(256 * piece.count)\r\n\r\n")
                if request.startLine.hasPrefix("HEAD") { continue }
                for _ in 0..<256 { try connection.send(piece) }
            }
        }
        let gateway = try Gateway("limits: { memory: 1MiB, min_rate: none }\n\(openToAll)", upstream: origin)
        let before = try gateway.process.peakResidentKiB()
        var readers: [Client] = []
        for _ in 0..<60 {
            let client = try gateway.connect(from: "127.0.0.1", receiveBuffer: 4096)
            try client.send(plainGet)
            readers.append(client)
        }
        // The kernel's buffers fill first, megabytes for each reader: on a busy machine that takes a while.
        try gateway.process.waitForLine(containing: "bytes are buffered", within: .seconds(90))
        #expect(try gateway.process.peakResidentKiB() - before < 64 << 10)
        for client in readers { client.reset() }
        try eventually { try gateway.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200 }
    }
}
