import JOSE
import SessionStores
import Sessions
import Testing

@Suite("Who may use Redis, and what is said to the others", .serialized)
struct RedisAccessTests {
    @Test func `a password, a user and a database are used`() async throws {
        let server = try RedisServer(["requirepass top", "user sg on >secret ~sg:* &sg:* +@all -@dangerous"])
        let places: [(RedisSettings.Credentials, Int)] = [
            (.init(password: RedisPassword("top")), 0), (.init(user: "default", password: RedisPassword("top")), 3),
            (.init(user: "sg", password: RedisPassword("secret")), 0), (.init(user: "sg", password: RedisPassword("secret")), 7),
        ]
        for (credentials, database) in places {
            let gateway = try RedisGateway(server.settings(prefix: "sg:", credentials: credentials, database: database))
            try await gateway.isReady()
            let session = try await gateway.begin()
            #expect(try await gateway.refresh(session, 0).0 == .rotated)
            let keys = try server.command("INFO", "keyspace", password: "top")
            #expect(keys.contains("db\(database):"))
        }
    }

    @Test func `the smallest set of rights is enough`() async throws {
        let server = try RedisServer([
            "requirepass top",
            "user sg on >secret ~sg:* resetchannels &sg:revoked +get +set +del +mget +exists +incr +pttl +pexpire +time +zadd +zrem +zcard +zcount +zrange"
                + " +zrangebyscore +zrangebylex +eval +evalsha +script|load +publish +subscribe +ping +select",
        ])
        let settings = server.settings(prefix: "sg:", credentials: .init(user: "sg", password: RedisPassword("secret")))
        let (one, other) = (try RedisGateway(settings), try RedisGateway(settings))
        try await one.isReady()
        try await other.isReady()
        let session = try await one.begin()
        #expect(try await one.refresh(session, 0).0 == .rotated)
        _ = try await one.perform(.list(SessionQuery(subject: "alice"))).get()
        _ = try await one.perform(.list(SessionQuery())).get()
        _ = try await one.perform(.endAll(subject: "alice", except: nil, .logoutEverywhere)).get()
        _ = try await one.perform(.sweep).get()
        try await eventually { other.knows(.subject("alice", before: session.createdAt.advanced(bySeconds: -1))) }
    }

    @Test func `without the right to tell, the log tells`() async throws {
        let server = try RedisServer(["requirepass top", "user sg on >secret ~sg:* resetchannels +@all"])
        let settings = server.settings(prefix: "sg:", poll: 50, credentials: .init(user: "sg", password: RedisPassword("secret")))
        let (one, other) = (try RedisGateway(settings), try RedisGateway(settings))
        try await one.isReady()
        try await other.isReady()
        let session = try await one.begin()
        _ = try await one.perform(.end(session.id, .logout)).get()
        #expect(one.hasRevoked(session))
        try await eventually(within: 2) { other.hasRevoked(session) }
    }

    static let refused: [(RedisSettings.Credentials, Int, String)] = [
        (.init(password: RedisPassword("wrong")), 0, "the user name or the password is wrong"),
        (.init(user: "nobody", password: RedisPassword("top")), 0, "the user name or the password is wrong"),
        (.init(), 0, "it wants a password"),
        (.init(password: RedisPassword("top")), 99, "it has no database of that number"),
        (.init(user: "reader", password: RedisPassword("secret")), 0, "the user may not do what is needed"),
        (.init(user: "elsewhere", password: RedisPassword("secret")), 0, "the user may not do what is needed"),
        (.init(user: "unscripted", password: RedisPassword("secret")), 0, "the user may not do what is needed"),
        (.init(user: "half", password: RedisPassword("secret")), 0, "the user may not do what is needed"),
    ]

    @Test(arguments: refused)
    func `what keeps it away is said, and no secret with it`(
        _ credentials: RedisSettings.Credentials, _ database: Int, _ reason: String
    ) async throws {
        let server = try RedisServer([
            "requirepass top", "user reader on >secret ~* &* +@read +@connection", "user elsewhere on >secret ~other:* &* +@all",
            "user unscripted on >secret ~* &* +@all -@scripting", "user half on >secret ~* &* +@all -zrem",
        ])
        let gateway = try RedisGateway(server.settings(credentials: credentials, database: database))
        try await eventually { gateway.story.count == 1 }
        let said = await gateway.perform(.find(.random())).awayReason ?? ""
        #expect(said.contains(reason), "\(said)")
        #expect(!said.contains("secret") && !said.contains("top") && !said.contains("wrong\""))
        #expect(gateway.revocations.confirmedAt == nil)
    }

    @Test func `a right that comes later is noticed`() async throws {
        let server = try RedisServer(["requirepass top"])
        let gateway = try RedisGateway(server.settings(credentials: .init(password: RedisPassword("later"))))
        try await eventually { gateway.story.count == 1 }
        try server.command("CONFIG", "SET", "requirepass", "later", password: "top")
        try await eventually { gateway.story.last == .back }
        #expect(await gateway.isServing())
    }

    @Test func `a password shows nowhere`() {
        let settings = RedisSettings(
            .sentinels([], service: "s", .init(password: RedisPassword("hunter2"))), credentials: .init(user: "u", password: RedisPassword("hunter2")))
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), dumped] { #expect(!text.contains("hunter2")) }
    }

    @Test func `names are resolved, by a Unix socket nothing has to be`() async throws {
        let server = try RedisServer()
        for place in [.server(.init(host: "localhost", port: server.port)), .unix(server.socketPath)] as [RedisSettings.Place] {
            let gateway = try RedisGateway(RedisSettings(place))
            try await gateway.isReady()
            #expect(await gateway.isServing())
        }
        let gateway = try RedisGateway(RedisSettings(.unix(server.folder + "/nothing")))
        try await eventually { gateway.story.count == 1 }
    }
}
