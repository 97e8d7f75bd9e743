import Testing

/// Upgrades: RFC 9110 §7.8, RFC 6455 §4. After `101` the gateway passes bytes and knows nothing of them.
@Suite("Upgrades become tunnels")
struct UpgradeTests {
    static let handshake =
        "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    static let switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    /// Switches, then sends every byte back until the other side ends its direction.
    static func echo() throws -> Origin {
        try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(switching)
            while true {
                let bytes = try connection.reader.readSome(upTo: 65_536, by: .after())
                if bytes.isEmpty { return }
                try connection.send(bytes)
            }
        }
    }

    @Test func `the handshake passes whole, and then any bytes both ways`() throws {
        let origin = try Self.echo()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\n")
        let answer = try client.receiveAny()
        #expect(answer.status == 101)
        #expect(answer["Upgrade"] == "websocket")
        #expect(answer.members(of: "Connection").map { $0.lowercased() }.contains("upgrade"))
        #expect(answer["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let request = try #require(origin.requests.first)
        #expect(request["Upgrade"] == "websocket")
        #expect(request.members(of: "Connection").map { $0.lowercased() }.contains("upgrade"))
        #expect(request["Sec-WebSocket-Key"] == "dGhlIHNhbXBsZSBub25jZQ==")
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        startThread { try? client.send(bytes) }
        #expect(try client.reader.read(bytes.count, by: .after()) == bytes)
    }

    @Test func `bytes that come together with either head belong to the tunnel`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(Self.switching + "server first")
            #expect(try connection.reader.read(12, by: .after()) == Array("client first".utf8))
            try connection.send("!")
            try connection.waitForEnd()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\nclient first")
        #expect(try client.receiveAny().status == 101)
        #expect(try client.reader.read(13, by: .after()) == Array("server first!".utf8))
        #expect(origin.failures == [])
    }

    @Test func `a half-close passes through, and the other direction stays open`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(Self.switching)
            let all = try connection.reader.readToEnd(by: .after())
            try connection.send("got \(all.count)")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        try client.send("12345")
        client.finishWriting()
        #expect(try client.reader.readToEnd(by: .after()) == Array("got 5".utf8))
    }

    @Test func `a half-close by the origin passes through as well, and the client goes on`() throws {
        let received = Gate()
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(Self.switching + "last words")
            connection.socket.finishWriting()
            #expect(try connection.reader.readToEnd(by: .after()) == Array("answer".utf8))
            received.open()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        #expect(try client.reader.readToEnd(by: .after()) == Array("last words".utf8))
        try client.send("answer")
        client.finishWriting()
        try received.wait()
        #expect(origin.failures == [])
    }

    /// More than the sockets' buffers on the way hold together.
    static let much = (0..<24_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 11) }

    @Test func `a client that does not read makes the origin wait, and nothing is lost or piled up`() throws {
        let stalled = Gate()
        let origin = try Origin(keepsLog: false) { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(Self.switching)
            let taken = try connection.socket.writeWhileTaken(Self.much, patience: .milliseconds(500))
            #expect(taken < Self.much.count)
            stalled.open()
            try connection.send(Array(Self.much[taken...]), within: .seconds(30))
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect(receiveBuffer: 16_384, keepsLog: false)
        try client.send(Self.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        try stalled.wait()
        let before = try gateway.process.peakResidentKiB()
        #expect(try client.reader.read(Self.much.count, by: .after(.seconds(30))) == Self.much)
        #expect(try gateway.process.peakResidentKiB() < before + 4096)
        #expect(origin.failures == [])
    }

    @Test func `an origin that does not read makes the client wait`() throws {
        let goOn = Gate()
        let whole = Gate()
        let origin = try Origin(keepsLog: false) { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(Self.switching)
            try goOn.wait()
            #expect(try connection.reader.read(Self.much.count, by: .after(.seconds(30))) == Self.much)
            whole.open()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        let taken = try client.socket.writeWhileTaken(Self.much, patience: .milliseconds(500))
        #expect(taken < Self.much.count)
        goOn.open()
        try client.send(Array(Self.much[taken...]), within: .seconds(30))
        try whole.wait(within: .seconds(30))
        #expect(try gateway.process.peakResidentKiB() < 64 * 1024)
    }

    @Test func `an idle tunnel that is no WebSocket ends without a word`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: example\r\n\r\n")
            #expect(try connection.waitForEnd().isEmpty)
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { tunnel: 300ms }", upstream: origin)
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: example\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
        #expect(try client.isClosedByPeer())
        try origin.waitUntilIdle()
        #expect(origin.failures == [])
    }

    @Test func `a peer that goes takes the other side with it`() throws {
        let ended = Gate()
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(Self.switching)
            try connection.waitForEnd()
            ended.open()
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        client.reset()
        try ended.wait()
    }

    @Test func `an origin that declines answers as usual, and the connection goes on as HTTP`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.handshake + "\r\n").text == "ok")
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").text == "ok")
    }

    @Test func `a 101 that nobody asked for is a 502`() throws {
        let origin = try Origin.answering { _ in Self.switching }
        let gateway = try Gateway(openToAll, upstream: origin)
        expectProblem(try gateway.get(), status: 502)
    }

    @Test func `Upgrade without Connection upgrade, and Connection upgrade without Upgrade, are not passed on`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.get("/1", "Upgrade: websocket")
        _ = try gateway.get("/2", "Connection: Upgrade")
        for request in origin.requests {
            #expect(!request.has("Upgrade"))
            #expect(!request.members(of: "Connection").map { $0.lowercased() }.contains("upgrade"))
        }
    }

    @Test func `h2c is not passed on: it would be a tunnel past the policy`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let answer = try gateway.get(
            "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
        #expect(answer.status == 200 || answer.status == 400)
        for request in origin.requests { #expect(!request.has("Upgrade") && !request.has("HTTP2-Settings")) }
    }

    @Test func `an upgrade from an HTTP/1.0 client is ignored`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        _ = try gateway.exchange("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        #expect(origin.requests.map { $0.has("Upgrade") } == [false])
    }

    @Test func `no token, no tunnel`() throws {
        let origin = try Self.echo()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        try client.send(Self.handshake + "\r\n")
        expectProblem(try client.receiveAny(), status: 401, code: "token_missing")
        #expect(origin.received.isEmpty)
    }

    @Test func `a tunnel ends when its token does`() throws {
        let origin = try Self.echo()
        let gateway = try Gateway("sliding: { buffer: 10% }", upstream: origin)
        let client = try gateway.connect()
        let started = ContinuousClock.now
        let end = Token.now() + 3
        let token = Token.signed(claims: #"{"iat":\#(end - 100),"exp":\#(end)}"#)
        try client.send(Self.handshake + "Authorization: Bearer \(token)\r\n\r\n")
        let answer = try client.receiveAny()
        #expect(answer.status == 101)
        #expect(!answer.has("X-Refresh-Token"))
        try client.send("ping")
        #expect(try client.reader.read(4, by: .after()) == Array("ping".utf8))
        do {
            #expect(try client.reader.readToEnd(by: .after(.seconds(10))).isEmpty)
        } catch WireError.reset {
        }
        let lasted = started.duration(to: .now)
        #expect(lasted >= .seconds(1), "a tunnel lives while its token does")
        #expect(Token.now() >= end)
        #expect(lasted < .seconds(8))
    }
}
