import Testing

/// Goal: whatever bytes come, the program lives, each side sees only whole and valid messages, and nobody gets in without a
/// token. Method: valid messages with random damage, from known seeds; the scripted origin reads strictly and objects.
@Suite("Damaged messages do no damage")
struct MutationTests {
    static let requests = [
        "GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 11\r\n\r\nhello world",
        "PUT /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n",
        "GET http://a.example/b HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-A\r\nX-A: b\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    ]

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `of clients`(_ seed: UInt64) throws {
        let origin = try Origin.answering { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }
        let gateway = try Gateway(openToAll, upstream: origin)
        var random = SplitMix64(seed: seed)
        for _ in 0..<150 {
            let bytes = random.damage(Self.requests[random.below(Self.requests.count)].latin1)
            let client = try gateway.connect()
            try client.send(bytes)
            client.finishWriting()
            // Answers, if any, are valid to the last byte; then the connection ends.
            do {
                while true { _ = try client.receiveAny(to: bytes.starts(with: Array("HEAD ".utf8)) ? "HEAD" : "GET") }
            } catch WireError.endOfStream(let rest) where rest.isEmpty {
            } catch WireError.reset {
            }
        }
        #expect(gateway.process.isRunning)
        #expect(origin.failures.filter { $0.contains("malformed") } == [])
        for request in origin.requests {
            #expect(request.values(of: "Host").count == 1, "\(request.headText)")
            #expect(request.values(of: "Content-Length").count + request.values(of: "Transfer-Encoding").count <= 1)
            #expect(request.values(of: "Transfer-Encoding").allSatisfy { $0 == "chunked" })
            #expect(request.target.hasPrefix("/") || request.target == "*")
        }
        #expect(try gateway.get().status == 200)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `of origins`(_ seed: UInt64) throws {
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nX: y\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.0 200 OK\r\nX: y\r\n\r\nuntil the end",
        ]
        let origin = try Origin { connection in
            var random = SplitMix64(seed: seed &* 1000 &+ UInt64(connection.number))
            while try connection.nextRequest() != nil {
                try connection.send(random.damage(answers[random.below(answers.count)].latin1))
                if random.below(2) == 0 { return }
                _ = try connection.reader.readSome(upTo: 1, by: .after(.milliseconds(20)))
                return
            }
        }
        let gateway = try Gateway(openToAll, upstream: origin)
        for _ in 0..<150 {
            let client = try gateway.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            do {
                while true {
                    let answer = try client.receiveAny(to: "GET")
                    if !answer.isInterim { break }
                }
            } catch WireError.endOfStream {
            } catch WireError.reset {
            }
            client.close()
        }
        #expect(gateway.process.isRunning)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `of tokens: none but the whole one opens`(_ seed: UInt64) throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        var random = SplitMix64(seed: seed)
        let token = Token.fresh
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".utf8)
        for _ in 0..<200 {
            var bytes = Array(token.utf8)
            for _ in 0...random.below(3) {
                switch random.below(4) {
                case 0: bytes[random.below(bytes.count)] = alphabet[random.below(alphabet.count)]
                case 1: bytes.insert(alphabet[random.below(alphabet.count)], at: random.below(bytes.count))
                case 2: bytes.remove(at: random.below(bytes.count))
                default: bytes.swapAt(random.below(bytes.count), random.below(bytes.count))
                }
            }
            let damaged = String(decoding: bytes, as: UTF8.self)
            guard damaged != token else { continue }
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(damaged)\r\n\r\n")
            #expect(answer.status == 401, "\(damaged)")
        }
        #expect(origin.received.isEmpty)
        #expect(
            try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n").status == 200)
    }
}

extension SplitMix64 {
    /// `bytes` with one to three small harms done to them.
    mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
        let nasty: [UInt8] = [0, 9, 10, 11, 13, 32, 34, 37, 44, 47, 58, 59, 92, 127, 128, 255]
        var bytes = bytes
        for _ in 0...below(3) where !bytes.isEmpty {
            let place = below(bytes.count)
            switch below(6) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
            case 1: bytes[place] = nasty[below(nasty.count)]
            case 2: bytes.insert(nasty[below(nasty.count)], at: place)
            case 3: bytes.remove(at: place)
            case 4: bytes.removeLast(min(bytes.count, below(30)))
            default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + below(40))], at: place)
            }
        }
        return bytes
    }
}
