import Foundation
import Glibc
import JOSE
import SessionStores
import Sessions
import Synchronization
import Testing

@Suite("Redis goes away and comes back", .serialized)
struct RedisFaultTests {
    @Test func `killed and restarted, it has all that was answered, and nobody had to do anything`() async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        var sessions: [Session] = []
        for index in 0..<8 { sessions.append(try await gateway.begin("user \(index)")) }
        let ended = try await gateway.begin()
        _ = try await gateway.perform(.end(ended.id, .logout)).get()

        // Each client refreshes with the newest token that it was answered with, through everything.
        let isOver = Shared(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for session in sessions {
                group.addTask {
                    var counter: UInt32 = 0
                    // What was asked last may have been done, though nobody said so.
                    var isInDoubt = true
                    while !isOver.value || isInDoubt {
                        switch await gateway.attempt(session, counter) {
                        case .success(.refreshed(.rotated, let after)), .success(.refreshed(.replayed, let after)):
                            #expect(after.counter == counter + 1)
                            counter = after.counter
                            isInDoubt = false
                        case .failure(.away):
                            isInDoubt = true
                            try await Task.sleep(for: .milliseconds(5))
                        case let other: Issue.record("\(other)")
                        }
                    }
                    #expect(try await gateway.find(session)?.counter == counter)
                }
            }
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(300))
                server.kill()
                try await eventually { await gateway.attempt(sessions[0], 0).awayReason != nil }
                // Now that it is known, nobody waits.
                let begin = ContinuousClock.now
                try await eventually { await gateway.perform(.find(ended.id)).awayReason?.contains("refused") == true }
                #expect(ContinuousClock.now - begin < .seconds(1))
                try server.start()
                try await eventually { await gateway.isServing() }
            }
            isOver.value = true
            try await group.waitForAll()
        }
        #expect(try await gateway.find(ended)?.end?.reason == .logout)
        try await eventually { gateway.story.last == .back }
    }

    @Test func `paused, it makes requests fail in time, and a rotation in doubt is no reuse when it goes on`() async throws {
        let server = try RedisServer()
        let clock = TestClock()
        let (one, other) = (
            try RedisGateway(server.settings(timeout: 300), clock: clock), try RedisGateway(server.settings(timeout: 300), clock: clock)
        )
        try await one.isReady()
        try await other.isReady()
        var sessions: [Session] = []
        for _ in 0..<20 { sessions.append(try await one.begin()) }
        server.pause()
        let begin = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for session in sessions { group.addTask { #expect(await one.attempt(session, 0).awayReason != nil) } }
        }
        #expect(ContinuousClock.now - begin < .seconds(2))
        try await eventually { one.story.count == 1 && other.story.count == 1 }
        let confirmed = one.revocations.confirmedAt
        clock.advance(3600)
        #expect(await one.attempt(sessions[0], 0).awayReason != nil)
        #expect(one.revocations.confirmedAt == confirmed)
        server.resume()
        try await eventually { one.story.last == .back && other.story.last == .back }
        for (index, session) in sessions.enumerated() {
            let (refreshment, after) = try await (index % 2 == 0 ? one : other).refresh(session, 0)
            #expect(refreshment == .rotated || refreshment == .replayed)
            #expect(after.counter == 1)
            #expect(!one.hasRevoked(session))
        }
        // Only the immediate predecessor profits, and not for long.
        _ = try await one.refresh(sessions[0], 1)
        #expect(try await one.refresh(sessions[0], 0).0 == .reuseDetected)
        clock.advance(60)
        #expect(try await other.refresh(sessions[1], 0).0 == .reuseDetected)
    }

    @Test func `a rotation whose answer was lost gets its grace anew, for all gateways`() async throws {
        let server = try RedisServer()
        let relay = try Relay(to: server.port)
        let clock = TestClock()
        let gateway = try RedisGateway(server.settings(port: relay.port, timeout: 300, poll: 60_000), clock: clock)
        let other = try RedisGateway(server.settings(), clock: clock)
        try await gateway.isReady()
        try await other.isReady()
        let (session, bystander) = (try await gateway.begin(), try await gateway.begin())
        _ = try await gateway.refresh(bystander, 0)
        relay.intercept("EVALSHA", .loseReply)
        #expect(await gateway.attempt(session, 0).awayReason != nil)
        #expect(try await other.find(session)?.counter == 1, "it was made")
        // The store has to come back by then: what it looks after, it looks after before it serves.
        clock.advance(3600)
        try await eventually { await gateway.isServing() }
        let (refreshment, after) = try await other.refresh(session, 0)
        #expect(refreshment == .replayed)
        #expect(after.counter == 1)
        #expect(try await other.refresh(bystander, 0).0 == .reuseDetected)
    }

    @Test func `the grace does not run while the server is away, whoever has lost the answer`() async throws {
        let server = try RedisServer()
        let relay = try Relay(to: server.port)
        let clock = TestClock()
        let other = try RedisGateway(server.settings(timeout: 300), clock: clock)
        try await other.isReady()
        let (session, old) = (try await other.begin(), try await other.begin())
        _ = try await other.refresh(old, 0)
        clock.advance(60)
        // One gateway makes the change, never hears of it, and is gone.
        do {
            let gateway = try RedisGateway(server.settings(port: relay.port, timeout: 5_000, poll: 60_000), clock: clock)
            try await gateway.isReady()
            relay.intercept("EVALSHA", .loseReply)
            async let lost = gateway.attempt(session, 0)
            try await eventually { try await other.find(session)?.counter == 1 }
            server.pause()
            #expect(await lost.awayReason != nil)
        }
        try await eventually { if case .away = other.story.last { true } else { false } }
        clock.advance(3600)
        server.resume()
        try await eventually { other.story.last == .back }
        #expect(try await other.refresh(session, 0).0 == .replayed)
        #expect(try await other.refresh(old, 0).0 == .reuseDetected, "it was over before")
    }

    @Test func `a partition is told from silence, and healed without a restart`() async throws {
        let server = try RedisServer()
        let relay = try Relay(to: server.port)
        let gateway = try RedisGateway(server.settings(port: relay.port, timeout: 300))
        try await gateway.isReady()
        let session = try await gateway.begin()
        for counter in 0..<3 as Range<UInt32> {
            relay.block()
            #expect(await gateway.attempt(session, counter).awayReason != nil)
            try await eventually { if case .away = gateway.story.last { true } else { false } }
            relay.unblock()
            try await eventually { gateway.story.last == .back }
            let (refreshment, after) = try await gateway.refresh(session, counter)
            #expect(refreshment == .rotated || refreshment == .replayed)
            #expect(after.counter == counter + 1)
        }
        #expect(gateway.story.count == 6)
    }

    @Test func `a command that the network has kept changes nothing after a reconnect`() async throws {
        let server = try RedisServer()
        let relay = try Relay(to: server.port)
        let gateway = try RedisGateway(server.settings(port: relay.port, timeout: 300, poll: 60_000))
        try await gateway.isReady()
        let session = try await gateway.begin()
        let ended = try await gateway.begin()
        relay.intercept("EVALSHA", .keepCommand)
        async let refreshed = gateway.attempt(session, 0)
        async let end = gateway.perform(.end(ended.id, .logout))
        #expect(await refreshed.awayReason != nil)
        #expect(await end.awayReason != nil)
        try await eventually { await gateway.isServing() }
        let before = try await gateway.find(session)
        relay.releaseHeld()
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await gateway.find(session) == before)
        #expect(try await gateway.find(ended)?.end == nil)
        #expect(try await gateway.refresh(session, 0).1.counter == 1)
    }

    @Test func `scripts that the server has forgotten are given to it again`() async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        let session = try await gateway.begin()
        try server.command("SCRIPT", "FLUSH")
        #expect(try await gateway.refresh(session, 0).0 == .rotated)
        #expect(try await gateway.refresh(session, 1).0 == .rotated)
        #expect(gateway.story == [])
    }

    @Test func `a slow network makes it slow, not wrong`() async throws {
        let server = try RedisServer()
        let relay = try Relay(to: server.port)
        relay.delay(milliseconds: 60)
        let gateway = try RedisGateway(server.settings(port: relay.port, timeout: 2_000))
        try await gateway.isReady()
        let session = try await gateway.begin()
        for counter in 0..<3 as Range<UInt32> { #expect(try await gateway.refresh(session, counter).0 == .rotated) }
        #expect(gateway.story == [])
    }

    @Test func `at its memory limit it refuses changes, and can be read`() async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        let session = try await gateway.begin()
        try server.command("CONFIG", "SET", "maxmemory", "1")
        #expect(await gateway.attempt(session, 0).awayReason?.contains("memory limit") == true)
        #expect(try await gateway.find(session) == session)
        let confirmed = gateway.revocations.confirmedAt
        try await eventually { gateway.revocations.confirmedAt != confirmed }
        // So it stays over a reconnect.
        try server.command("CLIENT", "KILL", "TYPE", "normal")
        try await eventually { try await gateway.find(session) == session }
        #expect(await gateway.attempt(session, 0).awayReason?.contains("memory limit") == true)
        try server.command("CONFIG", "SET", "maxmemory", "0")
        #expect(try await gateway.refresh(session, 0).0 == .rotated)
    }

    @Test func `a replica is no place for changes, and a master again is`() async throws {
        let (server, master) = (try RedisServer(), try RedisServer())
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        let session = try await gateway.begin()
        try server.command("REPLICAOF", "NO", "ONE")
        #expect(try await gateway.refresh(session, 0).0 == .rotated)
        // The other one has our data, too: it is a replica first.
        try master.command("REPLICAOF", "127.0.0.1", String(server.port))
        try await eventually { try master.command("EXISTS", "t:s:\(session.id)").hasPrefix(":1") }
        try master.command("REPLICAOF", "NO", "ONE")
        try server.command("REPLICAOF", "127.0.0.1", String(master.port))
        try await eventually { await gateway.attempt(session, 1).awayReason?.contains("it is a replica") == true }
        try await eventually { gateway.story.last == .away("it is a replica") }
        try server.command("REPLICAOF", "NO", "ONE")
        try await eventually { gateway.story.last == .back }
        #expect(try await gateway.refresh(session, 1).0 == .rotated)
    }

    @Test(arguments: ["t:all", "t:due", "t:u:alice"])
    func `a key that is not ours is said to be, and nothing is done half-way`(_ key: String) async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        try server.command("SET", key, "mine")
        let session = try Session.begin(
            .random(), subject: "alice", claims: Array("{}".utf8), device: Session.Device(), address: "", rules: SessionRules(),
            now: gateway.clock.now)
        let reply = await gateway.perform(.create(session))
        guard case .failure(.failed(let reason)) = reply else {
            Issue.record("\(reply)")
            return
        }
        #expect(reason.contains("holds something that is not ours"))
        #expect(try await gateway.find(session) == nil)
        try server.command("DEL", key)
        #expect(try await gateway.perform(.create(session)).get() == .created(ended: []))
    }

    @Test func `all data gone, new revocations are known all the same`() async throws {
        let server = try RedisServer()
        let (one, other) = (try RedisGateway(server.settings()), try RedisGateway(server.settings()))
        try await one.isReady()
        try await other.isReady()
        for name in ["a", "b", "c"] {
            _ = try await one.perform(.revoke(Revocation(.token(name), expiresAt: one.clock.now.advanced(bySeconds: 60)))).get()
        }
        try await eventually { other.knows(.token("c")) }
        try server.command("FLUSHALL")
        try server.command("CLIENT", "KILL", "TYPE", "pubsub")
        _ = try await one.perform(.revoke(Revocation(.token("d"), expiresAt: one.clock.now.advanced(bySeconds: 60)))).get()
        try await eventually { other.knows(.token("d")) }
        for name in ["a", "b", "c"] { #expect(other.knows(.token(name)), "nothing is forgotten before its time") }
    }

    // MARK: What is no Redis

    static let speeches: [String] = [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0\0", "*-2\r\n", "$-7\r\n", "*99999999999999999999\r\n", "*1000000000\r\n", "$4294967296\r\n",
        ":abc\r\n", "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", "-\r\n-\r\n-\r\n-\r\n-\r\n-\r\n", "", "$5\r\nhel",
        String(repeating: "*1\r\n", count: 20), "+OK\r\n+OK\r\n$3\r\nabc\r\n$3\r\nabc\r\n*1\r\n$7\r\nmessage\r\n*0\r\n:1\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n", "*3\r\n$7\r\nmessage\r\n*0\r\n:7\r\n",
    ]

    @Test(arguments: speeches)
    func `whatever something that is no Redis says, the store is away and lives`(_ speech: String) async throws {
        let fake = try FakeServer { client in
            _ = send(client, speech, speech.utf8.count, Int32(MSG_NOSIGNAL))
            var byte: UInt8 = 0
            _ = recv(client, &byte, 1, 0)
        }
        let settings = RedisSettings(.server(.init(host: "127.0.0.1", port: fake.port)), timeout: 100)
        let gateway = try RedisGateway(settings)
        try await eventually { if case .away = gateway.story.first { true } else { false } }
        #expect(await gateway.perform(.find(.random())).awayReason != nil)
        #expect(gateway.revocations.confirmedAt == nil)
        try await Task.sleep(for: .milliseconds(100))
        #expect(gateway.story.count == 1)
    }

    @Test func `an answer without end is not taken`() async throws {
        let fake = try FakeServer { client in
            let head = "$2000000000\r\n"
            _ = send(client, head, head.utf8.count, Int32(MSG_NOSIGNAL))
            let block = [UInt8](repeating: 0x41, count: 1 << 20)
            for _ in 0..<500 {
                let count = send(client, block, block.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return }
            }
        }
        let before = try residentKiB()
        let gateway = try RedisGateway(RedisSettings(.server(.init(host: "127.0.0.1", port: fake.port)), timeout: 5_000))
        try await eventually { gateway.story.first == .away("it does not speak the protocol of Redis") }
        #expect(try residentKiB() - before < 128 << 10)
    }

    @Test func `away, it keeps nothing of what it is asked`() async throws {
        let port = try RedisServer.freePort()
        let gateway = try RedisGateway(RedisSettings(.server(.init(host: "127.0.0.1", port: port))))
        try await eventually { gateway.story.count == 1 }
        let before = try residentKiB()
        let answers = Answers(count: 100_000)
        let request = StoreRequest(.refresh(.random(), counter: 0, address: ""), rules: SessionRules(), now: gateway.clock.now)
        for index in 0..<100_000 { gateway.store.perform(request) { answers.note(index, $0) } }
        try await eventually { answers.counts.allSatisfy { $0 == 1 } }
        #expect(try residentKiB() - before < 96 << 10)
    }

    @Test func `more requests than a slow server can take are refused, and none is forgotten`() async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings(timeout: 500))
        try await gateway.isReady()
        server.pause()
        let answers = Answers(count: 40_000)
        let request = StoreRequest(.find(.random()), rules: SessionRules(), now: gateway.clock.now)
        for index in 0..<40_000 { gateway.store.perform(request) { answers.note(index, $0) } }
        try await eventually { answers.counts.allSatisfy { $0 == 1 } }
        #expect(answers.failures.contains(.away("Redis: too many requests are under way")))
        server.resume()
        try await eventually { gateway.story.last == .back || gateway.story.isEmpty }
        #expect(try await gateway.refresh(try await gateway.begin(), 0).0 == .rotated)
    }

    private func residentKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(status[1]) ?? 0) * 4
    }
}

/// A value that several threads see.
final class Shared<Value: Sendable>: Sendable {
    private let guarded: Mutex<Value>
    init(_ value: Value) { guarded = Mutex(value) }

    var value: Value {
        get { guarded.withLock { $0 } }
        set { guarded.withLock { $0 = newValue } }
    }
}
