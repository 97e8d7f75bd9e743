import Foundation
import Glibc
import Testing

/// Goal: Unix sockets serve on either side as addresses do, and leave nothing behind.
@Suite("Unix sockets", .timeLimit(.minutes(2)))
struct UnixSocketTests {
    private let request = "GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n"

    @Test func `an upstream behind a Unix socket answers`() throws {
        let folder = try Folder()
        let socket = try ListeningSocket(path: folder.path("app.sock"))
        let origin = try Origin(on: socket) { connection in
            while let request = try connection.nextRequest() {
                _ = request
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway("upstream: unix:\(folder.path("app.sock"))", upstream: origin)
        #expect(try gateway.exchange(request).status == 200)
        // Without a Host of its own, an HTTP/1.0 request is for the one that a Unix socket is commonly given.
        _ = try gateway.exchange("GET / HTTP/1.0\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n")
        #expect(try origin.waitForRequests(2)[1].values(of: "Host") == ["localhost"])
    }

    @Test func `an upstream socket that is not there is a 502, and serves once it is`() throws {
        let folder = try Folder()
        let path = folder.path("app.sock")
        let gateway = try Gateway("upstream: unix:\(path)", upstream: Origin.ok())
        #expect([502, 503].contains(try gateway.exchange(request).status))
        let origin = try Origin(on: ListeningSocket(path: path)) { connection in
            while try connection.nextRequest() != nil { try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }
        }
        let deadline = Deadline.after()
        while try gateway.exchange(request).status != 200 { try #require(!deadline.hasPassed) }
        withExtendedLifetime(origin) {}
    }

    @Test func `a listener on a Unix socket serves all workers' share, and its file goes at the end`() throws {
        let gateway = try Gateway(
            "workers: 2\nlisteners: [ { address: 127.0.0.1:0 }, { address: 'unix:$FOLDER/in.sock', mode: '0600' } ]",
            upstream: Origin.ok())
        let path = gateway.path("in.sock")
        _ = try gateway.process.waitForLine(containing: "listening on unix:\(path)")
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        for _ in 0..<8 {
            let client = Client(try Socket.connected(toPath: path), of: gateway)
            #expect(try client.exchange(request).status == 200)
            client.close()
        }
        let client = Client(try Socket.connected(toPath: path), of: gateway)
        #expect(try client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 401)
        _ = try gateway.process.waitForLine(containing: "peer=unix")
        client.close()
        gateway.process.signal(SIGTERM)
        _ = try gateway.process.waitForExit()
        #expect(lstat(path, &status) != 0)
    }

    @Test func `a stale socket is replaced, a live one is not`() throws {
        let folder = try Folder()
        do { _ = try ListeningSocket(path: folder.path("in.sock")) }
        let listeners = "listeners: [ { address: 127.0.0.1:0 }, { address: 'unix:\(folder.path("in.sock"))' } ]"
        let first = try Gateway(listeners, upstream: Origin.ok())
        let client = Client(try Socket.connected(toPath: folder.path("in.sock")), of: first)
        #expect(try client.exchange(request).status == 200)
        #expect(throws: (any Error).self) { try Gateway(listeners, upstream: Origin.ok()) }
        #expect(try client.exchange(request).status == 200)
        let second = Client(try Socket.connected(toPath: folder.path("in.sock")), of: first)
        #expect(try second.exchange(request).status == 200)
    }

    @Test func `a reload that drops the listener removes its file`() throws {
        let gateway = try Gateway("listen: [ 127.0.0.1:0, 'unix:$FOLDER/in.sock' ]", upstream: Origin.ok())
        let path = gateway.path("in.sock")
        try gateway.rewrite("")
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        var status = stat()
        #expect(lstat(path, &status) != 0)
    }
}
