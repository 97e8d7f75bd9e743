import Foundation
import Synchronization
import Testing

/// Goal: several gateways share their sessions in one Redis as if they were one gateway, and live through its absence.
/// Method: three programs in front of one origin; a login at any of them, refreshes at all of them at once, and a Redis that is killed,
/// paused or cut off.
@Suite("Sessions of several gateways on one Redis", .serialized)
struct SharedSessionTests {
    @Test func `200 refreshes at once have one successor, and an older token ends the session on every gateway`() throws {
        let redis = try RedisServer()
        let group = try Group(of: 3, on: redis.port)
        for round in 0..<3 {
            var pairs = [try group.logIn(at: round % 3)]
            for _ in 0..<2 {
                let answers = try group.refreshAtOnce(200, pairs.last!.refresh)
                #expect(answers.map(\.status).filter { $0 == 200 }.count == 200)
                let successors = try Set(answers.map { try Pair($0) })
                // One pair, to the byte: whoever has lost his answer gets the same.
                #expect(successors.count == 1)
                pairs.append(try #require(successors.first))
            }
            for gateway in group.gateways { #expect(try gateway.get("/closed", "Authorization: Bearer \(pairs[2].access)").status == 200) }

            let refusal = try group.refresh(at: round % 3, pairs[0].refresh)
            #expect(refusal.status == 400)
            #expect(refusal.text.contains("invalid_grant"))
            let begin = ContinuousClock.now
            for gateway in group.gateways {
                try eventually { try gateway.get("/closed", "Authorization: Bearer \(pairs[2].access)").status == 401 }
            }
            let milliseconds = (ContinuousClock.now - begin) / .milliseconds(1)
            print("an access token of the ended session was refused everywhere after at most \(Int(milliseconds)) ms")
            #expect(milliseconds < 1000)
            for index in 0..<3 {
                let answer = try group.refresh(at: index, pairs[2].refresh)
                #expect(answer.status == 400)
                #expect(try group.gateways[index].get("/closed", "Authorization: Bearer \(pairs[1].access)").text.contains("token_revoked"))
            }
        }
    }

    @Test func `a login at one gateway is a session at the others`() throws {
        let redis = try RedisServer()
        let group = try Group(of: 3, on: redis.port)
        var pair = try group.logIn(at: 0)
        for index in [1, 2, 0, 2] { pair = try Pair(try group.refresh(at: index, pair.refresh)) }
        try group.logOut(at: 1, pair)
        for gateway in group.gateways {
            try eventually { try gateway.get("/closed", "Authorization: Bearer \(pair.access)").status == 401 }
        }
        #expect(try group.refresh(at: 2, pair.refresh).status == 400)
    }

    enum Fault: CaseIterable { case killed, paused, cutOff }

    @Test(arguments: Fault.allCases)
    func `Redis away: tokens go on by policy, refreshes come back later, and nothing is lost`(_ fault: Fault) throws {
        let redis = try RedisServer()
        let network = try Network(to: redis.port)
        let group = try Group(of: 2, on: network.port)
        let gateways = group.gateways
        var pairs = try (0..<8).map { try group.logIn(at: $0 % 2) }
        pairs = try pairs.enumerated().map { try Pair(try group.refresh(at: $0 % 2, $1.refresh)) }
        let leaver = try group.logIn(at: 0)
        try group.logOut(at: 0, leaver)
        for gateway in gateways { try eventually { try gateway.get("/open", "Authorization: Bearer \(leaver.access)").status == 401 } }

        switch fault {
        case .killed: try redis.kill()
        case .paused: redis.pause()
        case .cutOff: network.cut()
        }
        // Every client tries, and tries again with the same token once it is back.
        for (index, pair) in pairs.enumerated() {
            let answer = try group.refresh(at: index % 2, pair.refresh)
            #expect(answer.status == 503)
            #expect(answer.has("Retry-After"))
            #expect(answer.text.contains("temporarily_unavailable"))
        }
        for (index, gateway) in gateways.enumerated() {
            let token = "Authorization: Bearer \(pairs[index].access)"
            // Where revocations must be known, valid tokens are refused after `away_after`, and not before.
            try eventually {
                let answer = try gateway.get("/closed", token)
                if answer.status == 200 { return false }
                #expect(answer.status == 503)
                #expect(answer.has("Retry-After"))
                #expect(answer.text.contains("revocation_unknown"))
                return true
            }
            #expect(try gateway.get("/open", token).status == 200)
            #expect(try gateway.get("/open", "Authorization: Bearer \(leaver.access)").status == 401, "what is known stays known")
            #expect(gateway.logs.contains("store_away"))
        }
        switch fault {
        case .killed: try redis.start()
        case .paused: redis.resume()
        case .cutOff: network.mend()
        }
        for gateway in gateways {
            try eventually { try gateway.get("/closed", "Authorization: Bearer \(pairs[0].access)").status == 200 }
            try eventually { gateway.logs.contains("store_back") }
        }
        for (index, pair) in pairs.enumerated() {
            // By the other gateway than before, with the token of before.
            let next = try Pair(try group.refresh(at: (index + 1) % 2, pair.refresh))
            #expect(try gateways[index % 2].get("/closed", "Authorization: Bearer \(next.access)").status == 200)
            #expect(try group.refresh(at: index % 2, next.refresh).status == 200)
        }
        #expect(try group.refresh(at: 1, leaver.refresh).status == 400)
        for gateway in gateways { #expect(gateway.process.isRunning) }
    }
}

/// Gateways in front of one origin, on one Redis.
private struct Group {
    let gateways: [Gateway]

    init(of count: Int, on port: UInt16) throws {
        let origin = try Origin.answering { request in
            let claims = request.target == "/login" ? "X-Session-Claims: {\"sub\":\"alice\",\"role\":\"admin\"}\r\n" : ""
            return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\(claims)Content-Length: 2\r\n\r\n{}"
        }
        let settings = """
            workers: 2
            sessions:
              store: { redis: { address: "127.0.0.1:\(port)", timeout: 500ms } }
              secret_file: $FOLDER/refresh.secret
              revocation: { poll: 250ms, away_after: 2s }
              endpoints:
                login: { path: /login, preset: oauth2 }
                refresh: { path: /oauth/token, preset: oauth2 }
                logout: { path: /logout }
            routes:
              - { path: /login, auth: none }
              - { path: /open, store_away: open }
              - { path: /closed }
            """
        gateways = try (0..<count).map { _ in
            try Gateway(settings, upstream: origin, files: ["refresh.secret": "one secret for all gateways of an installation"])
        }
        for gateway in gateways { try eventually { try gateway.get("/closed", "Authorization: Bearer \(Token.fresh)").status == 200 } }
    }

    func logIn(at index: Int) throws -> Pair {
        try Pair(try gateways[index].exchange("POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"))
    }

    func logOut(at index: Int, _ pair: Pair) throws {
        let answer = try gateways[index].exchange(
            "POST /logout HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(pair.access)\r\nContent-Length: 0\r\n\r\n")
        #expect((200..<300).contains(answer.status), "\(answer.text)")
    }

    func refresh(at index: Int, _ token: String) throws -> Message { try gateways[index].exchange(Self.request(token)) }

    /// From as many connections, spread over all gateways, that send together.
    func refreshAtOnce(_ count: Int, _ token: String) throws -> [Message] {
        let clients = try (0..<count).map { try gateways[$0 % gateways.count].connect(keepsLog: false) }
        defer { for client in clients { client.close() } }
        let gate = Gate()
        let finished = Gate(8)
        let answers = Mutex<[Message]>([])
        for first in 0..<8 {
            startThread {
                defer { finished.open() }
                let own = stride(from: first, to: count, by: 8).map { clients[$0] }
                guard (try? gate.wait()) != nil else { return }
                for client in own { try? client.send(Self.request(token)) }
                for client in own {
                    if let answer = try? client.receive(to: "POST") { answers.withLock { $0.append(answer) } }
                }
            }
        }
        gate.open()
        try finished.wait()
        return answers.withLock { $0 }
    }

    private static func request(_ token: String) -> String {
        let body = "grant_type=refresh_token&refresh_token=\(token)"
        return "POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}

/// What a login or a refresh answers.
private struct Pair: Hashable {
    let access: String
    let refresh: String

    init(_ answer: Message) throws {
        struct Members: Decodable { let access_token, refresh_token: String }
        guard answer.status == 200, let members = try? JSONDecoder().decode(Members.self, from: Data(answer.body)) else {
            throw WireError.malformed("no pair of tokens: \(answer.status) \(answer.text)")
        }
        access = members.access_token
        refresh = members.refresh_token
    }
}
