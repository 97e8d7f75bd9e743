import Bytes
import Testing

@testable import HTTP1

@Suite("Field lines (RFC 9112 §5)")
struct FieldLineTests {
    @Test func `names and values are found, whitespace around values is left out`() throws {
        let message = "GET / HTTP/1.0\r\nA:b\r\nCc: \t d e\tf \t \r\nEmpty:\r\nBlank: \t\r\nX-Long-Name-0: y\r\n\r\n"
        let lines = try #require(request(message).head).fields.lines
        #expect(lines.map { text($0.name, of: message) } == ["A", "Cc", "Empty", "Blank", "X-Long-Name-0"])
        #expect(lines.map { text($0.value, of: message) } == ["b", "d e\tf", "", "", "y"])
        let section = message.split(separator: "\r\n", maxSplits: 1)[1].dropLast()
        #expect(lines.map { text($0.line, of: message) }.joined() == section)
    }

    @Test func `a name is a token`() {
        // Short and long, as eight bytes are looked at at once where there are as many.
        for prefix in ["", "A", "Abcdefg", "Abcdefgh", "Abcdefghi"] {
            for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
                let outcome = request(fields: "\(prefix)\(UnicodeScalar(byte))z: value of the field")
                #expect((outcome.head != nil) == isTokenCharacter(byte), "byte \(byte) behind \(prefix)")
            }
        }
    }

    @Test func `a value holds no control character but tab`() {
        for prefix in ["", "a", "abcdefg", "abcdefghijklmnop"] {
            for byte in UInt8.min...UInt8.max {
                let isText = byte == 0x09 || byte >= 0x20 && byte != 0x7F
                let outcome = request(fields: "A: \(prefix)\(UnicodeScalar(byte))\(prefix)")
                #expect((outcome.head != nil) == isText, "byte \(byte) behind \(prefix)")
            }
        }
    }

    @Test(arguments: [": a", ":", " : a", ":a: b"])
    func `an empty name is refused`(_ line: String) {
        #expect(request(fields: line).error != nil)
    }

    @Test(arguments: ["A : b", "A\t: b", "Content-Length : 5", "Transfer-Encoding\t: chunked", "A  : b"])
    func `whitespace before the colon is refused`(_ line: String) {
        #expect(request(fields: line).error == .whitespaceBeforeColon)
    }

    @Test(arguments: [" A: b", "\tA: b", " folded", "\t", " "])
    func `a line that starts with whitespace is refused`(_ line: String) {
        #expect(request(fields: "X: y", line).error == .lineFolded)
        #expect(request("GET / HTTP/1.1\r\n\(line)\r\nHost: a\r\n\r\n").error == .lineFolded)
    }

    @Test(arguments: [
        "A", "A b", "A\u{0}: b", "A(b): c", "A\"b\": c", "\u{E9}: b", "A{}: b", "A[]: b", "A/b: c", "A@b: c", "A=b",
        "A,B: c",
    ])
    func `a line without a colon or with something else in its name is refused`(_ line: String) {
        #expect(request(fields: line).error != nil)
    }

    @Test(arguments: [
        "A: b\nB: c", "A: b\rB: c", "A: b\n", "A: b\r", "A: b\r\r", "A\n: b", "A\r: b", "A:\nb", "A:\rb", "\n", "\r",
        "A: b\r\n\nB: c",
    ])
    func `a bare CR or LF is refused`(_ line: String) {
        #expect(request(fields: line).error != nil)
        #expect(request(fields: line, "C: d").error != nil)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\r\nHost: a\r\n\rX", "GET / HTTP/1.1\r\nHost: a\n\n",
    ])
    func `the blank line is CRLF and nothing less`(_ message: String) {
        #expect(request(message).error == .lineEndMalformed)
    }

    @Test(arguments: ["Content_Length: 5", "content_length: 5", "Transfer_Encoding: chunked", "TRANSFER_ENCODING: x"])
    func `an alias of a framing field is refused`(_ line: String) {
        #expect(request(fields: line).error == .fieldNameAmbiguous)
    }

    @Test func `an alias of another known field in a request is dropped and not found under its name`() throws {
        let message = "GET / HTTP/1.0\r\nX_Forwarded_For: 1\r\nX_Other: 2\r\nUser_agent: 3\r\n\r\n"
        let fields = try #require(request(message).head).fields
        #expect(fields.first(.xForwardedFor) == nil && fields.first(.userAgent) == nil)
        #expect(fields.lines.map(\.isDropped) == [true, false, true])
        // What an origin says is its own affair.
        let answer = try #require(response("HTTP/1.1 200 OK\r\nX_Forwarded_For: 1\r\n\r\n").head).fields
        #expect(answer.first(.xForwardedFor) == nil && answer.lines.map(\.isDropped) == [false])
    }

    // MARK: Limits

    @Test func `a name longer than the limit is refused`() {
        let limit = HeadLimits().fieldNameBytesMax
        let longest = String(repeating: "n", count: limit)
        #expect(request(fields: longest + ": a").head != nil)
        let error = request(fields: longest + "n: a").error
        #expect(error == .fieldNameTooLong(limit: limit) && error?.status == 431)
        #expect(request(fields: longest + "_: a").error == error)
        #expect(request("GET / HTTP/1.1\r\n\(longest)n").error == error)
    }

    @Test func `more fields than the limit are refused`() {
        let limit = HeadLimits().fieldCountMax
        func head(_ count: Int) -> String {
            "GET / HTTP/1.0\r\n" + String(repeating: "A: b\r\n", count: count) + "\r\n"
        }
        #expect(request(head(limit)).head?.fields.lines.count == limit)
        let error = request(head(limit + 1)).error
        #expect(error == .tooManyFields(limit: limit) && error?.status == 431)
    }

    @Test func `a head larger than the limit is refused, complete or not`() {
        let limit = HeadLimits().headBytesMax
        let start = "GET / HTTP/1.0\r\nA: "
        let fitting = start + String(repeating: "a", count: limit - start.utf8.count - 4) + "\r\n\r\n"
        #expect(request(fitting).head?.length == limit)
        #expect(request(fitting.replacing("A: ", with: "A: a")).error == .headTooLarge(limit: limit))
        #expect(request(start + String(repeating: "a", count: limit)).error == .headTooLarge(limit: limit))
        #expect(request(start + String(repeating: " ", count: limit)).error == .headTooLarge(limit: limit))
    }

    @Test func `limits are taken as configured`() {
        var limits = HeadLimits()
        limits.headBytesMax = 40
        limits.fieldCountMax = 1
        limits.targetBytesMax = 3
        #expect(request("GET /ab HTTP/1.0\r\nA: b\r\n\r\n", limits: limits).head != nil)
        #expect(request("GET /abc HTTP/1.0\r\n\r\n", limits: limits).error == .targetTooLong(limit: 3))
        #expect(request("GET / HTTP/1.0\r\nA: b\r\nC: d\r\n", limits: limits).error == .tooManyFields(limit: 1))
        let long = "GET / HTTP/1.0\r\nA: " + String(repeating: "b", count: 40) + "\r\n\r\n"
        #expect(request(long, limits: limits).error == .headTooLarge(limit: 40))
    }
}
