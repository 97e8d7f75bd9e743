import Foundation
import Testing

/// Goal: what the demo offers is what it says, to its page and to who follows its walk-through.
/// Method: `slidegate demo` on a free port; its commands are run as they are printed.
@Suite("slidegate demo", .timeLimit(.minutes(2)))
struct DemoBackendTests {
    @Test func `the walk-through is true, command by command`() throws {
        let demo = try Demo()
        let commands = demo.text.split(separator: "\n").filter { $0.hasPrefix("     ") }.map { $0.trimmingCharacters(in: .whitespaces) }
        let curls = commands.filter { $0.contains("curl") && !$0.hasPrefix("NEXT") }
        try #require(curls.count == 4, "\(commands)")
        #expect(try demo.run(curls[0]).hasPrefix("HTTP/1.1 401"))
        // The same shell, since the commands hand on a variable.
        let answers = try demo.run(curls[1...].joined(separator: "\n")).components(separatedBy: "HTTP/1.1 ").dropFirst()
        try #require(answers.count == 2)
        let (early, late) = (answers[1], answers[2])
        #expect(early.hasPrefix("200") && early.contains("Hello, alice") && !early.contains("X-Refresh-Token:"))
        #expect(late.hasPrefix("200") && late.contains("X-Refresh-Token: ey") && late.contains("X-Session-Expires-In: 17"))
    }

    @Test func `the configuration that it shows is one, without a warning but of the store`() throws {
        let demo = try Demo()
        let lines = demo.text.split(separator: "\n", omittingEmptySubsequences: false).filter { $0.hasPrefix("    ") && !$0.hasPrefix("     ") || $0.hasPrefix("      ") }
        let yaml = lines.prefix { !$0.contains("curl") }.map { $0.dropFirst(4) }.joined(separator: "\n")
        let folder = try Folder()
        try folder.write(Array(yaml.utf8), to: "demo.yaml")
        let secret = String(repeating: "s", count: 48)
        let check = try ChildProcess(
            [try Gateway.binary(), "check", folder.path("demo.yaml")],
            environment: ["SLIDEGATE_DEMO_SECRET": secret, "SLIDEGATE_DEMO_REFRESH_SECRET": secret + "2"])
        #expect(try check.waitForExit() == .exited(0))
        try check.waitUntilRead()
        let complaints = check.text(of: .error).split(separator: "\n")
        #expect(complaints.count == 1 && complaints[0].contains("memory is forgotten with the process"), "\(complaints)")
        #expect(check.text(of: .output).contains("Idle time a user can count on: 6s"))
    }

    @Test(arguments: [
        ("/", "text/html; charset=utf-8"), ("/demo.css", "text/css; charset=utf-8"), ("/demo.js", "text/javascript; charset=utf-8"),
        ("/timeline.js", "text/javascript; charset=utf-8"), ("/icon.svg", "image/svg+xml"), ("/demo.json", "application/json"),
    ])
    func `the page is there for everybody, and takes nothing from elsewhere`(_ path: String, _ type: String) throws {
        let answer = try Demo().get(path)
        #expect(answer.status == 200 && answer["Content-Type"] == type && !answer.body.isEmpty)
        #expect(answer["Content-Security-Policy"]?.hasPrefix("default-src 'self';") == true)
        #expect(answer["Content-Security-Policy"]?.contains("unsafe") == false)
        #expect(answer["X-Content-Type-Options"] == "nosniff")
    }

    @Test func `the page is told the times that hold`() throws {
        let demo = try Demo()
        let times = try JSON(demo.get("/demo.json").body)
        let login = try JSON(demo.logIn("").body)
        #expect(login["expires_in"] == times["lifetime"])
        #expect(demo.text.contains("buffer: \(Int(times["buffer"]?.number ?? 0))s, session_cap: \(Int(times["cap"]?.number ?? 0))s"))
    }

    @Test func `a session begins with any name, is listed, polled without sliding, refreshed and ended`() throws {
        let demo = try Demo()
        let login = try JSON(demo.logIn(#"{"user":"Zo\u00eb"}"#).body)
        #expect(login["user"] == "Zoë")
        let token = try #require(login["access_token"]?.string)
        #expect(try demo.get("/api/hello", token: token).text.contains("Hello, Zo%C3%AB"))
        #expect(try demo.get("/api/poll", token: token).status == 200)
        let sessions = try JSON(demo.get("/auth/sessions", token: token).body)["sessions"]?.elements ?? []
        #expect(sessions.count == 1 && sessions.first?["current"] == true)
        let form = "grant_type=refresh_token&refresh_token=\(try #require(login["refresh_token"]?.string))"
        let refreshed = try demo.exchange(
            "POST /auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)")
        #expect(refreshed.status == 200)
        let out = "POST /auth/logout-everywhere HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nContent-Length: 0\r\n\r\n"
        #expect(try demo.exchange(out).status == 204)
        let refused = try demo.get("/api/hello", token: token)
        #expect(refused.status == 401)
        #expect(try JSON(refused.body)["code"] == "token_revoked")
    }

    @Test(arguments: [#"{"user":""}"#, #"{"user":7}"#, "[]", "{", "{\"user\":\"\(String(repeating: "a", count: 65))\"}", #"{"user":"a\nb"}"#])
    func `a login that says no name is refused, and the demo goes on`(_ content: String) throws {
        let demo = try Demo()
        #expect(try demo.logIn(content).status == 400)
        #expect(try demo.get("/").status == 200)
    }

    @Test func `the module for browsers is served`() throws {
        let demo = try Demo()
        let session = try demo.get("/slidegate/session.js")
        #expect(session.status == 200)
        #expect(session.text.contains(#""refresh": { "path": "/auth/refresh""#))
    }
}

extension Demo {
    fileprivate var text: String { process.text(of: .output) }

    fileprivate func exchange(_ text: String) throws -> Message {
        let client = try Client(to: port)
        defer { client.close() }
        return try client.exchange(text)
    }

    fileprivate func get(_ path: String, token: String? = nil) throws -> Message {
        let field = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
        return try exchange("GET \(path) HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
    }

    fileprivate func logIn(_ content: String) throws -> Message {
        try exchange(
            "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)")
    }

    /// A shell command line, run as a person at a terminal would.
    fileprivate func run(_ command: String) throws -> String {
        let shell = try ChildProcess(["/bin/bash", "-c", command])
        _ = try shell.waitForExit(within: .seconds(60))
        try shell.waitUntilRead()
        return shell.text(of: .output)
    }
}
