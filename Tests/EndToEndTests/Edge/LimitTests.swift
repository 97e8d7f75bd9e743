import Foundation
import Testing

/// Goal: what one client has too much of is refused to that client, and others notice nothing.
@Suite("Limits by client")
struct ClientLimitTests {
    @Test func `connections beyond the limit are told so, and others are served`() throws {
        let gateway = try Gateway("limits: { connections_per_client: 3 }\n\(openToAll)", upstream: try Origin.ok())
        let clients = try (0..<3).map { _ in try gateway.connect(from: "127.0.0.2") }
        for client in clients { #expect(try client.exchange(plainGet).status == 200) }
        let fourth = try gateway.connect(from: "127.0.0.2")
        let answer = try fourth.receive()
        expectProblem(answer, status: 429, code: "too_many_connections")
        #expect(answer["Retry-After"] == "5" && answer["Connection"] == "close")
        #expect(try gateway.connect(from: "127.0.0.3").exchange(plainGet).status == 200)
        clients[0].close()
        try eventually { try gateway.connect(from: "127.0.0.2").exchange(plainGet).status == 200 }
    }

    @Test func `five thousand connections from one address leave room for another`() throws {
        let gateway = try Gateway(
            "limits: { connections_per_client: 50, connections: 400 }\n\(openToAll)", upstream: try Origin.ok())
        let other = try gateway.connect(from: "127.0.0.3")
        #expect(try other.exchange(plainGet).status == 200)
        var kept: [Client] = []
        for number in 0..<5000 {
            if let client = try? gateway.connect(from: "127.0.0.2"), kept.count < 300 { kept.append(client) }
            if number % 500 == 0 { #expect(try gateway.connect(from: "127.0.0.4").exchange(plainGet).status == 200, "\(number)") }
        }
        #expect(try other.exchange(plainGet).status == 200)
        try gateway.process.waitForLine(containing: "more refusals in one second are not logged")
        let lines = gateway.logs.split(separator: "\n").filter { $0.contains("connection_rejected") || $0.contains("too_many") }
        #expect(lines.count < 600, "\(lines.count) lines for 5000 connections")
    }

    @Test func `tokens that are not genuine are answered 429 after so many, and no others`() throws {
        let gateway = try Gateway("limits: { failed_verifications: 3/m }", upstream: try Origin.ok())
        let forged = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.with(left: 3000, secret: Array(repeating: 1, count: 48)))\r\n\r\n"
        let genuine = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n"
        let attacker = try gateway.connect(from: "127.0.0.2")
        // Seen before: verified tokens pass even then.
        for _ in 0..<3 { #expect(try attacker.exchange(genuine).status == 200) }
        for _ in 0..<5 { #expect(try attacker.exchange(plainGet).status == 401, "missing tokens do not count") }
        let expired = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Token.with(left: -100))\r\n\r\n"
        for _ in 0..<5 { #expect(try attacker.exchange(expired).problemCode == "token_expired", "nor expired ones") }
        for _ in 0..<3 { #expect(try attacker.exchange(forged).status == 401) }
        let answer = try attacker.exchange(forged)
        expectProblem(answer, status: 429, code: "too_many_failures")
        #expect((1...20).contains(Int(answer["Retry-After"] ?? "") ?? 0))
        #expect(answer["WWW-Authenticate"] == nil)
        #expect(try attacker.exchange(genuine).status == 200)
        let unseen = Token.with(left: 2000)
        let line = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(unseen)\r\n\r\n"
        #expect(try attacker.exchange(line).status == 429, "no signature is looked at")
        #expect(try gateway.connect(from: "127.0.0.3").exchange(line).status == 200)
    }

    @Test func `a route may take more content than others, or less`() throws {
        let routes = "routes: [ { path: /up, auth: none, body: 1KiB }, { path: /, auth: none } ]\nlimits: { body: 10B }"
        let gateway = try Gateway(routes, upstream: try Origin.ok())
        func post(_ path: String, _ size: Int, chunked: Bool = false) throws -> Int {
            let content = String(repeating: "x", count: size)
            let framed = chunked
                ? "Transfer-Encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n\(content)\r\n0\r\n\r\n"
                : "Content-Length: \(size)\r\n\r\n\(content)"
            return try gateway.exchange("POST \(path) HTTP/1.1\r\nHost: a\r\n\(framed)").status
        }
        #expect(try post("/up", 1024) == 200 && post("/up", 1025) == 413)
        #expect(try post("/", 10) == 200 && post("/", 11) == 413)
        #expect(try post("/up", 1024, chunked: true) == 200 && post("/up", 1025, chunked: true) == 413)
    }
}

@Suite("Limits for all")
struct SharedLimitTests {
    @Test func `requests under way beyond the limit are answered 503, and the connection stays`() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try gate.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway("workers: 2\nlimits: { requests: 4 }\n\(openToAll)", upstream: origin)
        let busy = try (0..<4).map { _ in try gateway.connect() }
        for client in busy { try client.send(plainGet) }
        _ = try origin.waitForRequests(4)
        let fifth = try gateway.connect()
        let answer = try fifth.exchange(plainGet)
        expectProblem(answer, status: 503, code: "overloaded")
        #expect(answer["Retry-After"] == "1")
        gate.open()
        for client in busy { #expect(try client.receive().status == 200) }
        #expect(try fifth.exchange(plainGet).status == 200)
    }
}
