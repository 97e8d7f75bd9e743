import Testing

/// Goal: where the network cuts a message changes nothing. Method: random requests, cut at random places by the client and
/// their answers by the origin, over few connections; each answer tells what the origin understood. The seeds are fixed.
@Suite("Messages survive any fragmentation")
struct FragmentationTests {
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `random exchanges over one connection stay in step`(_ seed: UInt64) throws {
        let origin = try Origin { connection in
            var random = SplitMix64(seed: seed &+ UInt64(connection.number) &* 77)
            while let request = try connection.nextRequest() {
                let answer = Self.answer(to: request, &random)
                for piece in random.cut(answer.latin1) { try connection.send(piece) }
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        let client = try gateway.connect()
        var random = SplitMix64(seed: seed)
        let requests = (0..<60).map { Self.request(number: $0, &random) }
        let pieces = random.cut(requests.flatMap(\.bytes))
        startThread { for piece in pieces { try? client.send(piece) } }
        for (number, request) in requests.enumerated() {
            let answer = try client.receive(to: request.method)
            #expect(answer["X-Number"] == "\(number)")
            #expect(answer["X-Content"] == "\(request.content.count) \(checksum(request.content))")
            if request.method != "HEAD" { #expect(
                answer.has("X-Length") == false || answer["X-Length"] == "\(answer.body.count)") }
        }
    }

    private static func answer(to request: Message, _ random: inout SplitMix64) -> String {
        let fields = "X-Number: \(request.target.dropFirst())\r\nX-Content: \(request.body.count) \(checksum(request.body))\r\n"
        let content = String(repeating: "z", count: random.below(3) == 0 ? random.below(40_000) : random.below(20))
        let head = "X-Length: \(content.utf8.count)\r\n\(fields)"
        if request.method == "HEAD" { return "HTTP/1.1 200 OK\r\n\(head)Content-Length: \(content.utf8.count)\r\n\r\n" }
        switch random.below(4) {
        case 0: return "HTTP/1.1 200 OK\r\n\(head)Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
        case 1: return "HTTP/1.1 204 No Content\r\n\(fields)\r\n"
        case 2: return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\n\(head)Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
        default: return "HTTP/1.1 200 OK\r\n\(head)Transfer-Encoding: chunked\r\n\r\n" + random.chunks(content)
        }
    }

    struct Request {
        let method: String
        let content: [UInt8]
        let bytes: [UInt8]
    }

    private static func request(number: Int, _ random: inout SplitMix64) -> Request {
        let method = ["GET", "POST", "HEAD", "PUT"][random.below(4)]
        let content = String(repeating: "c\r\n\r\n", count: random.below(4) == 0 ? random.below(9000) : random.below(9))
        var text = "\(method) /\(number) HTTP/1.1\r\nHost: a\r\n"
        if method == "GET" || method == "HEAD" {
            return Request(method: method, content: [], bytes: (
                text + "X-Padding: \(String(repeating: "p", count: random.below(300)))\r\n\r\n").latin1)
        }
        if random.below(2) == 0 {
            text += "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
        } else {
            text += "Transfer-Encoding: chunked\r\n\r\n" + random.chunks(content)
        }
        return Request(method: method, content: content.latin1, bytes: text.latin1)
    }
}

private func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.reduce(0) { ($0 &* 31) &+ UInt32($1) }
}

/// A small generator with a known seed, so that a failure can be had again.
struct SplitMix64 {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// `bytes` in pieces: some of one byte, some of many thousand.
    mutating func cut(_ bytes: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let size = [1, 2, 3, 7, 50, 900, 5000, 70_000][below(8)]
            pieces.append(Array(bytes[start..<min(bytes.count, start + size)]))
            start += size
        }
        return pieces
    }

    /// `content` in chunks of random sizes, whole with its last chunk.
    mutating func chunks(_ content: String) -> String {
        var text = ""
        var rest = content.latin1[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 + below(below(5) == 0 ? 8000 : 12))
            text += "\(String(piece.count, radix: 16))\(below(4) == 0 ? ";a=b" : "")\r\n\(String(latin1: piece))\r\n"
            rest = rest.dropFirst(piece.count)
        }
        return text + "0\r\n" + (below(3) == 0 ? "X-Trailer: t\r\n" : "") + "\r\n"
    }
}
