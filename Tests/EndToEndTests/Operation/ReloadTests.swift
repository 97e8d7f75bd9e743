import Glibc
import Synchronization
import Testing

/// Goal: SIGHUP swaps the whole configuration or nothing (issue 2, item 7). Method: rewrite the file, signal, and watch
/// what requests meet, under load where that matters.
@Suite("SIGHUP reloads")
struct ReloadTests {
    static let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Asks until the answers are `status`; each on a connection of its own.
    private func waitFor(_ status: Int, at gateway: Gateway, _ request: String = request) throws {
        let deadline = Deadline.after()
        while !deadline.hasPassed {
            if try gateway.exchange(request).status == status { return }
        }
        throw WireError.timedOut(waitingFor: "status \(status)")
    }

    @Test func `a good file takes effect on every worker`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        #expect(try gateway.exchange(Self.request).status == 200)
        try gateway.rewrite("workers: 2")
        gateway.process.signal(SIGHUP)
        try waitFor(401, at: gateway)
        let deadline = Deadline.after()
        var streak = 0
        while streak < 40, !deadline.hasPassed { streak = try gateway.exchange(
            Self.request).status == 401 ? streak + 1 : 0 }
        #expect(streak == 40, "both workers have the new file")
    }

    @Test func `connections that are open meet the new file at their next request`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.request).status == 200)
        try gateway.rewrite("")
        gateway.process.signal(SIGHUP)
        try waitFor(401, at: gateway)
        #expect(try client.exchange(Self.request).status == 401)
    }

    @Test func `under load no request fails`() throws {
        let first = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst" }
        let second = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond" }
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: first, also: [second])
        let finished = Gate(4)
        let load = ReloadLoad()
        for number in 0..<4 {
            startThread {
                defer { finished.open() }
                do {
                    var client = try gateway.connect()
                    var count = 0
                    while !load.isStopped {
                        load.saw(try client.exchange(Self.request).text)
                        count += 1
                        // Old connections and new ones both live through reloads.
                        if number % 2 == 0, count % 20 == 0 {
                            client.close()
                            client = try gateway.connect()
                        }
                    }
                } catch {
                    load.failed("\(error)")
                }
            }
        }
        for round in 0..<8 {
            let upstream = round % 2 == 0 ? second : first
            try gateway.rewrite(openToAll + "\nworkers: 2", upstream: upstream)
            gateway.process.signal(SIGHUP)
            try load.waitFor(round % 2 == 0 ? "second" : "first")
        }
        load.stop()
        try finished.wait()
        #expect(load.failures == [])
        #expect(Set(load.seen.keys) == ["first", "second"])
    }

    @Test(arguments: [
        "listen: 127.0.0.1:0\nupstream: nonsense\n", "listen: [\n", "", "listn: 127.0.0.1:0\n",
        "upstream: 127.0.0.1:1\n",
        "listen: 127.0.0.1:0\nupstream: 127.0.0.1:1\nkey: { algorithm: HS256, secret_file: /nowhere/secret }\nsliding: { buffer: 10m }\n",
        "listen: 127.0.0.1:0\nupstream: 127.0.0.1:1\nkey: { algorithm: HS256, secret: inline-secrets-are-refused-here }\nsliding: { buffer: 10m }\n",
    ])
    func `a bad file leaves the old one running and says why`(_ bad: String) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.request).status == 200)
        let before = gateway.process.text(of: .error).count
        try gateway.rewrite(verbatim: bad)
        gateway.process.signal(SIGHUP)
        let deadline = Deadline.after()
        while gateway.process.text(of: .error).count == before, !deadline.hasPassed {
            #expect(try client.exchange(Self.request).status == 200)
        }
        let said = gateway.process.text(of: .error).dropFirst(before)
        #expect(said.contains("slidegate.yaml") || said.contains("/nowhere/secret"), "\(said)")
        #expect(!said.contains("inline-secrets"))
        #expect(gateway.process.isRunning)
        for _ in 0..<5 { #expect(try gateway.exchange(Self.request).status == 200) }
        #expect(try client.exchange(Self.request).status == 200)
        // And a good file later is taken.
        try gateway.rewrite("")
        gateway.process.signal(SIGHUP)
        try waitFor(401, at: gateway)
    }

    @Test func `new keys are read: what they sign passes, what the old ones signed does not`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let other = Array("a new secret, which replaces the old one entirely".utf8)
        func request(_ secret: [UInt8]) -> String { SlidingTests.request(Token.with(left: 3000, secret: secret)) }
        let old = request(Token.secret)
        #expect(try gateway.exchange(old).status == 200)
        expectProblem(try gateway.exchange(request(other)), status: 401, code: "token_invalid")
        try gateway.write(String(decoding: other, as: UTF8.self), to: "jwt.secret")
        try gateway.rewrite("")
        gateway.process.signal(SIGHUP)
        try waitFor(200, at: gateway, request(other))
        expectProblem(try gateway.exchange(old), status: 401, code: "token_invalid")
    }

    @Test func `addresses come and go: the new one serves, and nobody listens at the old one`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let other = try ListeningSocket().port
        try gateway.rewrite(openToAll + "\nworkers: 2\nlisten: 127.0.0.1:\(other)")
        gateway.process.signal(SIGHUP)
        try waitUntilRefused(at: gateway.port)
        for _ in 0..<10 {
            let client = try Client(to: other, of: gateway)
            #expect(try client.exchange(Self.request).status == 200)
        }
    }

    @Test func `a wider address on the same port takes over from a narrower one, and back again`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let load = Load(4, at: gateway, requestsPerConnection: 5, bearsResets: true)
        for (round, host) in ["0.0.0.0", "127.0.0.1", "0.0.0.0"].enumerated() {
            try gateway.rewrite(openToAll + "\nworkers: 2\nlisten: \(host):\(gateway.port)")
            gateway.process.signal(SIGHUP)
            try gateway.process.waitForLine(containing: "configuration reloaded", skipping: round)
            try gateway.process.waitForLine(containing: "listening on \(host):\(gateway.port)", skipping: (round + 1) / 2)
            try load.waitForMore(50)
        }
        #expect(try load.stop() == [])
    }

    @Test func `an address that stays keeps its connections and its queue`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        #expect(try client.exchange(Self.request).status == 200)
        let other = try ListeningSocket().port
        try gateway.rewrite(openToAll + "\nlisten: [ 127.0.0.1:0, 127.0.0.1:\(other) ]")
        gateway.process.signal(SIGHUP)
        try gateway.process.waitForLine(containing: "127.0.0.1:\(other)")
        #expect(try client.exchange(Self.request).status == 200)
        #expect(try gateway.exchange(Self.request).status == 200)
    }

    @Test func `a volley of signals is one reload after the other, and loses nothing`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(openToAll + "\nworkers: 2", upstream: origin)
        let client = try gateway.connect()
        for _ in 0..<30 {
            gateway.process.signal(SIGHUP)
            #expect(try client.exchange(Self.request).status == 200)
            #expect(try gateway.exchange(Self.request).status == 200)
        }
        let before = try gateway.process.openDescriptors()
        for _ in 0..<30 {
            gateway.process.signal(SIGHUP)
            #expect(try gateway.exchange(Self.request).status == 200)
        }
        #expect(try gateway.process.openDescriptors() <= before + 4, "reloads leave nothing open")
    }

    @Test func `an exchange under way ends by the file it began with`() throws {
        let requested = Gate()
        let go = Gate()
        let origin = try Origin { connection in
            guard let request = try connection.nextRequest() else { return }
            if request.target == "/slow" {
                requested.open()
                try go.wait()
            }
            try connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        try client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try requested.wait()
        try gateway.rewrite("")
        gateway.process.signal(SIGHUP)
        try waitFor(401, at: gateway)
        go.open()
        #expect(try client.receive().text == "ok")
    }
}

/// What parallel clients have seen so far.
private final class ReloadLoad: Sendable {
    private struct State {
        var isStopped = false
        var seen: [String: Int] = [:]
        var failures: [String] = []
    }

    private let state = Mutex(State())

    var isStopped: Bool { state.withLock { $0.isStopped } }
    var seen: [String: Int] { state.withLock { $0.seen } }
    var failures: [String] { state.withLock { $0.failures } }

    func stop() { state.withLock { $0.isStopped = true } }
    func saw(_ text: String) { state.withLock { $0.seen[text, default: 0] += 1 } }
    func failed(_ text: String) { state.withLock { $0.failures.append(text) } }

    /// Waits until some client sees `text` that had not been seen when asked.
    func waitFor(_ text: String) throws {
        let before = seen[text] ?? 0
        let deadline = Deadline.after()
        while seen[text] ?? 0 <= before {
            guard !deadline.hasPassed, failures.isEmpty else { throw WireError.timedOut(
                waitingFor: text + " \(failures)") }
            sched_yield()
        }
    }
}
