import Glibc
import Testing

/// Whether the program is built for a sanitizer (`deploy/sanitize`).
private let isSanitized = getenv("SLIDEGATE_SANITIZER") != nil

/// Goal: what streams through never piles up. Method: a gibibyte each way, made up as it is sent and checked as it comes;
/// the reader does not read before the writer has been stopped, and the peak of the gateway's resident memory is compared.
@Suite("Memory stays bounded", .serialized, .disabled(if: isSanitized, "a sanitizer keeps what has been freed"))
struct BoundedMemoryTests {
    static let gibibyte = 1 << 30
    static let limitKiB = 64 * 1024
    /// Its length is coprime to every buffer's, so that a lost or doubled piece shows.
    static let block = (0..<262_139).map { UInt8(truncatingIfNeeded: $0 / 251) }

    /// Writes a gibibyte, and opens `stalled` once the way is full.
    static func write(to socket: Socket, stalled: Gate) throws {
        var sent = 0
        var hasStalled = false
        while sent < gibibyte {
            let rest = Array(block[(sent % block.count)...].prefix(gibibyte - sent))
            let count = try socket.writeWhileTaken(rest, patience: hasStalled ? .seconds(120) : .milliseconds(500))
            sent += count
            if count == rest.count { continue }
            guard !hasStalled else { throw WireError.timedOut(waitingFor: "room to write") }
            hasStalled = true
            stalled.open()
        }
    }

    /// Reads a gibibyte and says whether it was the one that `write` wrote.
    static func isRead(from reader: MessageReader) throws -> Bool {
        var received = 0
        while received < gibibyte {
            let offset = received % block.count
            let limit = min(block.count - offset, gibibyte - received)
            let bytes = try reader.readSome(upTo: limit, by: .after(.seconds(120)))
            // By memcmp: comparing slices of a gibibyte takes minutes in a debug build.
            let isSame = block.withUnsafeBytes { memcmp($0.baseAddress! + offset, bytes, bytes.count) == 0 }
            guard !bytes.isEmpty, isSame else { return false }
            received += bytes.count
        }
        return true
    }

    @Test func `while a slow reader takes an answer of a gibibyte`() throws {
        let stalled = Gate()
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
            try Self.write(to: connection.socket, stalled: stalled)
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { write: 120s }", upstream: origin)
        let client = try gateway.connect(keepsLog: false)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.reader.readHead(by: .after())
        #expect(head["Content-Length"] == "\(Self.gibibyte)")
        try stalled.wait(within: .seconds(60))
        #expect(try gateway.process.peakResidentKiB() < Self.limitKiB, "while the reader stalls")
        #expect(try Self.isRead(from: client.reader))
        #expect(try gateway.process.peakResidentKiB() < Self.limitKiB)
    }

    @Test func `while a slow origin takes an upload of a gibibyte`() throws {
        let stalled = Gate()
        let origin = try Origin(keepsLog: false) { connection in
            guard try connection.nextHead() != nil else { return }
            try stalled.wait(within: .seconds(60))
            let verdict = try Self.isRead(from: connection.reader)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\(verdict ? "ok" : "no")")
        }
        let gateway = try Gateway(
            """
            routes: [ { path: /, auth: none, upstream: api } ]
            upstreams: { api: { servers: [ { address: "127.0.0.1:\(origin.port)" } ], timeouts: { response: 120s } } }
            limits: { body: 2GiB }
            """, upstream: origin)
        let client = try gateway.connect(keepsLog: false)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
        try Self.write(to: client.socket, stalled: stalled)
        #expect(try client.receive(to: "POST", within: .seconds(120)).text == "ok")
        #expect(try gateway.process.peakResidentKiB() < Self.limitKiB)
    }

    @Test func `while a hundred readers stall at once`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
            while try connection.socket.writeWhileTaken(Self.block, patience: .seconds(1)) == Self.block.count {}
        }
        let gateway = try Gateway(openToAll + "\ntimeouts: { write: 120s }", upstream: origin)
        let clients = try (0..<100).map { _ in try gateway.connect(receiveBuffer: 4096, keepsLog: false) }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.waitForConnections(100)
        try origin.waitUntilIdle(within: .seconds(60))
        #expect(try gateway.process.peakResidentKiB() < Self.limitKiB)
        for client in clients { client.reset() }
    }

    @Test func `while an endless pipeline meets a stalled origin`() throws {
        let origin = try Origin { connection in
            guard try connection.nextRequest() != nil else { return }
            try connection.waitForEnd(within: .seconds(60))
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        let requests = String(repeating: "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "y", count: 900))\r\n\r\n", count: 300).latin1
        var sent = 0
        while sent < 200 << 20 {
            let count = try client.socket.writeWhileTaken(requests, patience: .milliseconds(500))
            sent += count
            if count < requests.count { break }
        }
        #expect(sent < 64 << 20, "the client was stopped")
        #expect(try gateway.process.peakResidentKiB() < Self.limitKiB)
        client.reset()
    }
}
