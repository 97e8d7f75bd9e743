import Glibc
import Testing

/// How the gateway itself ends a WebSocket: RFC 6455 §5.4, §5.5.1, §7.1. Method: both ends scripted, byte by byte.
@Suite("The gateway ends a WebSocket between two frames")
struct WebSocketClosingTests {
    static let expired = Frame.close(1008, "session expired")

    /// A gateway before `origin` and a client whose WebSocket ends in so many seconds; the second at which it does.
    static func open(
        _ origin: Origin, lasting seconds: Int = 3, settings: String = "sliding: { buffer: 10% }", receiveBuffer: Int32? = nil
    ) throws -> (client: Client, gateway: Gateway, end: Int) {
        let gateway = try Gateway(settings, upstream: origin)
        let client = try gateway.connect(receiveBuffer: receiveBuffer)
        let end = Token.now() + seconds
        let token = Token.signed(claims: #"{"iat":\#(end - 100),"exp":\#(end)}"#)
        try client.send(UpgradeTests.handshake + "Authorization: Bearer \(token)\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
        return (client, gateway, end)
    }

    /// Switches protocols and leaves the rest to `script`.
    static func origin(_ script: @escaping Origin.Script) throws -> Origin {
        try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send(UpgradeTests.switching)
            try script(connection)
        }
    }

    @Test func `both sides get 1008, the upstream's masked, and the connections end when both have answered`() throws {
        let origin = try Self.origin { connection in
            let frame = try connection.reader.readFrame()
            #expect(frame == Frame.close(1008, "session expired", isMasked: true))
            try connection.send(Frame(opcode: 8, payload: []).bytes)
            #expect(try connection.waitForEnd().isEmpty)
        }
        let (client, _, end) = try Self.open(origin)
        #expect(try client.reader.readFrame() == Self.expired)
        #expect(Token.now() >= end)
        let start = ContinuousClock.now
        try client.send(Frame(opcode: 8, isMasked: true, payload: [0x03, 0xF0]).bytes)
        #expect(try client.isClosedByPeer())
        #expect(start.duration(to: .now) < .milliseconds(1500), "nothing is waited for but the answers")
        try origin.waitUntilIdle()
        #expect(origin.failures == [])
    }

    @Test func `the mask is another one each time`() throws {
        let origin = try Self.origin { connection in
            _ = try connection.reader.readFrame()
        }
        let gateway = try Gateway("sliding: { buffer: 10% }", upstream: origin)
        let end = Token.now() + 2
        let token = Token.signed(claims: #"{"iat":\#(end - 100),"exp":\#(end)}"#)
        let clients = try (0..<3).map { _ in
            let client = try gateway.connect()
            try client.send(UpgradeTests.handshake + "Authorization: Bearer \(token)\r\n\r\n")
            #expect(try client.receiveAny().status == 101)
            return client
        }
        for client in clients { #expect(try client.reader.readFrame() == Self.expired) }
        try origin.waitForEnded(3)
        let masks = origin.connections.map { Array($0.reader.received.suffix(21).prefix(4)) }
        #expect(Set(masks).count == 3)
    }

    @Test func `a frame on its way is finished first, and nothing follows the close frame`() throws {
        let frame = Frame.text("0123456789")
        let origin = try Self.origin { connection in
            try connection.send(Array(frame.bytes.prefix(5)))
            // Its own direction was between two frames.
            #expect(try connection.reader.readFrame().opcode == 8)
            try connection.send(Array(frame.bytes.dropFirst(5)) + Frame.text("never").bytes)
            try connection.waitForEnd()
        }
        let (client, _, _) = try Self.open(origin)
        #expect(try client.reader.read(5, by: .after()) == Array(frame.bytes.prefix(5)))
        #expect(try client.reader.read(7, by: .after()) == Array(frame.bytes.dropFirst(5)))
        #expect(try client.reader.readFrame() == Self.expired)
        try client.send(Frame(opcode: 8, isMasked: true, payload: []).bytes)
        #expect(try client.isClosedByPeer())
    }

    @Test func `a frame that does not end is cut after two seconds, without a close frame inside it`() throws {
        let beginning = Array(Frame.text("0123456789").bytes.prefix(5))
        let origin = try Self.origin { connection in
            try connection.send(beginning)
            try connection.waitForEnd()
        }
        let (client, _, end) = try Self.open(origin)
        #expect(try client.reader.readToEnd(by: .after()) == beginning)
        #expect(Token.now() >= end + 1)
        #expect(Token.now() <= end + 6)
    }

    @Test func `between two fragments of a message is between frames`() throws {
        let origin = try Self.origin { connection in
            try connection.send(Frame.text("first ", isFinal: false).bytes)
            try connection.waitForEnd()
        }
        let (client, _, _) = try Self.open(origin)
        #expect(try client.reader.readFrame() == Frame.text("first ", isFinal: false))
        #expect(try client.reader.readFrame() == Self.expired)
        client.close()
        try origin.waitUntilIdle()
    }

    @Test func `what the client sends after the end goes nowhere, and its close frame is the last word`() throws {
        let origin = try Self.origin { connection in
            #expect(try connection.reader.readFrame() == Frame.text("before", isMasked: true))
            #expect(try connection.reader.readFrame().opcode == 8)
            try connection.send(Frame(opcode: 8, payload: []).bytes)
            #expect(try connection.waitForEnd().isEmpty)
        }
        let (client, _, _) = try Self.open(origin)
        try client.send(Frame.text("before", isMasked: true).bytes)
        #expect(try client.reader.readFrame() == Self.expired)
        try client.send(Frame.text("after", isMasked: true).bytes + Frame(opcode: 8, isMasked: true, payload: []).bytes)
        #expect(try client.isClosedByPeer())
        try origin.waitUntilIdle()
        #expect(origin.failures == [])
    }

    @Test func `peers that do not answer are not waited for longer than two seconds`() throws {
        let origin = try Self.origin { try $0.waitForEnd() }
        let (client, gateway, end) = try Self.open(origin)
        #expect(try client.reader.readFrame() == Self.expired)
        #expect(try client.isClosedByPeer(within: .seconds(8)))
        #expect(Token.now() >= end + 1)
        try origin.waitUntilIdle()
        #expect(try gateway.get().status == 401)
    }

    @Test func `a client that does not read is cut`() throws {
        let origin = try Self.origin { connection in
            let frame = Frame(opcode: 2, payload: [UInt8](repeating: 7, count: 60_000)).bytes
            while true { try connection.send(frame, within: .seconds(10)) }
        }
        let (client, _, end) = try Self.open(origin, receiveBuffer: 4096)
        try origin.waitForEnded(1, within: .seconds(12))
        #expect(Token.now() <= end + 8)
        client.close()
    }

    @Test func `a side that has sent its own close frame gets no second one behind it`() throws {
        let origin = try Self.origin { connection in
            #expect(try connection.reader.readFrame() == Frame(opcode: 8, isMasked: true, payload: [0x03, 0xE8]))
            try connection.waitForEnd()
        }
        let (client, _, _) = try Self.open(origin)
        // The client closes, and the server takes its time with the answer.
        try client.send(Frame(opcode: 8, isMasked: true, payload: [0x03, 0xE8]).bytes)
        #expect(try client.reader.readFrame() == Self.expired)
        try origin.waitUntilIdle()
        #expect(origin.failures == [])
        let received = origin.received.suffix(from: origin.requests[0].head.count)
        #expect(received.count == 8, "the client's close frame, and nothing behind it")
    }

    @Test func `with a length that no frame has there is no boundary left: the connections just end`() throws {
        let origin = try Self.origin { connection in
            try connection.send([0x82, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00])
            try connection.waitForEnd()
        }
        let (client, gateway, end) = try Self.open(origin)
        #expect(try client.reader.readToEnd(by: .after()).count == 11)
        #expect(Token.now() >= end)
        #expect(try gateway.get().status == 401)
    }

    @Test func `another protocol than WebSocket just ends`() throws {
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            try connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: example/1\r\n\r\n")
            #expect(try connection.waitForEnd().isEmpty)
        }
        let gateway = try Gateway("sliding: { buffer: 10% }", upstream: origin)
        let client = try gateway.connect()
        let end = Token.now() + 2
        let token = Token.signed(claims: #"{"iat":\#(end - 100),"exp":\#(end)}"#)
        try client.send(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: example/1\r\nAuthorization: Bearer \(token)\r\n\r\n")
        #expect(try client.receiveAny().status == 101)
        #expect(try client.isClosedByPeer())
        #expect(Token.now() >= end)
        try origin.waitUntilIdle()
        #expect(origin.failures == [])
    }

    // MARK: Idle, and draining

    @Test func `an idle WebSocket ends with 1001, and traffic either way keeps it open`() throws {
        let origin = try Self.origin { connection in
            for _ in 0..<3 {
                _ = try connection.reader.readFrame()
            }
            try connection.send(Frame.text("hello").bytes)
            #expect(try connection.reader.readFrame() == Frame.close(1001, "idle timeout", isMasked: true))
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { tunnel: 600ms }", upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        let start = ContinuousClock.now
        for _ in 0..<3 {
            #expect(try client.isSilent(for: .milliseconds(350)))
            try client.send(Frame.text("x", isMasked: true).bytes)
        }
        #expect(try client.reader.readFrame() == Frame.text("hello"))
        #expect(start.duration(to: .now) > .milliseconds(1000))
        #expect(try client.reader.readFrame() == Frame.close(1001, "idle timeout"))
        try client.send(Frame(opcode: 8, isMasked: true, payload: []).bytes)
        #expect(try client.isClosedByPeer())
    }

    @Test func `a drain lets WebSockets go on, and says 1001 near its end`() throws {
        let origin = try UpgradeTests.echo()
        let gateway = try Gateway(openToAll + "\ntimeouts: { drain: 4s }", upstream: origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\r\n")
        #expect(try client.receiveAny().status == 101)
        let start = ContinuousClock.now
        gateway.process.signal(SIGTERM)
        try waitUntilRefused(at: gateway.port)
        try client.send(Frame.text("still", isMasked: true).bytes)
        #expect(try client.reader.readFrame() == Frame.text("still", isMasked: true))
        #expect(try client.reader.readFrame() == Frame.close(1001, "going away"))
        #expect(start.duration(to: .now) > .milliseconds(2500))
        try client.send(Frame(opcode: 8, isMasked: true, payload: []).bytes)
        #expect(try gateway.process.waitForExit(within: .seconds(10)) == .exited(0))
        #expect(start.duration(to: .now) < .seconds(8))
    }
}
