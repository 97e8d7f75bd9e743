import Foundation
import Glibc
import Testing

/// Goal: an endpoint of the gateway's own is served like any other resource: every framing, every order, whatever happens
/// meanwhile. Method: the real program, byte by byte, and a store that is held up when that matters.
@Suite("Serving the endpoints of sessions")
struct EndpointServingTests {
    private static let form = "Content-Type: application/x-www-form-urlencoded\r\n"

    private static func content(_ pair: TokenPair) -> String { "grant_type=refresh_token&refresh_token=\(pair.refresh)" }

    @Test func `content in chunks, byte by byte, and with trailers`() throws {
        let sessions = try SessionGateway()
        var pair = try sessions.logIn()
        let client = try sessions.gateway.connect()
        for _ in 0..<2 {
            let chunks = Self.content(pair).map { "1\r\n\($0)\r\n" }.joined()
            let text = "POST /oauth/token HTTP/1.1\r\nHost: a\r\n\(Self.form)Transfer-Encoding: chunked\r\n\r\n\(chunks)0\r\nX-T: 1\r\n\r\n"
            for byte in text.utf8 { try client.send([byte]) }
            pair = try sessions.pair(try client.receive())
        }
        #expect(pair.counter == 2)
    }

    @Test func `Expect: 100-continue is answered where the content is wanted`() throws {
        let sessions = try SessionGateway()
        let pair = try sessions.logIn()
        let content = Self.content(pair)
        let client = try sessions.gateway.connect()
        let head = "POST /oauth/token HTTP/1.1\r\nHost: a\r\n\(Self.form)Expect: 100-continue\r\n"
        try client.send("\(head)Content-Length: \(content.utf8.count)\r\n\r\n")
        #expect(try client.receiveAny().status == 100)
        try client.send(content)
        #expect(try sessions.pair(try client.receiveAny()).counter == 1)
        try client.send("\(head)Content-Length: 100000\r\n\r\n")
        let refusal = try client.receiveAny()
        #expect(refusal.status == 413, "no 100 before it")
        #expect(try client.isClosedByPeer())
    }

    @Test(arguments: [true, false])
    func `content beyond 16 KiB is 413`(_ isChunked: Bool) throws {
        let sessions = try SessionGateway()
        let size = 16 * 1024 + 1
        let content = String(repeating: "x", count: size)
        let framed = isChunked
            ? "Transfer-Encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n\(content)\r\n0\r\n\r\n" : "Content-Length: \(size)\r\n\r\n\(content)"
        let client = try sessions.gateway.connect()
        let answer = try client.exchange("POST /oauth/token HTTP/1.1\r\nHost: a\r\n\(Self.form)\(framed)")
        #expect(answer.status == 413)
        #expect(answer["Cache-Control"]?.contains("no-store") == true)
        if isChunked {
            #expect(answer.members(of: "Connection").contains("close"))
        } else {
            #expect(try client.exchange(sessions.refreshRequest(try sessions.logIn())).status == 200, "its end is known")
        }
    }

    @Test func `content that does not come is 408, and content cut short ends the connection`() throws {
        let sessions = try SessionGateway(root: "routes: [ { path: / } ]\ntimeouts: { body: 300ms }")
        let client = try sessions.gateway.connect()
        let head = "POST /oauth/token HTTP/1.1\r\nHost: a\r\n\(Self.form)Content-Length: 100\r\n\r\ngrant"
        try client.send(head)
        #expect(try client.receive().status == 408)
        let gone = try sessions.gateway.connect()
        try gone.send(head)
        gone.finishWriting()
        #expect(try gone.isClosedByPeer())
        let broken = try sessions.gateway.connect()
        try broken.send("POST /oauth/token HTTP/1.1\r\nHost: a\r\n\(Self.form)Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        #expect(try broken.receive().status == 400)
    }

    @Test func `pipelined requests are answered in order, each by what the one before left`() throws {
        let sessions = try SessionGateway()
        let pair = try sessions.logIn()
        let client = try sessions.gateway.connect()
        let get = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\n\r\n"
        try client.send(get + sessions.refreshRequest(pair) + get + sessions.refreshRequest(pair) + get)
        #expect(try client.receive().text == "ok")
        let first = try sessions.pair(try client.receive())
        #expect(try client.receive().text == "ok")
        #expect(try sessions.pair(try client.receive()) == first)
        #expect(try client.receive().text == "ok")
    }

    @Test func `HEAD, methods that are not served, and connections that are not to persist`() throws {
        let sessions = try SessionGateway()
        let pair = try sessions.logIn()
        let client = try sessions.gateway.connect()
        let fields = "HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\n"
        let get = try client.exchange("GET /auth/sessions \(fields)\r\n")
        let head = try client.exchange("HEAD /auth/sessions \(fields)\r\n")
        #expect(head.status == get.status && head.body.isEmpty && head["Content-Length"] == get["Content-Length"])
        let put = try client.exchange("PUT /oauth/token \(fields)Content-Length: 3\r\n\r\nabc")
        #expect(put.status == 405 && put.members(of: "Allow").contains("POST"), "\(put.headText)")
        #expect(try client.exchange("GET /auth/sessions \(fields)Connection: close\r\n\r\n").members(of: "Connection") == ["close"])
        #expect(try client.isClosedByPeer())
        let old = try sessions.gateway.exchange("GET /auth/sessions HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\n\r\n")
        #expect(old.status == 200)
    }

    @Test func `requests under way beyond the limit are 503 here too`() throws {
        let redis = try RedisServer()
        let sessions = try SessionGateway(store: redis.store(), root: "routes: [ { path: / } ]\nlimits: { requests: 1 }")
        let pair = try sessions.logIn()
        redis.pause()
        let client = try sessions.gateway.connect()
        try client.send(sessions.refreshRequest(pair))
        try eventually { try sessions.refresh(pair).problemCode == "overloaded" }
        redis.resume()
        #expect(try client.receive().status == 200)
        #expect(try sessions.refresh(pair).status == 200, "the place is free again")
    }

    // MARK: While the store is asked

    @Test func `a client that goes loses its answer, and nothing else`() throws {
        let redis = try RedisServer()
        let sessions = try SessionGateway(store: redis.store(), root: "routes: [ { path: /, store_away: open } ]")
        let pair = try sessions.logIn()
        redis.pause()
        let open = try #require(try sessions.gateway.metric("slidegate_store_calls_total"))
        let clients = try (0..<8).map { _ in try sessions.gateway.connect() }
        for client in clients { try client.send(sessions.refreshRequest(pair)) }
        try eventually { try sessions.gateway.metric("slidegate_store_calls_total") == open + 8 }
        for client in clients { client.reset() }
        try eventually { try sessions.gateway.metric("slidegate_connections") == 0 }
        // Others take the places of those that went.
        let others = try (0..<8).map { _ in try sessions.gateway.connect() }
        for client in others {
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\n\r\n").text == "ok")
        }
        redis.resume()
        let answer = try sessions.refresh(pair)
        #expect(try sessions.pair(answer).counter == 1, "the rotation was done, once")
        for client in others {
            #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\n\r\n").text == "ok")
        }
        #expect(try sessions.gateway.metric("slidegate_refreshes_total") == 0, "nobody was there to be told")
    }

    @Test(arguments: ["300ms", "4s"])
    func `a store that does not answer in time is 503 with Retry-After, requests go on, and nothing is lost`(_ timeout: String) throws {
        let redis = try RedisServer()
        let sessions = try SessionGateway(
            store: redis.store(timeout: timeout), settings: "  refresh: { grace: 1s }", root: "routes: [ { path: /, store_away: open } ]")
        let pair = try sessions.logIn()
        redis.pause()
        let (client, other) = (try sessions.gateway.connect(), try sessions.gateway.connect())
        try client.send(sessions.refreshRequest(pair))
        try other.send(sessions.logInRequest())
        #expect(try sessions.get(pair.access).text == "ok")
        let answer = try client.receive()
        #expect(answer.status == 503 && answer.json?["error"] as? String == "temporarily_unavailable", "\(answer.text)")
        #expect((Int(answer["Retry-After"] ?? "") ?? 0) > 0)
        let login = try other.receive()
        #expect(login.status == 503 && login.has("Retry-After"), "\(login.headText)")
        #expect(try #require(try sessions.gateway.metric("slidegate_store_failures_total")) >= 2)
        try sessions.gateway.process.waitForLine(containing: " sessions_unavailable ")
        redis.resume()
        var status = 503
        try eventually {
            status = try sessions.refresh(pair).status
            return status != 503
        }
        #expect(status == 200, "whatever became of the first rotation, its token is not taken for a stolen one")
        #expect(try sessions.gateway.metric("slidegate_reuse_detected_total") == 0)
        #expect(try client.exchange(sessions.logInRequest()).status == 200, "and the connection persists")
    }

    @Test func `a database that another program keeps locked is 503, too`() throws {
        let sessions = try SessionGateway(store: "sqlite:$FOLDER/sessions.db")
        let pair = try sessions.logIn()
        let lock = try StoreLock(sessions.gateway.path("sessions.db"))
        let answer = try sessions.refresh(pair)
        #expect(answer.status == 503 && answer.has("Retry-After"), "\(answer.text)")
        try lock.release()
        try eventually { try sessions.refresh(pair).status == 200 }
    }

    @Test(arguments: [SIGTERM, SIGHUP])
    func `a refresh under way at the end, or at a reload, is answered`(_ signal: Int32) throws {
        let redis = try RedisServer()
        let sessions = try SessionGateway(store: redis.store(), workers: 2)
        let pair = try sessions.logIn()
        redis.pause()
        let calls = try #require(try sessions.gateway.metric("slidegate_store_calls_total"))
        let (client, other) = (try sessions.gateway.connect(), try sessions.gateway.connect())
        try client.send(sessions.refreshRequest(pair))
        try other.send(sessions.logInRequest("bob"))
        try eventually { try sessions.gateway.metric("slidegate_store_calls_total") == calls + 2 }
        sessions.gateway.process.signal(signal)
        if signal == SIGTERM {
            try waitUntilRefused(at: sessions.gateway.port)
        } else {
            try sessions.gateway.process.waitForLine(containing: "configuration reloaded")
        }
        redis.resume()
        let answer = try client.receive()
        #expect(try sessions.pair(answer).counter == 1)
        let login = try other.receive()
        #expect(try sessions.pair(login).counter == 0)
        guard signal == SIGTERM else {
            #expect(try sessions.refresh(pair).status == 200)
            return
        }
        #expect(answer.members(of: "Connection").contains("close"))
        #expect(try sessions.gateway.process.waitForExit() == .exited(0))
    }

    @Test func `what another program on the same database does is seen by both`() throws {
        let sessions = try SessionGateway(store: "sqlite:$FOLDER/sessions.db", settings: "  revocation: { poll: 100ms }")
        let pair = try sessions.logIn()
        #expect(try sessions.get(pair.access).status == 200)
        let file = sessions.gateway.path("slidegate.yaml")
        let command = [try Gateway.binary(), "sessions", "revoke", file, try #require(pair.session)]
        let process = try ChildProcess(command)
        #expect(try process.waitForExit() == .exited(0), "\(process.text(of: .error))")
        try eventually { try sessions.get(pair.access).problemCode == "token_revoked" }
        #expect(try sessions.refresh(pair).status == 400)
    }
}

/// Holds the write lock of a SQLite database, as a backup or a full disk may: whoever wants to write waits.
final class StoreLock {
    private let process: ChildProcess
    private let stop: String

    init(_ database: String) throws {
        stop = database + ".go-\(UUID().uuidString)"
        let script = """
            import os, sqlite3, sys, time
            connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
            connection.execute("BEGIN IMMEDIATE")
            print("locked", flush=True)
            while not os.path.exists(sys.argv[2]): time.sleep(0.005)
            connection.execute("ROLLBACK")
            print("released", flush=True)
            """
        process = try ChildProcess(["/usr/bin/python3", "-c", script, database, stop])
        try process.waitForLine(containing: "locked", on: .output)
    }

    func release() throws {
        #expect(FileManager.default.createFile(atPath: stop, contents: nil))
        try process.waitForLine(containing: "released", on: .output)
    }
}

extension RedisServer {
    /// As `sessions.store` is written.
    /// - Parameter timeout: of the store's own, for each answer.
    func store(timeout: String = "4s") -> String { "{ redis: { address: \"127.0.0.1:\(port)\", timeout: \(timeout) } }" }
}
