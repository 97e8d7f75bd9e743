import Testing

@testable import HTTP1

/// Wire cases, bent: whatever comes, nothing traps, and how the bytes are cut changes nothing. The seeds are fixed, so
/// that a failure comes again.
@Suite("Hostile input")
struct MutationTests {
    private static let pieces: [[UInt8]] = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "%", "0", "f", "-", "_", "\u{7F}", "\u{FF}", "\r\n\r\n",
        "\r\n ", "0\r\n\r\n",
        "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Host: a\r\n", "HTTP/1.1",
        "chunked",
        "99999999999999999999", "ffffffffffffffff", "[::1]", "http://", "?", "#", "\"", "\\", "GET ",
    ].map { bytes($0) }

    private static func mutate(_ message: [UInt8], using random: inout SplitMix64) -> [UInt8] {
        var message = message
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...message.count, using: &random)
            let end = min(message.count, place + Int.random(in: 1...12, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: message.insert(contentsOf: pieces.randomElement(using: &random)!, at: place)
            case 1: message.replaceSubrange(place..<end, with: pieces.randomElement(using: &random)!)
            case 2: message.removeSubrange(place..<end)
            case 3: message.insert(contentsOf: message[place..<end], at: place)
            case 4: message.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 5 where place < message.count: message[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            default: message.removeSubrange(place...)
            }
        }
        return message
    }

    @Test(arguments: 0..<20)
    func `bent messages neither trap nor depend on how they are cut`(_ seed: Int) {
        var random = SplitMix64(state: UInt64(seed))
        for _ in 0..<60 {
            let wire = WireCase.all.randomElement(using: &random)!
            let message = Self.mutate(wire.bytes, using: &random)
            let whole = Stream.events(wire.kind, message, pieces: [Int.max])
            let cut = (0..<message.count).map { _ in Int.random(in: 1...9, using: &random) } + [1]
            #expect(Stream.events(wire.kind, message, pieces: [1]) == whole, "\(escaped(message))")
            #expect(Stream.events(wire.kind, message, pieces: cut) == whole, "\(escaped(message))")
            _ = Stream.events(wire.kind, message, pieces: cut, asksToResume: true)
        }
    }

    @Test(arguments: 0..<20)
    func `every range of an accepted head lies in it, and its lines touch`(_ seed: Int) {
        var random = SplitMix64(state: 1000 + UInt64(seed))
        let requests = WireCase.all.filter { $0.kind == .requests }
        var head = RequestHead()
        for _ in 0..<300 {
            let message = Self.mutate(requests.randomElement(using: &random)!.bytes, using: &random)
            guard (try? head.parse(message.span)) == true else { continue }
            #expect(head.length <= message.count)
            let parts = [head.methodName, head.target, head.path, head.query, head.authority, head.host]
            for range in parts + head.fields.lines.flatMap({ [$0.name, $0.value, $0.line] }) {
                #expect(range.start <= range.end && Int(range.end) <= head.length)
            }
            for (line, next) in zip(head.fields.lines, head.fields.lines.dropFirst()) {
                #expect(line.line.end == next.line.start)
            }
            if let last = head.fields.lines.last { #expect(Int(last.line.end) + 2 == head.length) }
            let accepted = message[..<head.length]
            #expect(!accepted.contains(0) && !accepted.contains(0x7F))
            // CR and LF come only together.
            for (index, byte) in accepted.enumerated() {
                if byte == 0x0D { #expect(accepted[index + 1] == 0x0A) }
                if byte == 0x0A { #expect(accepted[index - 1] == 0x0D) }
            }
        }
    }

    @Test func `noise is never a message`() {
        var random = SplitMix64(state: 99)
        var request = RequestHead()
        var response = ResponseHead()
        for _ in 0..<2000 {
            let noise = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            #expect((try? request.parse(noise.span)) != true)
            #expect((try? response.parse(noise.span, answering: .get)) != true)
            _ = Stream.events(.content(.chunked), noise, pieces: [3])
        }
    }
}
