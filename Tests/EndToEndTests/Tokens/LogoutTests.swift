import Foundation
import Testing

/// Goal: who has logged out is out: at once, on every worker, in what is under way and in what is open (semantics §2). Method: the
/// real program with its own logout endpoint, an origin that holds answers back, and more connections than workers.
@Suite("Logging out ends everything")
struct LogoutTests {
    static let settings = """
        workers: 2
        sliding: { buffer: 10m }
        logs: { decisions: changes }
        sessions:
          store: memory
          secret_file: $FOLDER/refresh.secret
          endpoints: { logout: /auth/logout, logout_everywhere: /auth/logout-everywhere }
        """

    static func gateway(_ origin: Origin) throws -> Gateway {
        try Gateway(settings, upstream: origin, files: ["refresh.secret": String(repeating: "an example ", count: 4)])
    }

    static func bearer(_ token: String) -> String { "Authorization: Bearer \(token)" }

    /// In the window, of a session without a store's knowledge, as the application's own login issues it.
    static func token(_ more: String = #","sid":"s-1""#) -> String { Token.with(left: 300, more: more) }

    static func logOut(_ gateway: Gateway, _ token: String, everywhere: Bool = false) throws {
        let path = everywhere ? "/auth/logout-everywhere" : "/auth/logout"
        let answer = try gateway.exchange(
            "POST \(path) HTTP/1.1\r\nHost: api.example\r\n\(bearer(token))\r\nContent-Length: 0\r\n\r\n")
        #expect(answer.status == 204, "\(answer.headText)\(answer.text)")
    }

    /// On so many connections that every worker is asked.
    static func expectRevoked(_ gateway: Gateway, _ token: String) throws {
        for _ in 0..<16 {
            let answer = try gateway.get("/", bearer(token))
            expectProblem(answer, status: 401, code: "token_revoked")
            #expect(answer["WWW-Authenticate"]?.contains(#"error="invalid_token""#) == true)
        }
    }

    // MARK: Requests

    @Test func `a token is refused on every worker as soon as the logout is answered, its successors too`() throws {
        let gateway = try Self.gateway(.ok())
        let token = Self.token()
        let successor = try #require(try gateway.get("/", Self.bearer(token))["X-Refresh-Token"])
        for _ in 0..<16 { #expect(try gateway.get("/", Self.bearer(token)).status == 200) }
        try Self.logOut(gateway, token)
        try Self.expectRevoked(gateway, token)
        try Self.expectRevoked(gateway, successor)
        #expect(try gateway.get("/", Self.bearer(Self.token(#","sid":"s-2""#))).status == 200, "another session goes on")
    }

    @Test(arguments: [false, true])
    func `a session without sid is one family, whoever of it logs out`(_ bySuccessor: Bool) throws {
        let gateway = try Self.gateway(.ok())
        let token = Self.token(#","jti":"\#(UUID().uuidString)""#)
        let successor = try #require(try gateway.get("/", Self.bearer(token))["X-Refresh-Token"])
        try Self.logOut(gateway, bySuccessor ? successor : token)
        try Self.expectRevoked(gateway, token)
        try Self.expectRevoked(gateway, successor)
    }

    @Test func `a successor that was minted elsewhere and never seen here is refused`() throws {
        let token = Self.token("")
        let elsewhere = try Gateway("sliding: { buffer: 10m }", upstream: .ok())
        let successor = try #require(try elsewhere.get("/", Self.bearer(token))["X-Refresh-Token"])
        let gateway = try Self.gateway(.ok())
        try Self.logOut(gateway, token)
        try Self.expectRevoked(gateway, successor)
    }

    @Test func `an answer in flight is delivered, without a new token`() throws {
        let (arrived, released) = (Gate(2), Gate())
        let origin = try Origin.answering { request in
            if request.target == "/slow" {
                arrived.open()
                try released.wait()
            }
            return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"1\"\r\n\r\nok"
        }
        let gateway = try Self.gateway(origin)
        let (token, other) = (Self.token(), Self.token(#","sid":"s-2""#))
        let clients = try [token, other].map { token in
            let client = try gateway.connect()
            try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\(Self.bearer(token))\r\n\r\n")
            return client
        }
        try arrived.wait()
        try Self.logOut(gateway, token)
        released.open()
        let answer = try clients[0].receive()
        #expect(answer.status == 200 && answer.text == "ok")
        #expect(answer["X-Refresh-Token"] == nil && answer["ETag"] == "\"1\"")
        #expect(try clients[1].receive()["X-Refresh-Token"] != nil, "the other session is renewed")
        try gateway.process.waitForLine(containing: " renewal_withheld reason=revoked ")
        try gateway.process.waitForLine(containing: " logged_out ")
    }

    @Test func `whoever logs out everywhere is out with what began until then, and can begin anew`() throws {
        let gateway = try Self.gateway(.ok())
        let tokens = (0..<3).map { Token.with(left: 3000, more: #","sid":"s-\#($0)""#) }
        let other = Token.signed(claims: #"{"sub":"user-2","iat":\#(Token.now() - 60),"exp":\#(Token.now() + 3000)}"#)
        for token in tokens { #expect(try gateway.get("/", Self.bearer(token)).status == 200) }
        try Self.logOut(gateway, tokens[0], everywhere: true)
        for token in tokens { try Self.expectRevoked(gateway, token) }
        #expect(try gateway.get("/", Self.bearer(other)).status == 200, "another user's")
        let deadline = Deadline.after()
        while true {  // what begins in the same second counts as before
            let now = Token.now()
            let fresh = Token.signed(claims: #"{"sub":"user-1","iat":\#(now),"exp":\#(now + 3000)}"#)
            if try gateway.get("/", Self.bearer(fresh)).status == 200 { break }
            try #require(!deadline.hasPassed)
        }
        try Self.expectRevoked(gateway, tokens[0])
    }

    // MARK: What is open

    @Test func `WebSockets of the session are closed with 1008 on every worker, and those of others are not`() throws {
        let origin = try WebSocketClosingTests.origin { connection in
            if try connection.reader.readFrame().opcode == 8 { try connection.send(Frame(opcode: 8, payload: []).bytes) }
        }
        let gateway = try Self.gateway(origin)
        let token = Self.token()
        func open(_ token: String) throws -> Client {
            let client = try gateway.connect()
            try client.send(UpgradeTests.handshake + "\(Self.bearer(token))\r\n\r\n")
            #expect(try client.receiveAny().status == 101)
            return client
        }
        let clients = try (0..<12).map { _ in try open(token) }
        let other = try open(Self.token(#","sid":"s-2""#))
        let start = ContinuousClock.now
        try Self.logOut(gateway, token)
        for client in clients {
            #expect(try client.reader.readFrame() == Frame.close(1008, "revoked"))
            try client.send(Frame(opcode: 8, isMasked: true, payload: []).bytes)
            #expect(try client.isClosedByPeer())
        }
        #expect(start.duration(to: .now) < .seconds(10))
        try gateway.process.waitForLine(containing: " tunnel_closed reason=revoked ")
        #expect(try other.isSilent(for: .milliseconds(300)))
        other.close()
        gateway.process.signal(SIGTERM)
        #expect(try gateway.process.waitForLine(containing: "slidegate: stopped").contains(" streams_revoked=12"))
    }

    @Test func `one that is opened by a token revoked meanwhile is not opened`() throws {
        let (arrived, released) = (Gate(), Gate())
        let origin = try Origin { connection in
            guard let head = try connection.nextHead() else { return }
            try connection.finish(head)
            arrived.open()
            try released.wait()
            try connection.send(UpgradeTests.switching)
            try connection.waitForEnd()
        }
        let gateway = try Self.gateway(origin)
        let client = try gateway.connect()
        try client.send(UpgradeTests.handshake + "\(Self.bearer(Self.token()))\r\n\r\n")
        try arrived.wait()
        try Self.logOut(gateway, Self.token())
        released.open()
        expectProblem(try client.receiveAny(), status: 401, code: "token_revoked")
        try origin.waitForEnded(1)
    }

    @Test func `an event stream ends whole, and connecting again is refused`() throws {
        let origin = try EventStreamTests.origin()
        let gateway = try Self.gateway(origin)
        let clients = try (0..<6).map { _ in
            let client = try gateway.connect()
            try client.send(EventStreamTests.request(Self.token()))
            _ = try client.reader.readHead(by: .after())
            #expect(try client.reader.readChunk(by: .after()) == Array(EventStreamTests.event.utf8))
            return client
        }
        try Self.logOut(gateway, Self.token())
        for client in clients {
            #expect(try client.reader.readChunk(by: .after()).isEmpty)
        }
        try Self.expectRevoked(gateway, Self.token())
        try origin.waitForEnded(6)
        try gateway.process.waitForLine(containing: " stream_closed reason=revoked route=/ token=")
    }
}
