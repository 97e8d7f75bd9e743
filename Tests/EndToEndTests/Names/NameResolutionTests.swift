import Foundation
import Glibc
import Testing

/// Goal: traffic follows names, and DNS that fails takes no traffic away.
@Suite("Names of upstreams", .timeLimit(.minutes(2)))
struct NameResolutionTests {
    private let request = "GET / HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer \(Token.fresh)\r\n\r\n"

    private func settings(_ server: NameServer, port: UInt16, name: String = "api.test") -> String {
        """
        upstream: \(name):\(port)
        resolver: { servers: [ "127.0.0.1:\(server.port)" ], timeout: 1s }
        """
    }

    /// Asks until the answer has that status.
    private func wait(for status: Int, from gateway: Gateway, within duration: Duration = Deadline.usual) throws {
        let deadline = Deadline.after(duration)
        var last = 0
        while !deadline.hasPassed {
            last = try gateway.exchange(request).status
            if last == status { return }
            usleep(20_000)
        }
        Issue.record("the status stays \(last)")
    }

    @Test func `a name is looked up before the first request`() throws {
        let origin = try Origin.ok()
        let server = try NameServer([.a("api.test", "127.0.0.1", ttl: 300)])
        let gateway = try Gateway(settings(server, port: origin.port), upstream: origin)
        #expect(try gateway.exchange(request).status == 200)
        #expect(try origin.waitForRequests(1)[0]["Host"] == "api.example")
    }

    @Test func `traffic moves when the addresses do`() throws {
        let origin = try Origin.ok()
        let server = try NameServer([.a("api.test", "127.0.0.2", ttl: 1)])
        let gateway = try Gateway(settings(server, port: origin.port), upstream: origin)
        #expect([502, 503].contains(try gateway.exchange(request).status))  // nobody listens there
        server.become([.a("api.test", "127.0.0.1", ttl: 1)])
        try wait(for: 200, from: gateway)
        _ = try gateway.process.waitForLine(containing: "api.test is at 127.0.0.1")
    }

    @Test func `kept connections to an address that is gone serve nobody any more`() throws {
        let origin = try Origin.ok()
        let server = try NameServer([.a("api.test", "127.0.0.1", ttl: 1)])
        let gateway = try Gateway(settings(server, port: origin.port), upstream: origin)
        #expect(try gateway.exchange(request).status == 200)  // leaves a connection to be used again
        server.become([.a("api.test", "127.0.0.2", ttl: 1)])  // nobody listens there
        try wait(for: 502, from: gateway)
        try origin.waitForEnded(1)
        server.become([.a("api.test", "127.0.0.1", ttl: 1)])
        try wait(for: 200, from: gateway)
    }

    @Test func `of several addresses those that answer serve, IPv6 among them`() throws {
        let origin = try Origin.ok()
        let server = try NameServer([.aaaa("api.test", "::1"), .a("api.test", "127.0.0.2"), .a("api.test", "127.0.0.1")])
        let gateway = try Gateway(settings(server, port: origin.port), upstream: origin)
        try wait(for: 200, from: gateway)
    }

    @Test(arguments: [NameServer.Answer.noSuchName, .serverFailure, .silence, .truncated, .garbage([1, 2, 3])])
    func `a name that cannot be resolved warns and is 503 until it can`(_ answer: NameServer.Answer) throws {
        let origin = try Origin.ok()
        let server = try NameServer { _ in answer }
        let gateway = try Gateway(settings(server, port: origin.port), upstream: origin)
        #expect(gateway.logs.contains("warning: cannot resolve api.test"))
        let refusal = try gateway.exchange(request)
        #expect(refusal.status == 503 && refusal["Retry-After"] != nil)
        server.become([.a("api.test", "127.0.0.1")])
        try wait(for: 200, from: gateway)
    }

    @Test func `DNS that fails keeps the last good addresses, and says so once`() throws {
        let origin = try Origin.ok()
        let server = try NameServer([.a("api.test", "127.0.0.1", ttl: 1)])
        let gateway = try Gateway(settings(server, port: origin.port), upstream: origin)
        #expect(try gateway.exchange(request).status == 200)
        server.become { _ in .serverFailure }
        _ = try gateway.process.waitForLine(containing: "cannot resolve api.test")
        let before = server.questions.count
        let deadline = Deadline.after()
        while server.questions.count < before + 6, !deadline.hasPassed {
            #expect(try gateway.exchange(request).status == 200)
            usleep(100_000)
        }
        #expect(gateway.logs.components(separatedBy: "cannot resolve api.test").count == 2)
        #expect(gateway.logs.contains("it stays at 127.0.0.1"))
        server.become([.a("api.test", "127.0.0.1", ttl: 1)])
        _ = try gateway.process.waitForLine(containing: "api.test resolves again")
    }

    @Test func `a reload that adds a name serves from it at once`() throws {
        let origin = try Origin.ok()
        let server = try NameServer([.a("new.test", "127.0.0.1")])
        let gateway = try Gateway(upstream: origin)
        try gateway.rewrite(settings(server, port: origin.port, name: "new.test"))
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        #expect(try gateway.exchange(request).status == 200)
    }
}
