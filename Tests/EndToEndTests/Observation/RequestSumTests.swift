import Glibc
import Synchronization
import Testing

/// Goal: whatever mix of endings there is, the counts add up to the requests that were sent: over workers, and over reloads, which
/// rename routes, take them away and bring them back. Method: many clients at once, and a sum.
@Suite("Counts of requests add up")
struct RequestSumTests {
    private static func settings(_ name: String) -> String {
        """
        \(Gateway.admin)workers: 2
        sliding: { buffer: 10m }
        routes:
          - { path: /, auth: none }
          - { path: /api, name: \(name) }

        """
    }

    @Test func `over two workers, pipelining and reloads`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                switch request.target {
                case "/close": return
                case "/cut": return try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                default: try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
        }
        let gateway = try Gateway(Self.settings("first"), upstream: origin)
        let sent = Mutex<[String: Int]>([:])
        let reloads = Gate(1)
        startThread {
            for round in 0..<6 {
                pause(.milliseconds(60))
                try? gateway.rewrite(Self.settings(round % 2 == 0 ? "second" : "first"))
                gateway.process.signal(SIGHUP)
            }
            reloads.open()
        }
        let (fresh, ending) = (Token.fresh, Token.ending)
        _ = try inParallel(8) { number in
            for round in 0..<40 {
                let client = try gateway.connect()
                defer { client.close() }
                let ask = RequestEndingTests.get("/api", round % 2 == 0 ? fresh : ending)
                try client.send(ask + RequestEndingTests.get("/") + RequestEndingTests.get("/api") + ask)
                for _ in 0..<4 { _ = try client.receive() }
                switch (number + round) % 4 {
                case 0: #expect(try client.exchange("GET / HTTP/1.1\r\nnonsense\r\n\r\n").status == 400)
                case 1: #expect(try client.exchange("POST /close HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status == 502)
                case 2:
                    try client.send(RequestEndingTests.get("/cut"))
                    _ = try? client.receive()
                default: #expect(try client.exchange(RequestEndingTests.get("/api", "nonsense")).status == 401)
                }
                let good = round % 2 == 0 ? "admitted" : "renewed"
                sent.withLock { sent in
                    sent["api 2xx \(good)", default: 0] += 2
                    sent["/ 2xx admitted", default: 0] += 1
                    sent["api 4xx refused", default: 0] += 1
                    let last = ["none 4xx failed", "/ 5xx failed", "/ 2xx failed", "api 4xx refused"][(number + round) % 4]
                    sent[last, default: 0] += 1
                }
            }
        }
        try reloads.wait()
        let expected = sent.withLock { $0 }
        try eventually { try gateway.tally().values.reduce(0, +) >= 8 * 40 * 5 }
        // A route that has had two names counts under both.
        var found: [String: Int] = [:]
        for (key, count) in try gateway.tally() {
            found[key.replacing("first ", with: "api ").replacing("second ", with: "api "), default: 0] += count
        }
        #expect(found == expected)
    }
}
