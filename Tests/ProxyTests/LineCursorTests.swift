import Bytes
import EventLoop
import Foundation
import Glibc
import Testing

@testable import Proxy

/// What the cursor writes; at most 64 KiB.
func written(_ body: (inout LineCursor) -> Void) -> [UInt8] {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
    defer { memory.deallocate() }
    var cursor = LineCursor(memory)
    body(&cursor)
    return Array(memory[..<cursor.count])
}

func text(_ body: (inout LineCursor) -> Void) -> String { String(decoding: written(body), as: UTF8.self) }

@Suite("Text in lines of the access log")
struct LineCursorTests {
    private func json(_ bytes: [UInt8]) -> [UInt8] { written { $0.put(bytes.span, .json) } }
    private func hexadecimal(_ string: String) -> String { text { $0.put(Array(string.utf8).span, .hexadecimal) } }
    private func path(_ string: String) -> String { text { $0.put(Array(string.utf8).span, within: .path, .json) } }
    private func words(_ string: String) -> String { text { $0.put(Array(string.utf8).span, within: .words, .json) } }
    private func reference(_ string: String) -> String { text { $0.put(reference: Array(string.utf8).span, .json) } }

    /// By a parser that knows nothing of the cursor; nil when it refuses the text.
    private func parsed(_ bytes: [UInt8]) throws -> String {
        try #require(try JSONSerialization.jsonObject(with: Data([0x22] + bytes + [0x22]), options: .fragmentsAllowed) as? String)
    }

    @Test func `numbers are written in decimal`() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, 999_999_999, Int.max, -1, -10, Int.min] {
            #expect(text { $0.put(decimal: number) } == "\(number)")
        }
    }

    @Test func `words are written in sixteen hexadecimal digits, or the first of them`() {
        var words: [UInt64] = [0, 1, 0xF, .max, 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, 0x9A9A_9A9A_9A9A_9A9A]
        words += (0..<10_000).map { _ in UInt64.random(in: 0...UInt64.max) }
        for word in words {
            let digits = String(word, radix: 16)
            let expected = String(repeating: "0", count: 16 - digits.count) + digits
            #expect(text { $0.put(hexadecimal: word) } == expected)
            #expect(text { $0.put(hexadecimal: word, digits: 12) } == expected.prefix(12))
        }
    }

    @Test(arguments: [
        (0, "0.000"), (999, "0.000"), (1_000, "0.001"), (1_234_567, "1.234"), (12_000_000, "12.000"), (-5, "0.000"),
        (Int64.max, "9223372036854.775"),
    ])
    func `durations are milliseconds to the microsecond`(_ nanoseconds: Int64, _ expected: String) {
        #expect(text { $0.put(milliseconds: nanoseconds) } == expected)
    }

    @Test func `every byte at every place is valid JSON that means the same`() throws {
        for length in 1...17 {
            for place in 0..<length {
                for byte in UInt8.min..<0x80 {
                    var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: length)
                    bytes[place] = byte
                    #expect(try parsed(json(bytes)) == String(decoding: bytes, as: UTF8.self))
                }
            }
        }
    }

    @Test func `random bytes are valid JSON, on one line, and what is no UTF-8 becomes U+FFFD`() throws {
        var generator = SystemRandomNumberGenerator()
        // Rich in what matters: leads and continuations of UTF-8, quotes, controls.
        let rich: [UInt8] = [0, 0x0A, 0x0D, 0x1B, 0x22, 0x5C, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                Bool.random(using: &generator) ? rich.randomElement(using: &generator)! : UInt8.random(in: 0...255, using: &generator)
            }
            let line = json(bytes)
            #expect(line.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
            let text = try parsed(line)
            let expected = String(decoding: bytes, as: UTF8.self)
            // How many U+FFFD stand for a run of nonsense is a matter of taste: runs are compared as one.
            #expect(Self.collapsed(text) == Self.collapsed(expected), "\(bytes)")
        }
    }

    /// Without U+FEFF, which Foundation's parser takes for a byte order mark wherever it stands.
    private static func collapsed(_ text: String) -> [UInt32] {
        text.unicodeScalars.map(\.value).filter { $0 != 0xFEFF }.reduce(into: []) { if $1 != 0xFFFD || $0.last != 0xFFFD { $0.append($1) } }
    }

    @Test func `characters beyond ASCII stay, and what a terminal would obey does not`() {
        #expect(String(decoding: json(Array("Jürgen – 日本 🎈".utf8)), as: UTF8.self) == "Jürgen – 日本 🎈")
        #expect(String(decoding: json(Array("\u{9B}2J\u{1B}[2J\u{7F}".utf8)), as: UTF8.self) == #"\u009b2J\u001b[2J\u007f"#)
    }

    @Test func `in the combined format everything but printable ASCII is escaped as nginx does it`() {
        #expect(hexadecimal(#"a "b" \c"#) == #"a \x22b\x22 \x5Cc"#)
        #expect(hexadecimal("ä\r\n\u{0}\u{7F}~") == #"\xC3\xA4\x0D\x0A\x00\x7F~"#)
        #expect(hexadecimal("Mozilla/5.0 (X11; Linux)") == "Mozilla/5.0 (X11; Linux)")
    }

    @Test func `segments of a path that may be tokens are cut`() {
        #expect(path("/a/b") == "/a/b")
        #expect(path("/users/123e4567-e89b-12d3-a456-426614174000/x") == "/users/123e4567-e89b-12d3-a456-426614174000/x")
        #expect(path("/reset/" + String(repeating: "k", count: 41) + "/ok") == "/reset/kkkkkkkk.../ok")
        #expect(path(String(repeating: "k", count: 60)) == "kkkkkkkkk...")
        let long = String(repeating: "/segment", count: 40)
        #expect(path(long) == String(repeating: "/segment", count: 32) + "...")
    }

    @Test func `long words are cut, and long texts`() {
        let browser = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
        #expect(words(browser) == browser)
        #expect(words("app " + String(repeating: "e", count: 120) + " end") == "app eeeeeeee... end")
        #expect(words("app rt=sgr_" + String(repeating: "e", count: 50)) == "app rt=sgr_e...")
        let long = words(String(repeating: "word ", count: 1000))
        #expect(long.utf8.count < 600 && long.hasSuffix("..."))
    }

    @Test(arguments: [
        ("https://a.example/b/c?token=x#y", "https://a.example/b/c"), ("https://user:secret@a.example:8443/b", "https://a.example:8443/b"),
        ("https://a.example?x@y", "https://a.example"), ("/relative/path#f", "/relative/path"), ("user:secret@a.example/b", "..."),
        ("https://a.example/" + String(repeating: "t", count: 50), "https://a.example/tttttttt..."), ("about:blank", "..."),
        ("//", "..."), ("https://", "https://"), ("https://@", "..."), ("https://x/@/y", "https://x/@/y"), ("HTTPS://A/b", "HTTPS://A/b"),
        ("https://h/a\\@u:secret@b", "https://h/a"), ("https:/\\u:secret@h/", "..."), ("https://h/cb;code=secret&x", "https://h/cb"),
        ("javascript:secret", "..."), ("https://a:b@c:d@e/f", "https://e/f"), ("https://a%3Fsecret/b", "..."),
    ])
    func `a reference loses its user, query and fragment`(_ value: String, _ expected: String) {
        #expect(reference(value) == expected)
    }

    @Test func `a token stays out of every kind of text, wherever it stands`() {
        // As short as one signed with HMAC can be.
        let token = String(repeating: "h", count: 20) + "." + String(repeating: "p", count: 24) + "." + String(repeating: "s", count: 43)
        for text in [path("/a/" + token), words("app " + token + " x"), words(token), reference(token), reference("https://" + token),
            reference("https://a/" + token), reference(token + "://a/b")] {
            #expect(!text.contains("p") || !text.contains(String(repeating: "p", count: 24)))
            #expect(!text.contains(String(repeating: "s", count: 40)))
        }
    }

    @Test func `no text becomes longer than what memory is lent for`() {
        var generator = SystemRandomNumberGenerator()
        let alphabet: [UInt8] = [0x20, 0x2F, 0x40, 0x3F, 0x3A, 0x61, 0x62, 0x00, 0x22, 0xC2, 0x85, 0xFF]
        for round in 0..<4_000 {
            let plain = UInt8.random(in: 1...200, using: &generator)
            let text = (0..<Int.random(in: 0...(round % 2 == 0 ? 120 : 1_200), using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator) < plain ? 0x01 : alphabet.randomElement(using: &generator)!
            }
            for escaping in [LineCursor.Escaping.json, .hexadecimal] {
                for limits in [TextLimits.path, .host, .words] {
                    // Writing beyond would end the process.
                    #expect(length(atMost: limits.linesBytesMax(text.count)) { $0.put(text.span, within: limits, escaping) } >= 0)
                }
                #expect(length(atMost: LineCursor.referenceBytesMax(text.count)) { $0.put(reference: text.span, escaping) } >= 0)
            }
        }
    }

    private func length(atMost bytesMax: Int, _ body: (inout LineCursor) -> Void) -> Int {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytesMax + LineCursor.slack, alignment: 8)
        defer { memory.deallocate() }
        var cursor = LineCursor(memory)
        body(&cursor)
        return cursor.count
    }

    @Test func `addresses are written as everywhere else, also those that share a place`() {
        var texts = AddressTexts()
        var clients: [SocketAddress] = [.ipv4(address: 0x7F00_0001, port: 80), .ipv4(address: 0xFFFF_FFFF, port: 1), .unnamed, .unix(path: "/a")]
        for low in 0..<200 { clients.append(.ipv6(high: 0x2001_0db8 << 32, low: UInt64(low), port: 1, scope: 0)) }
        for client in clients + clients.reversed() {
            let bytes = written { texts.put(client, &$0) }
            #expect(String(decoding: bytes, as: UTF8.self) == client.hostText)
        }
    }

    @Test func `the time of day is that of the instant, whatever was asked before`() throws {
        var clock = LogClock()
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        let begun = Date()
        for back in [0, 1, 59, 3_600, 86_400, 0] as [Int64] {
            let text = text { clock.putInternetTime(now - back * 1_000_000_000, &$0) }
            let form = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            #expect(abs(try form.parse(text).timeIntervalSince(begun) + Double(back)) < 5)
        }
        var other = LogClock()
        let common = text { other.putCommonTime(now, &$0) }
        #expect(common.wholeMatch(of: /\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000/) != nil)
    }
}
