import Glibc
import Synchronization
import Testing

/// Goal: under every kind of failure at once, nobody ever gets another's answer, and the program comes out whole. Method:
/// clients and an origin that misbehave at random while the file is reloaded; each answer names the request it answers.
@Suite("Among failures on all sides, answers find their requests")
struct ChaosTests {
    @Test(arguments: [1, 3])
    func `no answer goes astray`(_ workers: Int) throws {
        let origin = try Origin(keepsLog: false) { connection in
            var random = SplitMix64(seed: UInt64(connection.number) &+ 7)
            while let head = try connection.nextHead() {
                let fate = random.below(20)
                if fate == 0 { return connection.reset() }
                if fate == 1 { return }
                let answer = "HTTP/1.1 200 OK\r\nX-Target: \(head.target)\r\n"
                let content = head.target + String(
                    repeating: "-", count: random.below(4) == 0 ? random.below(60_000) : 0)
                if fate == 2 {
                    // Early, and the connection ends with the request half read.
                    return try connection.send(
                        answer + "Connection: close\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)")
                }
                try connection.finish(head)
                switch fate {
                case 3:
                    try connection.send(answer + "Content-Length: \(content.utf8.count + 5)\r\n\r\n\(content)")
                    return connection.reset()
                case 4:
                    return try connection.send(answer + "\r\n\(content)")
                case 5:
                    try connection.send(answer + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)HTTP/1.1 200 OK\r\nX-Target: astray\r\nContent-Length: 0\r\n\r\n")
                case 6, 7, 8:
                    try connection.send(answer + "Transfer-Encoding: chunked\r\n\r\n" + random.chunks(content))
                default:
                    try connection.send(answer + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)")
                }
            }
        }
        let gateway = try Gateway(openToAll + "\nworkers: \(workers)", upstream: origin)
        #expect(try gateway.get().status != 0)
        let tallies = try inParallel(12, within: .seconds(120)) { number -> Tally in
            var random = SplitMix64(seed: UInt64(number) &+ 1000)
            var tally = Tally()
            for round in 0..<25 { try Self.converse(gateway, "\(number)-\(round)", &random, &tally) }
            if number == 0 { gateway.process.signal(SIGHUP) }
            return tally
        }
        let total = tallies.reduce(into: Tally()) { $0.add($1) }
        #expect(total.astray == [])
        #expect(total.answered > 300, "the test is about answers")
        #expect(gateway.process.isRunning)
    }

    private struct Tally: Sendable {
        var answered = 0
        var astray: [String] = []
        mutating func add(_ other: Tally) {
            answered += other.answered
            astray += other.astray
        }
    }

    /// One connection: a few requests, one after the other or all at once, to the end or not.
    private static func converse(
        _ gateway: Gateway, _ name: String, _ random: inout SplitMix64, _ tally: inout Tally) throws {
        let client = try gateway.connect()
        let requests = (0..<(1 + random.below(5))).map { number -> (method: String, target: String, text: String) in
            let target = "/\(name)-\(number)"
            switch random.below(4) {
            case 0: return ("POST", target, "POST \(target) HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + String(repeating: "b", count: 500))
            case 1:
                return ("PUT", target, "PUT \(target) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + random.chunks("GET /astray HTTP/1.1\r\nHost: a\r\n\r\n"))
            default: return ("GET", target, "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            }
        }
        let isPipelined = random.below(2) == 0
        let leavesAfter = random.below(4) == 0 ? random.below(requests.count) : requests.count
        do {
            if isPipelined { try client.send(requests.map(\.text).joined()) }
            for (number, request) in requests.enumerated() {
                if number == leavesAfter {
                    if !isPipelined { try client.send(String(request.text.dropLast(random.below(10)))) }
                    return client.reset()
                }
                if !isPipelined { try client.send(request.text) }
                let head = try client.reader.readHead(by: .after())
                if head.status == 200, head["X-Target"] != request.target { tally.astray.append(
                    "\(request.target): \(head.headText)") }
                let answer = try client.reader.readBody(
                    of: head, framing: head.responseFraming(answering: request.method), by: .after())
                guard answer.status == 200 else { continue }
                if !answer.text.hasPrefix(
                    request.target) { tally.astray.append("\(request.target): \(answer.text.prefix(40))") }
                tally.answered += 1
            }
            client.close()
        } catch WireError.endOfStream, WireError.reset {
            client.close()
        }
    }
}
