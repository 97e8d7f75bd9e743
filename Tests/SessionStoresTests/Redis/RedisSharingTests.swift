import JOSE
import SessionStores
import Sessions
import Testing

@Suite("Several gateways share one Redis", .serialized)
struct RedisSharingTests {
    /// Three gateways that agree on the time.
    private func three(_ settings: RedisSettings) async throws -> [RedisGateway] {
        let clock = TestClock()
        let gateways = try (0..<3).map { _ in try RedisGateway(settings, clock: clock) }
        for gateway in gateways { try await gateway.isReady() }
        return gateways
    }

    private func refreshAtOnce(_ count: Int, _ gateways: [RedisGateway], _ session: Session, _ counter: UInt32) async -> [Refreshment: Int] {
        await withTaskGroup(of: Refreshment?.self) { group in
            for index in 0..<count {
                group.addTask {
                    guard case .success(.refreshed(let refreshment, let after)) = await gateways[index % gateways.count].attempt(session, counter)
                    else { return nil }
                    #expect(after.counter == counter + 1)
                    return refreshment
                }
            }
            var counts: [Refreshment: Int] = [:]
            for await case let refreshment? in group { counts[refreshment, default: 0] += 1 }
            return counts
        }
    }

    @Test func `200 refreshes at once have one successor, and an older token ends the session everywhere`() async throws {
        let server = try RedisServer()
        let gateways = try await three(server.settings(poll: 250))
        var slowest = 0
        for round in 0..<10 {
            let session = try await gateways[round % 3].begin()
            for counter in 0..<3 as Range<UInt32> {
                #expect(await refreshAtOnce(200, gateways, session, counter) == [.rotated: 1, .replayed: 199])
            }
            for gateway in gateways { #expect(!gateway.hasRevoked(session)) }
            #expect(try await gateways[round % 3].refresh(session, 0).0 == .reuseDetected)
            #expect(gateways[round % 3].hasRevoked(session), "here before the answer")
            slowest = max(slowest, try await eventually { gateways.allSatisfy { $0.hasRevoked(session) } })
            for gateway in gateways { #expect(try await gateway.refresh(session, 3).0 == .ended) }
        }
        print("a revocation was known on all gateways after at most \(slowest) ms")
        #expect(slowest < 250 + 250)
    }

    @Test func `refreshes and an end at once leave the session ended`() async throws {
        let server = try RedisServer()
        let gateways = try await three(server.settings())
        for _ in 0..<20 {
            let session = try await gateways[0].begin()
            async let refreshed = refreshAtOnceOrEnded(gateways, session)
            let reply = try await gateways[2].perform(.end(session.id, .logout)).get()
            guard case .ended(let before?) = reply else {
                Issue.record("\(reply)")
                continue
            }
            _ = await refreshed
            let after = try #require(try await gateways[1].find(session))
            #expect(after.end?.reason == .logout)
            #expect(after.counter == before.counter)
            #expect(try await gateways[0].refresh(session, after.counter).0 == .ended)
        }
    }

    private func refreshAtOnceOrEnded(_ gateways: [RedisGateway], _ session: Session) async {
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<60 {
                group.addTask {
                    guard case .success(.refreshed(let refreshment, _)) = await gateways[index % 3].attempt(session, 0) else { return }
                    #expect([.rotated, .replayed, .ended].contains(refreshment))
                }
            }
        }
    }

    @Test func `the limit of a subject holds over all of them`() async throws {
        let server = try RedisServer()
        let gateways = try await three(server.settings())
        let rules = SessionRules(perSubjectMax: 5)
        let now = gateways[0].clock.now
        let sessions = try (0..<60).map { _ in
            try Session.begin(
                .random(), subject: "alice", claims: Array("{}".utf8), device: Session.Device(), address: "", rules: rules, now: now)
        }
        let ended = await withTaskGroup(of: [SessionID].self) { group in
            for (index, session) in sessions.enumerated() {
                group.addTask {
                    guard case .success(.created(let ended)) = await gateways[index % 3].perform(.create(session), rules: rules) else {
                        Issue.record("not created")
                        return []
                    }
                    return ended
                }
            }
            return await group.reduce([], +)
        }
        #expect(ended.count == 55)
        #expect(Set(ended).count == 55)
        guard case .page(let page) = try await gateways[0].perform(.list(SessionQuery(subject: "alice"))).get() else { throw UnexpectedReply() }
        #expect(page.sessions.count == 5)
    }

    @Test func `a gateway that begins knows what was revoked before, in any number`() async throws {
        let server = try RedisServer()
        let first = try RedisGateway(server.settings())
        try await first.isReady()
        let expiresAt = first.clock.now.advanced(bySeconds: 600)
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<5000 { group.addTask { _ = await first.perform(.revoke(Revocation(.token("t\(index)"), expiresAt: expiresAt))) } }
        }
        let second = try RedisGateway(server.settings())
        try await second.isReady()
        #expect((0..<5000).allSatisfy { second.knows(.token("t\($0)")) }, "when it is confirmed, all are there")
        #expect(second.revocations.count == 5000)
    }

    @Test func `what is of no use any more goes from the server`() async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        let session = try await gateway.begin()
        _ = try await gateway.perform(.end(session.id, .logout)).get()
        for name in 0..<50 {
            let expiresAt = gateway.clock.now.advanced(bySeconds: 60)
            _ = try await gateway.perform(.revoke(Revocation(.token("\(name)"), expiresAt: expiresAt))).get()
        }
        gateway.clock.advance(8 * 86_400)
        #expect(try await gateway.perform(.sweep).get() == .swept(sessions: 1, revocations: 51))
        // What is left: the fence of the store, for a day, and the number of the last revocation.
        #expect(try server.command("DBSIZE").hasPrefix(":2"))
    }

    @Test func `what no sweep removes goes by itself`() async throws {
        let server = try RedisServer()
        let gateway = try RedisGateway(server.settings())
        try await gateway.isReady()
        let session = try await gateway.begin()
        for key in ["t:s:\(session.id)", "t:u:alice"] {
            let left = Int(try server.command("PTTL", key).dropFirst().prefix { $0.isNumber }) ?? 0
            #expect((7 * 86_400_000...9 * 86_400_000).contains(left))
        }
    }
}
