import Foundation
import Glibc
import Testing

/// Goal: the store is there when the gateway serves, and stays through reloads and hand-overs. Method: the real program with
/// stores that are right, wrong and away.
@Suite("The life of the store")
struct StoreLifeTests {
    private func readiness(_ gateway: Gateway) throws -> Int { try gateway.api("GET", "/readyz").status }

    // MARK: Start

    @Test func `a Redis that is away at start keeps nobody from serving: closed routes refuse, open ones pass`() throws {
        let gateway = try Gateway.keepingSessions(
            "store: \"redis://127.0.0.1:1\"", "routes: [ { path: / }, { path: /open, store_away: open }, { path: /free, auth: none } ]")
        try gateway.process.waitForLine(containing: "store_away: Redis at 127.0.0.1:1: ")
        #expect(try readiness(gateway) == 503)
        #expect(try gateway.api("GET", "/livez").status == 200)
        let refused = try gateway.get("/", "Authorization: Bearer \(Token.fresh)")
        #expect(refused.status == 503 && refused.text.contains("revocation_unknown"))
        #expect(refused["Retry-After"] != nil)
        #expect(try gateway.status(with: Token.fresh, at: "/open") == 200)
        #expect(try gateway.get("/free").status == 200)
        #expect(try gateway.get("/").status == 401)
        #expect(try gateway.refresh("sgr_" + String(repeating: "A", count: 50)).status == 400)
        #expect(try gateway.metric("slidegate_store_up", secret: Gateway.adminSecret) == 0)
        #expect(try gateway.metric("slidegate_revocation_confirmation_age_seconds", secret: Gateway.adminSecret) == nil)
    }

    @Test(arguments: [
        ("sqlite:$FOLDER/none/sessions.db", "$FOLDER/none"), ("sqlite:$FOLDER/refresh.secret", "refresh.secret"), ("sqlite:$FOLDER/.", "$FOLDER"),
    ])
    func `a store that cannot be opened by a mistake is an error at start that names it`(_ store: String, _ name: String) throws {
        let folder = try Folder()
        for (name, text) in Gateway.sessionFiles { try folder.write(Array(text.utf8), to: name) }
        try folder.write(Token.secret, to: "jwt.secret")
        let file = """
            listen: 127.0.0.1:0
            upstream: 127.0.0.1:9
            key: { algorithm: HS256, secret_file: jwt.secret }
            sessions:
              store: "\(store)"

            """
        try folder.write(Array(file.replacingOccurrences(of: "$FOLDER", with: folder.path).utf8), to: "slidegate.yaml")
        let process = try ChildProcess([try Gateway.binary(), "serve", folder.path("slidegate.yaml")])
        #expect(try process.waitForExit() == .exited(78))
        try process.waitUntilRead()
        let said = process.text(of: .error)
        #expect(said.contains("slidegate.yaml:5:10: sessions.store: the store cannot be opened: "), "\(said)")
        #expect(said.contains(name.replacingOccurrences(of: "$FOLDER", with: folder.path)), "\(said)")
    }

    @Test(arguments: [
        ("refresh.secret", "thirty-one-bytes-are-one-short.", "the secret is too short; expected at least 32 bytes"),
        ("refresh.secret", nil, "cannot read"),
    ])
    func `a secret that is too short or not there is an error at start, and never repeated`(
        _ name: String, _ content: String?, _ message: String
    ) throws {
        let folder = try Folder()
        if let content { try folder.write(Array(content.utf8), to: name) }
        try folder.write(Token.secret, to: "jwt.secret")
        let file = """
            listen: 127.0.0.1:0
            upstream: 127.0.0.1:9
            key: { algorithm: HS256, secret_file: jwt.secret }
            sessions: { store: memory, secret_file: refresh.secret, endpoints: { refresh: /r } }

            """
        try folder.write(Array(file.utf8), to: "slidegate.yaml")
        let process = try ChildProcess([try Gateway.binary(), "serve", folder.path("slidegate.yaml")])
        #expect(try process.waitForExit() == .exited(78))
        try process.waitUntilRead()
        let said = process.text(of: .error)
        #expect(said.contains("slidegate.yaml:4:41: sessions.secret_file: ") && said.contains(message), "\(said)")
        #expect(!said.contains("thirty-one"))
    }

    // MARK: Reload

    @Test func `a memory store keeps its sessions through reloads that leave it alone`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let begun = try gateway.beginSession(of: "ann")
        let ended = try gateway.beginSession(of: "bob")
        #expect(try gateway.api("DELETE", "/sessions/\(ended.id)").status == 204)
        try gateway.rewrite(Gateway.withSessions("store: memory, access: { lifetime: 5m }, revocation: { away_after: 9s }"))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(try gateway.status(with: begun.access) == 200)
        #expect(try gateway.status(with: ended.access) == 401)
        let refreshed = try gateway.refresh(begun.refresh)
        #expect(refreshed.status == 200 && refreshed.text.contains("\"expires_in\":300"))
        #expect(try gateway.api("GET", "/sessions/\(begun.id)").status == 200)
    }

    @Test func `another store at a reload takes over, and a wrong one changes nothing`() throws {
        let gateway = try Gateway.keepingSessions("store: \"sqlite:$FOLDER/a.db\"")
        let begun = try gateway.beginSession(of: "ann")
        let ended = try gateway.beginSession(of: "eve")
        #expect(try gateway.api("DELETE", "/sessions/\(ended.id)").status == 204)
        try gateway.rewrite(Gateway.withSessions("store: \"sqlite:$FOLDER/none/b.db\""))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "reload refused")
        #expect(gateway.logs.contains("sessions.store: the store cannot be opened: "))
        #expect(try gateway.api("GET", "/sessions/\(begun.id)").status == 200)

        try gateway.rewrite(Gateway.withSessions("store: \"sqlite:$FOLDER/b.db\""))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(try gateway.api("GET", "/sessions/\(begun.id)").status == 404)
        #expect(try gateway.refresh(begun.refresh).status == 400)
        #expect(try gateway.status(with: begun.access) == 200)
        #expect(try gateway.status(with: ended.access) == 401, "what was refused stays so")
        let other = try gateway.beginSession(of: "ann")

        try gateway.rewrite(Gateway.withSessions("store: \"sqlite:$FOLDER/a.db\""))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded", skipping: 1)
        #expect(try gateway.api("GET", "/sessions/\(begun.id)").status == 200)
        #expect(try gateway.api("GET", "/sessions/\(other.id)").status == 404)
        #expect(try gateway.refresh(begun.refresh).status == 200)
    }

    @Test func `sessions come and go with a reload`() throws {
        let gateway = try Gateway(
            "admin: { address: \"127.0.0.1:0\", secret_file: $FOLDER/admin.secret }", upstream: Origin.ok(), files: Gateway.sessionFiles)
        #expect(try gateway.api("GET", "/sessions").status == 404)
        #expect(try gateway.refresh("x").status == 401)
        try gateway.rewrite(Gateway.withSessions("store: memory"))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        let begun = try gateway.beginSession(of: "ann")
        #expect(try gateway.api("DELETE", "/sessions/\(begun.id)").status == 204)
        #expect(try gateway.status(with: begun.access) == 401)
        try gateway.rewrite("admin: { address: \"127.0.0.1:0\", secret_file: $FOLDER/admin.secret }")
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded", skipping: 1)
        #expect(try gateway.api("GET", "/sessions").status == 404)
        #expect(try gateway.refresh(begun.refresh).status == 401)
    }

    @Test func `the secret is changed without anyone losing a session`() throws {
        let gateway = try Gateway.keepingSessions("store: memory")
        let (ann, bob) = (try gateway.beginSession(of: "ann"), try gateway.beginSession(of: "bob"))
        try gateway.write("another refresh secret that no deployment may ever use\n", to: "next.secret")
        func settings(_ secrets: String) -> String {
            Gateway.withSessions("store: memory").replacingOccurrences(of: "secret_file: $FOLDER/refresh.secret", with: secrets)
        }
        try gateway.rewrite(settings("secret_file: $FOLDER/next.secret, previous_secret_file: $FOLDER/refresh.secret"))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded")
        let refreshed = try gateway.refresh(ann.refresh)
        #expect(refreshed.status == 200)
        try gateway.rewrite(settings("secret_file: $FOLDER/next.secret"))
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "configuration reloaded", skipping: 1)
        #expect(try gateway.refresh(bob.refresh).status == 400)
        let object = try JSONSerialization.jsonObject(with: Data(refreshed.body)) as? [String: Any]
        #expect(try gateway.refresh(try #require(object?["refresh_token"] as? String)).status == 200)
    }

    // MARK: Hand-over and end

    @Test func `a hand-over keeps the sessions in a file, and what is revoked`() throws {
        let settings = "store: \"sqlite:$FOLDER/sessions.db\""
        let gateway = try Gateway.keepingSessions(settings)
        var begun = try (0..<3).map { try gateway.beginSession(of: "user-\($0)") }
        #expect(try gateway.api("DELETE", "/sessions/\(begun[2].id)").status == 204)
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        #expect(heir.isRunning)
        #expect(try gateway.refresh(begun[0].refresh).status == 200)
        #expect(try gateway.status(with: begun[1].access) == 200)
        #expect(try gateway.status(with: begun[2].access) == 401)
        #expect(try gateway.refresh(begun[2].refresh).status == 400)
        #expect(try readiness(gateway) == 200)
        begun.append(try gateway.beginSession(of: "user-3"))
        #expect(try gateway.refresh(begun[3].refresh).status == 200)
        heir.signal(SIGTERM)
        try heir.waitForExit()
    }

    @Test func `a restart keeps the sessions in a file, which only its owner can read`() throws {
        let folder = try Folder()
        let settings = "store: \"sqlite:\(folder.path)/sessions.db\""
        let first = try Gateway.keepingSessions(settings)
        let (kept, ended) = (try first.beginSession(of: "ann"), try first.beginSession(of: "bob"))
        #expect(try first.api("DELETE", "/sessions/\(ended.id)").status == 204)
        let mode = try FileManager.default.attributesOfItem(atPath: folder.path("sessions.db"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
        first.process.signal(SIGTERM)
        #expect(try first.process.waitForExit() == .exited(0))
        let second = try Gateway.keepingSessions(settings)
        #expect(try second.status(with: kept.access) == 200)
        #expect(try second.status(with: ended.access) == 401)
        #expect(try second.refresh(kept.refresh).status == 200)
        #expect(try second.refresh(ended.refresh).status == 400)
    }

    @Test func `what has expired is swept`() throws {
        let gateway = try Gateway.keepingSessions(
            "store: memory, sweep: 1s, access: { lifetime: 1s }, refresh: { lifetime: 2s, policy: fixed, grace: 0s }, revocation: { keep: 1s }",
            "sliding: { buffer: 1s, lifetime: 2s, session_cap: 2s }")
        let begun = try gateway.beginSession(of: "ann")
        #expect(try gateway.api("GET", "/sessions/\(begun.id)").status == 200)
        try eventually { try gateway.api("GET", "/sessions/\(begun.id)").status == 404 }
    }
}
