import Foundation
import Glibc
import Testing

/// Goal: a reload keeps what it does not change.
/// Method: reloads between requests, and what the origins see of them.
@Suite("A reload")
struct ReloadedServersTests {
    private func reload(_ gateway: Gateway, times: Int) throws {
        gateway.process.signal(SIGHUP)
        let deadline = Deadline.after()
        while gateway.logs.components(separatedBy: "reloaded").count - 1 < times {
            guard !deadline.hasPassed else { throw WireError.timedOut(waitingFor: "a reload") }
            usleep(5_000)
        }
    }

    @Test func `keeps idle connections and what is known of servers`() throws {
        let health = "health: { eject_after_failures: 1, eject_for: 1h, eject_for_max: 1h }"
        let servers = try Servers([try failingOrigin(Switch(true)), try Servers.named("1")], health)
        for _ in 0..<4 { #expect(try servers.gateway.get().text == "1") }
        let connections = servers.origins.map(\.connections.count)
        #expect(servers.counts[0] == 1)
        for times in 1...3 {
            try reload(servers.gateway, times: times)
            for _ in 0..<4 { #expect(try servers.gateway.get().text == "1") }
        }
        #expect(servers.origins.map(\.connections.count) == connections)
        #expect(servers.counts[0] == 1, "still aside")
    }

    @Test func `ends the connections of a server that is gone, and uses one that is new`() throws {
        let origins = try Servers.named(3)
        let servers = try Servers(origins)
        for _ in 0..<4 { _ = try servers.gateway.get() }
        try servers.gateway.rewrite(Servers.file([origins[1].port, origins[2].port]))
        try reload(servers.gateway, times: 1)
        try origins[0].waitUntilIdle()
        let answers = try (0..<4).map { _ in try servers.gateway.get().text }
        #expect(Set(answers) == ["1", "2"])
    }

    @Test func `counts what is under way on`() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while try connection.nextRequest() != nil {
                try gate.wait()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let servers = try Servers([origin], extras: ["connections: 1"])
        let first = try servers.gateway.connect()
        try first.send(plainGet)
        try origin.waitForConnections(1)
        try reload(servers.gateway, times: 1)
        let second = try servers.gateway.connect()
        try second.send(plainGet)
        #expect(try second.isSilent(for: .milliseconds(200)))
        #expect(origin.connections.count == 1)
        gate.open()
        #expect(try first.receive().text == "ok")
        #expect(try second.receive().text == "ok")
    }
}
