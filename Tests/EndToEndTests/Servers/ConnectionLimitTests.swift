import Foundation
import Synchronization
import Testing

/// Goal: a server never has more than its limit, and who has to wait is served in turn, or told in time.
/// Method: an origin that holds its answers until it is told, and counts what it has.
@Suite("A server's limit of connections")
struct ConnectionLimitTests {
    /// Answers when the gate opens; how many requests it has held at a time.
    private func holding(_ gate: Gate, most: Most = Most()) throws -> Origin {
        try Origin { connection in
            while let request = try connection.nextRequest() {
                most.enter()
                try gate.wait()
                most.leave()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.target.utf8.count)\r\n\r\n\(request.target)")
            }
        }
    }

    @Test func `is kept under load, and nobody fails`() throws {
        let most = Most()
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                most.enter()
                Thread.sleep(forTimeInterval: 0.002)
                most.leave()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let servers = try Servers([origin], extras: ["connections: 3"])
        let load = Load(12, at: servers.gateway)
        try load.waitForMore(600)
        #expect(try load.stop() == [])
        #expect(most.value == 3)
        #expect(origin.connections.count <= 6, "connections are kept")
    }

    @Test func `makes others wait in the order they came`() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let servers = try Servers([origin], extras: ["connections: 1"])
        let clients = try (0..<4).map { _ in try servers.gateway.connect() }
        for (number, client) in clients.enumerated() {
            try client.send("POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
            if number == 0 { try origin.waitForConnections(1) } else { Thread.sleep(forTimeInterval: 0.05) }
        }
        gate.open()
        for (number, client) in clients.enumerated() { #expect(try client.receive(to: "POST").text == "/\(number)") }
        #expect(origin.requests.map(\.target) == ["/0", "/1", "/2", "/3"])
        #expect(origin.requests.allSatisfy { $0.text == "body" })
    }

    @Test func `refuses whom the line has no room for, and whose turn does not come in time`() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let servers = try Servers([origin], extras: ["connections: 1"], "queue: { size: 1, timeout: 400ms }")
        let first = try servers.gateway.connect()
        try first.send(plainGet)
        try origin.waitForConnections(1)
        let second = try servers.gateway.connect()
        try second.send(plainGet)
        Thread.sleep(forTimeInterval: 0.05)
        let refused = try servers.gateway.get()
        expectProblem(refused, status: 503, code: "upstream_queue_full")
        #expect(refused["Retry-After"] != nil)
        let late = try second.receive()
        expectProblem(late, status: 503, code: "upstream_queue_timeout")
        #expect(late["Retry-After"] != nil)
        gate.open()
        #expect(try first.receive().status == 200)
        #expect(try second.exchange(plainGet).status == 200, "the connection goes on")
    }

    @Test func `forgets who has gone while waiting`() throws {
        let gate = Gate()
        let origin = try holding(gate)
        let servers = try Servers([origin], extras: ["connections: 1"], "queue: { size: 1, timeout: 20s }")
        let first = try servers.gateway.connect()
        try first.send(plainGet)
        try origin.waitForConnections(1)
        let gone = try servers.gateway.connect()
        try gone.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
        Thread.sleep(forTimeInterval: 0.05)
        gone.reset()
        Thread.sleep(forTimeInterval: 0.05)
        let third = try servers.gateway.connect()
        try third.send("GET /third HTTP/1.1\r\nHost: a\r\n\r\n")
        Thread.sleep(forTimeInterval: 0.05)
        gate.open()
        #expect(try first.receive().status == 200)
        #expect(try third.receive().text == "/third")
        #expect(!origin.requests.map(\.target).contains("/gone"))
    }

    @Test func `takes a large request that waited, whole`() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                try gate.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Bytes: \(request.body.count)\r\n\r\n")
            }
        }
        let servers = try Servers([origin], extras: ["connections: 1"])
        let first = try servers.gateway.connect()
        try first.send(plainGet)
        try origin.waitForConnections(1)
        let second = try servers.gateway.connect()
        startThread {
            try? second.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
            try? second.send([UInt8](repeating: 120, count: 3_000_000))
        }
        Thread.sleep(forTimeInterval: 0.2)
        gate.open()
        #expect(try first.receive().status == 200)
        #expect(try second.receive(to: "POST")["X-Bytes"] == "3000000")
    }
}

/// The most that have been inside at a time.
final class Most: Sendable {
    private let state = Mutex((now: 0, most: 0))
    func enter() { state.withLock { $0.now += 1; $0.most = max($0.most, $0.now) } }
    func leave() { state.withLock { $0.now -= 1 } }
    var value: Int { state.withLock { $0.most } }
}
