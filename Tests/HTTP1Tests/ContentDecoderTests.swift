import Bytes
import Testing

@testable import HTTP1

@Suite("Content (RFC 9112 §6, §7)")
struct ContentDecoderTests {
    /// Events of a whole span, and the bytes of its content.
    private func decode(
        _ framing: ContentFraming, _ bytes: [UInt8], limits: ContentLimits = ContentLimits()
    ) throws(MessageError) -> (events: [ContentDecoder.Event], content: [UInt8]) {
        var decoder = ContentDecoder(framing, limits: limits)
        var events: [ContentDecoder.Event] = []
        var content: [UInt8] = []
        var offset = 0
        while true {
            let event = try decoder.next(bytes.span, from: &offset)
            events.append(event)
            guard case .content(let range) = event else { return (events, content) }
            content += bytes[range]
        }
    }

    private func error(_ text: String, limits: ContentLimits = ContentLimits()) -> MessageError? {
        let whole = Stream.events(.content(.chunked), bytes(text), pieces: [Int.max])
        #expect(Stream.events(.content(.chunked), bytes(text), pieces: [1]) == whole)
        do throws(MessageError) {
            _ = try decode(.chunked, bytes(text), limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func `no content ends at once, even in no bytes`() throws {
        for framing in [ContentFraming.none, .length(0)] {
            #expect(try decode(framing, []).events == [.end(at: 0)])
            #expect(try decode(framing, bytes("GET")).events == [.end(at: 0)])
            let decoder = ContentDecoder(framing)
            let isComplete = decoder.isComplete
            #expect(isComplete)
        }
    }

    @Test func `content of a length ends there and leaves the rest`() throws {
        #expect(try decode(.length(3), bytes("abcdef")).events == [.content(0..<3), .end(at: 3)])
        #expect(try decode(.length(3), bytes("abc")).events == [.content(0..<3), .end(at: 3)])
        #expect(try decode(.length(3), bytes("ab")).events == [.content(0..<2), .needsMore])
        #expect(try decode(.length(3), []).events == [.needsMore])
        #expect(try decode(.length(999_999_999_999_999_999), bytes("ab")).events == [.content(0..<2), .needsMore])
    }

    @Test func `content until the connection ends never ends before`() throws {
        #expect(try decode(.untilClose, bytes("abc")).events == [.content(0..<3), .needsMore])
        #expect(try decode(.untilClose, []).events == [.needsMore])
    }

    @Test func `chunks are found where they lie`() throws {
        let result = try decode(.chunked, bytes("3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\nGET"))
        #expect(result.events == [.content(3..<6), .content(13..<15), .end(at: 22)])
        #expect(result.content == bytes("abcde"))
    }

    @Test func `the end stays the end`() throws {
        var decoder = ContentDecoder(.length(1))
        var offset = 0
        let span = bytes("ab")
        _ = try decoder.next(span.span, from: &offset)
        for _ in 0..<3 {
            let event = try decoder.next(span.span, from: &offset)
            #expect(event == .end(at: 1))
        }
        try decoder.endOfStream()
    }

    @Test func `the end of the stream completes content only where that is its end`() throws {
        func endOfStream(_ framing: ContentFraming, after text: String) throws(MessageError) -> MessageError? {
            var decoder = ContentDecoder(framing)
            var offset = 0
            let bytes = bytes(text)
            while try decoder.next(bytes.span, from: &offset).isContent {}
            do throws(MessageError) {
                try decoder.endOfStream()
                let isComplete = decoder.isComplete
                #expect(isComplete)
                return nil
            } catch {
                return error
            }
        }
        #expect(try endOfStream(.untilClose, after: "abc") == nil)
        #expect(try endOfStream(.untilClose, after: "") == nil)
        #expect(try endOfStream(.none, after: "") == nil)
        #expect(try endOfStream(.length(3), after: "abc") == nil)
        #expect(try endOfStream(.length(4), after: "abc") == .contentTruncated)
        let chunked = "3\r\nabc\r\n0\r\nX: y\r\n\r\n"
        for count in 0..<bytes(chunked).count {
            let prefix = String(String.UnicodeScalarView(chunked.unicodeScalars.prefix(count)))
            #expect(try endOfStream(.chunked, after: prefix) == .contentTruncated)
        }
        #expect(try endOfStream(.chunked, after: chunked) == nil)
    }

    // MARK: Chunk sizes

    @Test func `a chunk size is hexadecimal digits, CRLF or an extension behind them`() {
        let digits = Set(Array("0123456789abcdefABCDEF".utf8))
        for byte in UInt8.min...UInt8.max {
            let character = String(UnicodeScalar(byte))
            #expect((error(character) == nil) == digits.contains(byte), "byte \(byte) first")
            let isAllowedBehind = digits.contains(byte) || [0x0D, 0x3B, 0x20, 0x09].contains(byte)
            #expect((error("1\(character)") == nil) == isAllowedBehind, "byte \(byte) second")
        }
    }

    @Test(arguments: ["fffffffffffffff", "FFFFFFFFFFFFFFF", "000000000000001"])
    func `a size of 15 digits is read`(_ size: String) throws {
        let result = try decode(.chunked, bytes("\(size)\r\na"))
        #expect(result.content == bytes("a"))
    }

    @Test(arguments: [
        "1000000000000000", "ffffffffffffffff", "ffffffffffffffffffffffff", "0000000000000000", "8000000000000000",
    ])
    func `a size of more digits is refused`(_ size: String) {
        #expect(error("\(size)\r\na") == .chunkTooLarge)
    }

    // MARK: Extensions (RFC 9112 §7.1.1)

    @Test(arguments: [
        ";a", ";a=b", ";a=\"\"", ";a=\"b c\\\"\\\\\\ \u{FF}\t\"", ";a;b;c", " ;a", "\t ;\t a", ";a =b", ";a= b",
        ";a = \"b\" ;c", ";a=b ;c", ";!#$%&'*+-.^_`|~=1",
    ])
    func `extensions of the grammar are left out`(_ extensions: String) throws {
        let result = try decode(.chunked, bytes("1\(extensions)\r\nx\r\n0\(extensions)\r\n\r\n"))
        #expect(result.content == bytes("x"))
        #expect(error("1\(extensions)\r\nx\r\n0\(extensions)\r\n\r\n") == nil)
    }

    @Test(arguments: [
        ";", ";;", ";a;", ";=b", ";a=", ";a=;", ";a b", ";a=b c", ";a=\"b", ";a=\"b\"c", ";a=\"\\", ";a==b", ";a=b=c",
        " ", "\t", ";a ", ";a=b ", ";a=\"b\" ",
        ";a,b", ";a=b,c", ";\u{0}", ";a=\u{7F}", ";a=\"\u{0}\"", ";a=\"\u{7F}\"", ";a=\"\\\u{0}\"", ";a=\"\u{1F}\"",
        ";\u{E9}", ";a=\u{E9}", "a;=", ";[a]", ";a=(b)",
    ])
    func `anything else is refused`(_ extensions: String) {
        #expect(error("1\(extensions)\r\nx\r\n0\r\n\r\n") == .chunkMalformed)
        #expect(error("0\(extensions)\r\n\r\n") == .chunkMalformed)
    }

    @Test func `extensions of one chunk are bounded`() {
        let limit = ContentLimits().chunkExtensionBytesMax
        let longest = ";" + String(repeating: "a", count: limit - 1)
        #expect(error("1\(longest)\r\nx\r\n0\r\n\r\n") == nil)
        #expect(error("1\(longest)a") == .chunkExtensionsTooLong(limit: limit))
        #expect(error("1;a=\"" + String(repeating: " ", count: limit)) == .chunkExtensionsTooLong(limit: limit))
    }

    @Test func `extensions are bounded in proportion to the content`() throws {
        let limits = ContentLimits()
        let wordy = "1;" + String(repeating: "a", count: 1000) + "\r\nx\r\n"
        #expect(error(String(repeating: wordy, count: 10)) == nil)
        #expect(
            error(String(repeating: wordy, count: 20)) == .chunkExtensionsTooLong(limit: limits.chunkOverheadBytesMax))
        // Small chunks are no offence by themselves, nor are extensions of chunks as large as they.
        let small = String(repeating: "1\r\nx\r\n", count: 10_000)
        _ = try decode(.chunked, bytes(small))
        let fair = "3e8;" + String(repeating: "a", count: 1000) + "\r\n" + String(repeating: "x", count: 1000) + "\r\n"
        _ = try decode(.chunked, bytes(String(repeating: fair, count: 100)))
    }

    // MARK: Trailers (RFC 9110 §6.5, RFC 9112 §7.1.2)

    private func trailers(_ lines: String) throws(MessageError) -> String {
        var decoder = ContentDecoder(.chunked)
        var offset = 0
        let bytes = bytes("0\r\n\(lines)\r\n")
        let event = try decoder.next(bytes.span, from: &offset)
        #expect(event == .end(at: bytes.count))
        let kept = decoder.withTrailers { Array(copying: $0) }
        let hasTrailers = decoder.hasTrailers
        #expect(hasTrailers == !kept.isEmpty)
        return String(decoding: kept, as: UTF8.self)
    }

    @Test func `unknown fields and ETag are passed on as they came`() throws {
        #expect(try trailers("") == "")
        #expect(
            try trailers("X-A: 1\r\nx-b:2 \r\nETag: \"a\"\r\ngrpc-status: 0\r\n")
                == "X-A: 1\r\nx-b:2 \r\nETag: \"a\"\r\ngrpc-status: 0\r\n")
    }

    @Test(arguments: [
        "Authorization", "Cookie", "Set-Cookie", "X-Forwarded-For", "X_Forwarded_For", "Forwarded", "Cache-Control",
        "Content-Type",
        "Content-Encoding", "Content-Range", "Trailer", "Expect", "Max-Forwards", "Via", "Age", "Date", "Location",
        "X-Real-IP", "Vary",
    ])
    func `fields that decide something must have been in the head`(_ name: String) throws {
        #expect(try trailers("X: y\r\n\(name): x\r\nZ: z\r\n") == "X: y\r\nZ: z\r\n")
    }

    @Test(arguments: [
        "Content-Length", "Transfer-Encoding", "Host", "Connection", "host", "TE", "Upgrade", "Keep-Alive",
        "Proxy-Connection",
    ])
    func `fields of framing, routing and the connection are refused`(_ name: String) {
        #expect(throws: MessageError.trailerNotAllowed) { try trailers("X: y\r\n\(name): x\r\n") }
    }

    @Test func `trailers are bounded in bytes and in number`() throws {
        let limits = ContentLimits()
        let longest = "X: " + String(repeating: "y", count: limits.trailerBytesMax - 7) + "\r\n"
        #expect(try trailers(longest) == longest)
        #expect(error("0\r\nX\(longest)\r\n") == .trailersTooLarge(limit: limits.trailerBytesMax))
        #expect(
            error("0\r\nX: " + String(repeating: " ", count: 20_000))
                == .trailersTooLarge(limit: limits.trailerBytesMax))
        let many = String(repeating: "X: y\r\n", count: limits.trailerCountMax)
        #expect(try trailers(many) == many)
        let hidden = String(repeating: "Cookie: y\r\n", count: limits.trailerCountMax)
        #expect(try trailers(hidden) == "")
        #expect(error("0\r\n\(many)X: y\r\n\r\n") == .tooManyFields(limit: limits.trailerCountMax))
        #expect(error("0\r\n\(hidden)X: y\r\n\r\n") == .tooManyFields(limit: limits.trailerCountMax))
    }

    @Test func `trailers can be read again as a section`() throws {
        var section = FieldSection()
        let lines = bytes("X-A: 1\r\nETag: x\r\n")
        try section.parse(trailers: lines.span)
        #expect(section.lines.map(\.id) == [.other, .etag])
        #expect(section.lines.map { Array(lines[$0.value.bounds]) } == [bytes("1"), bytes("x")])
        #expect(throws: MessageError.self) { try section.parse(trailers: bytes("X-A: 1").span) }
    }

    // MARK: Writing

    @Test func `what is written as chunks is read as it was`() throws {
        var random = SplitMix64(state: 7)
        for _ in 0..<50 {
            let content = (0..<Int.random(in: 0...5000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let trailers = bytes(Bool.random(using: &random) ? "" : "X: y\r\n")
            var buffer = ByteBuffer()
            var rest = content[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 1...700, using: &random)))
                rest = rest.dropFirst(piece.count)
                buffer.appendChunkHeader(size: piece.count)
                buffer.append(piece)
                buffer.appendChunkEnd()
            }
            if trailers.isEmpty { buffer.appendLastChunk() } else { buffer.appendLastChunk(trailers: trailers.span) }
            let written = buffer.bytes()
            let result = try decode(.chunked, written)
            #expect(result.content == content && result.events.last == .end(at: written.count))
        }
    }

    @Test func `the last chunk has an empty trailer section or the lines given`() {
        var buffer = ByteBuffer()
        buffer.appendLastChunk()
        #expect(buffer.bytes() == bytes("0\r\n\r\n"))
        buffer.removeAll()
        buffer.appendLastChunk(trailers: bytes("X: y\r\n").span)
        #expect(buffer.bytes() == bytes("0\r\nX: y\r\n\r\n"))
        buffer.removeAll()
        buffer.appendChunkHeader(size: 4096)
        #expect(buffer.bytes() == bytes("1000\r\n"))
    }
}
