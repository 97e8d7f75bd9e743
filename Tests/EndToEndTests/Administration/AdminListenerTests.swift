import Glibc
import Testing

/// Goal: operators see what the gateway does, also when clients cannot reach it any more; nobody else does. Method: the
/// administration listener beside the real program under load.
@Suite("Administration listener")
struct AdminListenerTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `what clients have been answered is counted, over all workers`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(Gateway.admin + "workers: 3", upstream: origin)
        let token = Token.with(left: 3000)
        for _ in 0..<12 { #expect(try gateway.get("/", "Authorization: Bearer \(token)").status == 200) }
        for _ in 0..<5 { #expect(try gateway.get("/").status == 401) }
        for _ in 0..<2 { #expect(try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400) }
        #expect(try gateway.metric("slidegate_connections_total") == 19)
        #expect(try gateway.metric("slidegate_exchanges_total") == 12)
        #expect(try gateway.metric("slidegate_refusals_total") == 5)
        #expect(try gateway.metric("slidegate_own_answers_total{code=\"token_missing\"}") == 5)
        #expect(try gateway.metric("slidegate_failures_total") == 2)
        #expect(try gateway.metric("slidegate_workers") == 3)
        #expect(try gateway.metric("slidegate_workers_reporting") == 3)
        #expect(try #require(try gateway.metric("process_resident_memory_bytes")) > 1_000_000)
    }

    @Test func `it answers while every client connection is taken`() throws {
        let gateway = try Gateway(Gateway.admin + "limits: { connections: 4 }\n" + openToAll, upstream: Origin.ok())
        let clients = try (0..<8).map { _ in try gateway.connect() }
        for client in clients.prefix(2) { #expect(try client.exchange(Self.request).status == 200) }
        #expect(try gateway.administer("/livez").status == 200)
        #expect(try #require(try gateway.metric("slidegate_connections")) >= 2)
        for client in clients { client.close() }
    }

    @Test func `what an only server fails is counted as its failure`() throws {
        let gateway = try Gateway(Gateway.admin + "upstream: 127.0.0.1:1\n" + openToAll, upstream: nil)
        for _ in 0..<3 { #expect(try gateway.get("/").status == 502) }
        #expect(try gateway.metric("slidegate_server_failures_total{upstream=\"default\",server=\"127.0.0.1:1\"}") == 3)
        #expect(try gateway.metric("slidegate_server_workers_up{upstream=\"default\",server=\"127.0.0.1:1\"}") == 1)
    }

    @Test func `silent connections do not keep anyone out`() throws {
        let gateway = try Gateway(Gateway.admin, upstream: Origin.ok())
        let silent = try (0..<100).map { _ in try Client(to: gateway.adminPort(), of: gateway) }
        for _ in 0..<3 { #expect(try gateway.administer("/livez").status == 200) }
        for client in silent { client.close() }
    }

    @Test func `without a secret only names of this machine are answered for`() throws {
        let gateway = try Gateway(Gateway.admin, upstream: Origin.ok())
        for host in ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]", "10.0.0.1:80"] {
            #expect(try gateway.administer("/livez", host: host).status == 200, "\(host)")
        }
        for host in ["rebound.example", "127.0.0.1.example", "localhost.example", "x"] {
            #expect(try gateway.administer("/metrics", host: host).status == 421, "\(host)")
        }
    }

    @Test func `with a secret nothing is told without it`() throws {
        let gateway = try Gateway(
            "admin: { address: \"127.0.0.1:0\", secret_file: $FOLDER/admin.secret }", upstream: Origin.ok(),
            files: ["admin.secret": "sixteen-bytes-or-more\n"])
        for wrong in [
            "X: y", "Authorization: Bearer", "Authorization: Bearer sixteen-bytes-or-mor",
            "Authorization: Bearer sixteen-bytes-or-more2", "Authorization: Basic sixteen-bytes-or-more",
            "Authorization: Bearer a\r\nAuthorization: Bearer sixteen-bytes-or-more",
        ] {
            let answer = try gateway.administer("/metrics", wrong)
            #expect(answer.status == 401 && answer["WWW-Authenticate"] != nil, "\(wrong)")
        }
        let answer = try gateway.administer("/metrics", "Authorization: Bearer sixteen-bytes-or-more", host: "any.example")
        #expect(answer.status == 200)
    }

    @Test func `what is not there, not asked properly or too much is refused`() throws {
        let gateway = try Gateway(Gateway.admin, upstream: Origin.ok())
        #expect(try gateway.administer("/nothing").status == 404)
        #expect(try gateway.administer("/metrics/").status == 404)
        for (request, status) in [
            ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd", 413),
            ("GET /metrics HTTP/1.1\r\n\r\n", 400),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 9000))\r\n\r\n", 400),
        ] {
            let client = try Client(to: gateway.adminPort(), of: gateway)
            #expect(try client.exchange(request).status == status, "\(request.prefix(40))")
            #expect(try client.isClosedByPeer())
        }
        let client = try Client(to: gateway.adminPort(), of: gateway)
        for _ in 0..<3 {
            let answer = try client.exchange("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(answer.status == 200 && answer.text.isEmpty)
        }
    }

    @Test func `it says that the gateway is not ready while it drains, and goes on to tell the metrics`() throws {
        let (requested, go) = (Gate(), Gate())
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                requested.open()
                try go.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(Gateway.admin + openToAll, upstream: origin)
        #expect(try gateway.administer("/readyz").status == 200)
        let client = try gateway.connect()
        try client.send(Self.request)
        try requested.wait()
        gateway.process.signal(SIGTERM)
        _ = try gateway.process.waitForLine(containing: "slidegate: draining")
        #expect(try gateway.administer("/readyz").status == 503)
        #expect(try gateway.administer("/livez").status == 200)
        #expect(try gateway.metric("slidegate_exchanges") == 1)
        go.open()
        #expect(try client.receive().status == 200)
        #expect(try gateway.process.waitForExit() == .exited(0))
    }

    @Test func `a reload moves it, turns it off and on, and keeps it when the file is bad`() throws {
        let gateway = try Gateway(Gateway.admin, upstream: Origin.ok())
        let first = try gateway.adminPort()
        try gateway.rewrite("admin: { address: \"0.0.0.0:0\" }")
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "reload refused")
        #expect(try Client(to: first).exchange("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200)
        try gateway.rewrite("")
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(throws: (any Error).self) { try Client(to: first).exchange("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n") }
    }
}
