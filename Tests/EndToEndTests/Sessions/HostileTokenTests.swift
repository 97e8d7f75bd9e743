import Foundation
import Testing

/// Goal: no token gets where it does not belong (semantics §3.7): refused, told in the log by fingerprint, and nothing written.
/// Method: every wrong token at every door of a gateway on SQLite, and its database before and after.
@Suite("Tokens where they do not belong")
struct HostileTokenTests {
    private static let store = "sqlite:$FOLDER/sessions.db"

    /// Everything that is in the database, as text.
    private func contents(_ sessions: SessionGateway) throws -> String {
        let script = """
            import sqlite3, sys
            for line in sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).iterdump(): print(line)
            """
        let process = try ChildProcess(["/usr/bin/python3", "-c", script, sessions.gateway.path("sessions.db")])
        #expect(try process.waitForExit() == .exited(0))
        try process.waitUntilRead()
        return process.text(of: .output)
    }

    /// The token with one byte of what it says changed: 0: version, 1…16: session, 17…20: counter, 21…: MAC.
    private func altered(_ token: String, at index: Int) throws -> String {
        var bytes = try #require(decodeBase64url(String(token.dropFirst(4))))
        bytes[index] ^= 1
        return "sgr_" + base64url(bytes)
    }

    @Test(arguments: FrontEnd.dual)
    func `at the refresh endpoint`(_ preset: FrontEnd) throws {
        let sessions = try SessionGateway(preset, store: Self.store)
        let elsewhere = try SessionGateway(preset, secret: "the secret of some other installation of it")
        let pair = try sessions.logIn()
        let foreign = try elsewhere.logIn()
        let before = try contents(sessions)
        #expect(before.contains("CREATE TABLE"))
        var wrong = [pair.access, foreign.refresh, foreign.access, pair.refresh + "A", String(pair.refresh.dropLast()), "sgr_"]
        for index in [0, 1, 16, 17, 20, 21, 36] { wrong.append(try altered(pair.refresh, at: index)) }
        for token in wrong {
            let answer = try sessions.refresh(TokenPair(access: "", refresh: token))
            #expect(answer.status == preset.invalid, "\(answer.text)")
            #expect(preset.access(answer) == nil && preset.refresh(answer) == nil)
        }
        #expect(try contents(sessions) == before)
        let lines = sessions.gateway.logs.split(separator: "\n").filter { $0.contains(" refresh_refused reason=") }
        #expect(lines.count == wrong.count)
        #expect(lines.allSatisfy { $0.contains(" token=") }, "\(lines)")
        for token in wrong + [pair.refresh] where token.utf8.count > 8 { #expect(!sessions.gateway.logs.contains(token)) }
        #expect(try sessions.refresh(pair).status == 200)
    }

    @Test func `a refresh token at the API, in each place where a token may be`() throws {
        let origin = try SessionGateway.origin()
        let sessions = try SessionGateway(
            store: Self.store,
            root: "routes: [ { path: / } ]\ntokens: { from: [ authorization, { cookie: session }, { header: X-Token } ] }", origin: origin)
        let pair = try sessions.logIn()
        let before = try contents(sessions)
        let count = origin.requests.count
        for field in ["Authorization: Bearer \(pair.refresh)", "Cookie: session=\(pair.refresh)", "X-Token: \(pair.refresh)"] {
            let answer = try sessions.gateway.get("/", field)
            #expect(answer.status == 401, "\(answer.text)")
        }
        #expect(origin.requests.count == count)
        #expect(try contents(sessions) == before)
        #expect(!sessions.gateway.logs.contains(pair.refresh))
        #expect(try sessions.refresh(pair).status == 200)
    }

    @Test func `too many that are not genuine are answered 429, and the client's genuine ones go on after a while`() throws {
        let sessions = try SessionGateway(root: "routes: [ { path: / } ]\nlimits: { failed_verifications: 3/m }")
        let pair = try sessions.logIn()
        for index in 21..<24 {
            let forged = try altered(pair.refresh, at: index)
            #expect(try sessions.refresh(TokenPair(access: "", refresh: forged)).status == 400)
        }
        let forged = try altered(pair.refresh, at: 25)
        let answer = try sessions.refresh(TokenPair(access: "", refresh: forged))
        #expect(answer.status == 429, "\(answer.text)")
        #expect((1...20).contains(Int(answer["Retry-After"] ?? "") ?? 0))
        let elsewhere = try sessions.gateway.connect(from: "127.0.0.3")
        #expect(try elsewhere.exchange(sessions.refreshRequest(pair)).status == 200)
    }
}
