import JOSE
import SessionStores
import Sessions
import Testing

@Suite("Sentinels name the master", .serialized)
struct RedisSentinelTests {
    /// A master with a replica, and three Sentinels that fail over within a second or two.
    private struct Group {
        let servers: [RedisServer]
        let sentinels: [RedisServer]

        init() async throws {
            let password = ["requirepass top", "masterauth top", "repl-diskless-sync yes", "repl-diskless-sync-delay 0"]
            let master = try RedisServer(password)
            let replica = try RedisServer(password + ["replicaof 127.0.0.1 \(master.port)"])
            servers = [master, replica]
            sentinels = try (0..<3).map { _ in
                try RedisServer(
                    [
                        "sentinel monitor main 127.0.0.1 \(master.port) 2", "sentinel auth-pass main top",
                        "sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 3000", "requirepass watch",
                        "sentinel sentinel-pass watch",
                    ], sentinel: true)
            }
            let (first, all) = (sentinels[0], sentinels)
            try await eventually(within: 30) {
                try replica.command("INFO", "replication", password: "top").contains("master_link_status:up")
                    && (try first.command("SENTINEL", "CKQUORUM", "main", password: "watch").hasPrefix("+OK 3"))
                    && (try all.allSatisfy { try $0.command("SENTINEL", "REPLICAS", "main", password: "watch").contains("\(replica.port)") })
            }
        }

        func settings(service: String = "main", sentinels: [RedisSettings.Endpoint]? = nil) -> RedisSettings {
            RedisSettings(
                .sentinels(
                    sentinels ?? self.sentinels.map(\.endpoint), service: service, .init(password: RedisPassword("watch"))),
                credentials: .init(password: RedisPassword("top")), prefix: "t:", timeout: 500, poll: 50)
        }
    }

    @Test func `the master is killed, another takes over, and nothing is lost`() async throws {
        let group = try await Group()
        let clock = TestClock()
        let gateways = [try RedisGateway(group.settings(), clock: clock), try RedisGateway(group.settings(), clock: clock)]
        for gateway in gateways { try await gateway.isReady() }
        var counters: [(Session, UInt32)] = []
        var ended: [Session] = []
        for index in 0..<20 {
            counters.append((try await gateways[index % 2].begin("user \(index)"), 0))
            ended.append(try await gateways[index % 2].begin("leaver \(index)"))
        }
        // The replica is cut off for the last of the changes: they are on the master alone, which dies with them.
        group.servers[1].pause()
        try group.servers[0].command("CLIENT", "KILL", "TYPE", "replica", password: "top")
        for index in counters.indices { counters[index].1 = try await gateways[index % 2].refresh(counters[index].0, 0).1.counter }
        for (index, session) in ended.enumerated() { _ = try await gateways[index % 2].perform(.end(session.id, .logout)).get() }
        let newcomer = try await gateways[0].begin("newcomer")
        group.servers[0].kill()
        group.servers[1].resume()
        let milliseconds = try await eventually(within: 60) {
            guard await gateways[0].isServing() else { return false }
            return await gateways[1].isServing()
        }
        print("after a failover, served again after \(milliseconds) ms")
        for (index, (session, counter)) in counters.enumerated() {
            let (refreshment, after) = try await gateways[(index + 1) % 2].refresh(session, counter)
            #expect(refreshment == .rotated)
            #expect(after.counter == counter + 1)
        }
        for session in ended {
            #expect(try await gateways[0].refresh(session, 0).0 == .ended)
            #expect(gateways[0].hasRevoked(session))
        }
        #expect(try await gateways[1].refresh(newcomer, 0).0 == .rotated)
        // And the old one comes back as a replica.
        try group.servers[0].start()
        try await eventually(within: 30) { try group.servers[0].command("ROLE", password: "top").contains("slave") }
        #expect(try await gateways[0].refresh(newcomer, 1).0 == .rotated)
        for gateway in gateways { #expect(gateway.story.last == .back || gateway.story.isEmpty) }
    }

    @Test func `a master that is only moved is followed`() async throws {
        let group = try await Group()
        let gateway = try RedisGateway(group.settings())
        try await gateway.isReady()
        let session = try await gateway.begin()
        try await Task.sleep(for: .milliseconds(300))
        try group.sentinels[0].command("SENTINEL", "FAILOVER", "main", password: "watch")
        let replica = group.servers[1]
        try await eventually(within: 30) { try replica.command("ROLE", password: "top").contains("master") }
        try await eventually(within: 30) {
            guard case .success(.refreshed) = await gateway.attempt(session, 0) else { return false }
            return try replica.command("GET", "t:s:\(session.id)", password: "top").contains("\"counter\":1")
        }
    }

    @Test func `one Sentinel that answers is enough, and what they do not know is said`() async throws {
        let group = try await Group()
        let nobody = RedisSettings.Endpoint(host: "127.0.0.1", port: try RedisServer.freePort())
        let mute = try FakeServer { client in _ = client }
        let places = [nobody, .init(host: "127.0.0.1", port: mute.port), group.sentinels[2].endpoint]
        let gateway = try RedisGateway(group.settings(sentinels: places))
        try await gateway.isReady()
        #expect(await gateway.isServing())

        let lost = try RedisGateway(group.settings(service: "other"))
        try await eventually { lost.story.count == 1 }
        #expect(await lost.perform(.find(.random())).awayReason?.contains("it does not know the service other") == true)

        var settings = group.settings()
        settings.place = .sentinels(group.sentinels.map(\.endpoint), service: "main", .init(password: RedisPassword("wrong")))
        let stranger = try RedisGateway(settings)
        try await eventually { stranger.story.count == 1 }
        #expect(await stranger.perform(.find(.random())).awayReason?.contains("password is wrong") == true)
    }
}
