import Foundation
import Testing

/// Goal: requests are shared among the servers of an upstream as the file says.
/// Method: several scripted origins behind one gateway, and who got what.
@Suite("Requests are shared")
struct BalancingTests {
    @Test func `by weight, exactly`() throws {
        let servers = try Servers(try Servers.named(3), extras: ["weight: 5", "weight: 2", "weight: 1"])
        let client = try servers.gateway.connect()
        for _ in 0..<80 { #expect(try client.exchange(plainGet).status == 200) }
        #expect(servers.counts == [50, 20, 10])
    }

    @Test func `with none for a drained server`() throws {
        let servers = try Servers(try Servers.named(2), extras: ["weight: 0"])
        for _ in 0..<6 { #expect(try servers.gateway.get().text == "1") }
    }

    @Test func `by fewest under way, so that a slow server gets little`() throws {
        let slow = try Origin { connection in
            while try connection.nextRequest() != nil {
                Thread.sleep(forTimeInterval: 0.2)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
            }
        }
        let servers = try Servers([slow, try Servers.named("fast")], "balance: least_requests")
        let load = Load(4, at: servers.gateway)
        try load.waitForMore(400)
        #expect(try load.stop() == [])
        #expect(servers.counts[0] * 5 < servers.counts[1], "\(servers.counts)")
    }

    @Test func `by a field, stably and also among workers`() throws {
        let servers = try Servers(try Servers.named(4), "balance: { hash: { header: X-User } }", workers: 2)
        for user in 0..<12 {
            let answers = try (0..<4).map { _ in try servers.gateway.get("/", "X-User: u\(user)").text }
            #expect(Set(answers).count == 1)
        }
        #expect(servers.counts.count { $0 > 0 } > 1)
    }

    @Test func `by a claim of the token, and elsewhere only while its server is away`() throws {
        let servers = try Servers(
            try Servers.named(3), "balance: { hash: { claim: sub } }", "health: { eject_after_failures: 1, eject_for: 1h, eject_for_max: 1h }",
            root: "sliding: { buffer: 10m }")
        let tokens = (0..<12).map { Token.signed(claims: #"{"sub":"user-\#($0)","iat":\#(Token.now()),"exp":\#(Token.now() + 3000)}"#) }
        func owners() throws -> [String] {
            try tokens.map { try servers.gateway.get("/", "Authorization: Bearer \($0)").text }
        }
        let before = try owners()
        #expect(try owners() == before)
        let leaving = before[0]
        servers.origins[Int(leaving)!].stop()
        for (old, new) in zip(before, try owners()) {
            if old == leaving { #expect(new != leaving) } else { #expect(new == old) }
        }
    }

    @Test func `with a backup only when no other is left`() throws {
        let servers = try Servers(
            try Servers.named(3), extras: ["", "", "backup: true"], "health: { eject_after_failures: 1, eject_for: 1h, eject_for_max: 1h, max_ejected: 100% }")
        for _ in 0..<10 { #expect(try servers.gateway.get().text != "2") }
        servers.origins[0].stop()
        servers.origins[1].stop()
        let answers = try (0..<10).map { _ in try servers.gateway.get().text }
        #expect(answers.last == "2" && answers.suffix(5).allSatisfy { $0 == "2" }, "\(answers)")
    }
}
