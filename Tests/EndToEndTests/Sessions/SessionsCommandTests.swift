import Foundation
import Testing

/// Goal: an operator sees and ends the sessions of a gateway that runs. Method: logins through the gateway, `slidegate sessions`
/// beside it on the same file, requests with the tokens again.
@Suite("slidegate sessions beside a running gateway")
struct SessionsCommandTests {
    private static func origin() throws -> Origin {
        try Origin.answering { request in
            guard request.method == "POST" else { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }
            return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Session-Claims: {\"sub\":\"alice\"}\r\nContent-Length: 2\r\n\r\n{}"
        }
    }

    private static func gateway() throws -> Gateway {
        try Gateway(
            """
            routes: [ { path: / } ]
            sessions:
              store: sqlite:$FOLDER/sessions.db
              secret_file: $FOLDER/refresh.secret
              revocation: { poll: 50ms }
              endpoints:
                login: { path: /login, preset: simplejwt }
                refresh: { path: /refresh, preset: simplejwt }
            """,
            upstream: origin(), files: ["refresh.secret": "another secret that no deployment may ever use"])
    }

    private struct Tokens {
        var access: String
        var refresh: String
    }

    private func logIn(_ gateway: Gateway, userAgent: String) throws -> Tokens {
        let answer = try gateway.exchange("POST /login HTTP/1.1\r\nHost: a\r\nUser-Agent: \(userAgent)\r\nContent-Length: 0\r\n\r\n")
        #expect(answer.status == 200)
        return try tokens(answer)
    }

    private func tokens(_ answer: Message) throws -> Tokens {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any], "\(answer.text)")
        return Tokens(access: try #require(object["access"] as? String), refresh: try #require(object["refresh"] as? String))
    }

    private func refresh(_ gateway: Gateway, _ tokens: Tokens) throws -> Message {
        let content = "{\"refresh\":\"\(tokens.refresh)\"}"
        return try gateway.exchange(
            "POST /refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)")
    }

    private func get(_ gateway: Gateway, _ tokens: Tokens) throws -> Message {
        try gateway.get("/", "Authorization: Bearer \(tokens.access)")
    }

    /// Runs `slidegate sessions COMMAND CONFIG …`; it has to succeed.
    private func sessions(_ gateway: Gateway, _ command: String, _ arguments: String...) throws -> String {
        let process = try ChildProcess([Gateway.binary(), "sessions", command, gateway.path("slidegate.yaml")] + arguments)
        let ending = try process.waitForExit()
        try process.waitUntilRead()
        #expect(ending == .exited(0), "\(process.text(of: .error))")
        return process.text(of: .output)
    }

    private func list(_ gateway: Gateway, _ arguments: String...) throws -> [[String: Any]] {
        let process = try ChildProcess([Gateway.binary(), "sessions", "list", gateway.path("slidegate.yaml"), "--json"] + arguments)
        #expect(try process.waitForExit() == .exited(0))
        try process.waitUntilRead()
        let object = try JSONSerialization.jsonObject(with: Data(process.text(of: .output).utf8)) as? [String: Any]
        return try #require(object?["sessions"] as? [[String: Any]])
    }

    @Test func `lists what logins and refreshes have made of them`() throws {
        let gateway = try Self.gateway()
        let tokens = try logIn(gateway, userAgent: "Firefox/1")
        _ = try logIn(gateway, userAgent: "Chrome/2")
        #expect(try refresh(gateway, tokens).status == 200)
        let all = try list(gateway)
        #expect(all.count == 2)
        let session = try #require(all.first { ($0["device"] as? [String: Any])?["name"] as? String == "Firefox/1" })
        #expect(session["subject"] as? String == "alice")
        #expect(session["address"] as? String == "127.0.0.1")
        #expect(session["alive"] as? Bool == true)
        #expect(session["rotations"] as? Int == 1)
        #expect(session["id"] as? String == Token(verifying: tokens.access)?.string("sid"))
    }

    @Test func `ends one: its tokens are refused within the poll, the others go on`() throws {
        let gateway = try Self.gateway()
        let (tokens, other) = (try logIn(gateway, userAgent: "one"), try logIn(gateway, userAgent: "other"))
        #expect(try get(gateway, tokens).status == 200)
        let id = try #require(Token(verifying: tokens.access)?.string("sid"))
        #expect(try sessions(gateway, "revoke", id).hasPrefix("Session \(id) has ended; "))
        try eventually { try get(gateway, tokens).status == 401 }
        expectProblem(try get(gateway, tokens), status: 401, code: "token_revoked")
        #expect(try refresh(gateway, tokens).status == 401)
        #expect(try get(gateway, other).status == 200)
        #expect(try refresh(gateway, other).status == 200)
        #expect(try sessions(gateway, "show", id).contains("revoked"))
        #expect(try list(gateway).count == 1)
        #expect(try list(gateway, "--ended").count == 2)
    }

    @Test func `ends all of a user`() throws {
        let gateway = try Self.gateway()
        let pairs = [try logIn(gateway, userAgent: "one"), try logIn(gateway, userAgent: "other")]
        #expect(try sessions(gateway, "revoke", "--subject", "alice").hasPrefix("Ended 2 sessions of alice; "))
        for tokens in pairs {
            try eventually { try get(gateway, tokens).status == 401 }
            #expect(try refresh(gateway, tokens).status == 401)
        }
        #expect(try list(gateway).isEmpty)
        // What is remembered of them stays, for as long as their access tokens could be valid.
        #expect(try sessions(gateway, "sweep") == "Removed no sessions and no revocations.\n")
        #expect(try list(gateway, "--ended").count == 2)
    }
}
