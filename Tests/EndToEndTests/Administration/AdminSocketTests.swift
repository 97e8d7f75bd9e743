import Foundation
import Glibc
import Testing

/// Goal: on a Unix socket administration is for who may open its file, and for nobody else. Method: the socket of the real program, through a
/// reload, a hand-over and the end; curl as operators call it.
@Suite("Administration on a Unix socket", .timeLimit(.minutes(2)))
struct AdminSocketTests {
    private static let admin = "admin: { address: \"unix:$FOLDER/admin.sock\" }\n"

    private func ask(_ gateway: Gateway, _ request: String, name: String = "admin.sock") throws -> Message {
        let client = Client(try Socket.connected(toPath: gateway.path(name)), of: gateway)
        defer { client.close() }
        return try client.exchange("\(request)\r\n\r\n")
    }

    private func mode(of path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK ? status.st_mode & 0o777 : nil
    }

    @Test func `its owner alone may connect, needs no secret, and ends no sessions without one`() throws {
        let sessions = "sessions: { secret_file: $FOLDER/refresh.secret, store: memory, endpoints: { refresh: /refresh } }"
        let gateway = try Gateway(Self.admin + sessions, upstream: Origin.ok(), files: Gateway.sessionFiles)
        _ = try gateway.process.waitForLine(containing: "slidegate: administration on unix:\(gateway.path("admin.sock"))")
        #expect(mode(of: gateway.path("admin.sock")) == 0o600)
        for page in ["/livez", "/readyz", "/metrics", "/status.json", "/"] {
            #expect(try ask(gateway, "GET \(page) HTTP/1.1\r\nHost: localhost").status == 200, "\(page)")
        }
        #expect(try ask(gateway, "GET /sessions HTTP/1.1\r\nHost: localhost").status == 403)
        // A browser gets here when the socket is forwarded to a port; a page with a name of its own does not.
        #expect(try ask(gateway, "GET /status.json HTTP/1.1\r\nHost: 127.0.0.1:9000").status == 200)
        #expect(try ask(gateway, "GET /status.json HTTP/1.1\r\nHost: rebound.example").status == 421)
    }

    @Test func `with a secret nothing is told without it`() throws {
        let gateway = try Gateway(
            "admin: { address: \"unix:$FOLDER/admin.sock\", secret_file: $FOLDER/admin.secret }", upstream: Origin.ok(), files: Gateway.sessionFiles)
        _ = try gateway.process.waitForLine(containing: "slidegate: administration on unix:")
        #expect(try ask(gateway, "GET /metrics HTTP/1.1\r\nHost: localhost").status == 401)
        #expect(try ask(gateway, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(Gateway.adminSecret)").status == 200)
    }

    @Test func `a hand-over keeps the file, a reload moves it, and the end removes it`() throws {
        let gateway = try Gateway(Self.admin, upstream: Origin.ok())
        _ = try gateway.process.waitForLine(containing: "slidegate: administration on unix:")
        var before = stat()
        #expect(lstat(gateway.path("admin.sock"), &before) == 0)
        let heir = try gateway.handOver()
        #expect(try gateway.process.waitForExit() == .exited(0))
        var after = stat()
        #expect(lstat(gateway.path("admin.sock"), &after) == 0 && after.st_ino == before.st_ino)
        #expect(try ask(gateway, "GET /readyz HTTP/1.1\r\nHost: localhost").status == 200)

        try gateway.rewrite("admin: { address: \"unix:$FOLDER/other.sock\" }")
        heir.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(try ask(gateway, "GET /readyz HTTP/1.1\r\nHost: localhost", name: "other.sock").status == 200)
        #expect(mode(of: gateway.path("other.sock")) == 0o600 && mode(of: gateway.path("admin.sock")) == nil)
        heir.signal(SIGTERM)
        try heir.waitForExit()
        #expect(mode(of: gateway.path("other.sock")) == nil)
    }

    @Test func `curl asks there as the reference says`() throws {
        let gateway = try Gateway(Self.admin, upstream: Origin.ok())
        _ = try gateway.process.waitForLine(containing: "slidegate: administration on unix:")
        let curl = try ChildProcess(["/usr/bin/curl", "-sf", "--unix-socket", gateway.path("admin.sock"), "http://localhost/readyz"])
        #expect(try curl.waitForExit() == .exited(0))
        try curl.waitUntilRead()
        #expect(curl.text(of: .output) == "ok\n")
    }
}
