import Testing

@testable import HTTP1

@Suite("Message body length of requests (RFC 9112 §6.3)")
struct RequestFramingTests {
    @Test func `without framing fields there is no content`() {
        #expect(request(fields: "A: b").head?.framing == ContentFraming.none)
    }

    @Test(arguments: [
        ("0", 0), ("5", 5), ("007", 7), ("999999999999999999", 999_999_999_999_999_999), (" 5 ", 5), ("\t5\t", 5),
    ])
    func `Content-Length is a decimal number`(_ value: String, _ length: Int) {
        #expect(request(fields: "Content-Length:\(value)").head?.framing == .length(length))
        #expect(request(fields: "CONTENT-length:\(value)").head?.framing == .length(length))
    }

    @Test(arguments: [
        "", "+5", "-5", "-0", "0x5", "5a", "a", "5 5", "5,5", "5, 5", "5,", ",5", "5;", "5.0", "1e3", "1_000", "٥",
        "\"5\"", "5\t6", "'5'",
        "9999999999999999999", "99999999999999999999", "18446744073709551621", "0000000000000000005",
    ])
    func `anything but a decimal number in range is refused`(_ value: String) {
        let message = String(decoding: Array(value.utf8), as: Unicode.ASCII.self) == value ? value : "\u{D9}\u{A5}"
        #expect(request(fields: "Content-Length: \(message)").error == .contentLengthMalformed)
    }

    @Test(arguments: ["5", "6", "x", ""])
    func `Content-Length is refused twice, even when the values agree`(_ second: String) {
        #expect(request(fields: "Content-Length: 5", "content-length: \(second)").error == .contentLengthRepeated)
        #expect(
            request(fields: "Content-Length: 5", "A: b", "Content-Length: \(second)").error == .contentLengthRepeated)
    }

    @Test(arguments: ["chunked", "Chunked", "CHUNKED", " chunked\t"])
    func `chunked is the one transfer coding`(_ value: String) {
        #expect(request(fields: "Transfer-Encoding:\(value)").head?.framing == .chunked)
        #expect(request(fields: "transfer-ENCODING:\(value)").head?.framing == .chunked)
    }

    @Test(arguments: [
        "", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked",
        ", chunked", "chunked;a=b",
        "chunked; q=1", "\"chunked\"", "xchunked", "chunkedx", "x chunked", "chunked x", "chunke", "chu nked",
        "'chunked'", "chunked\u{A0}",
        "\u{A0}chunked", "chun\tked", "chunked, identity", "identity, chunked", "c\u{68}unked ,", "cow",
        "chunKed,chunked", "\u{FF}chunked",
    ])
    func `any other transfer coding is refused`(_ value: String) {
        #expect(request(fields: "Transfer-Encoding: \(value)").error == .transferEncodingUnsupported)
    }

    @Test(arguments: ["chunked", "identity", "gzip", ""])
    func `Transfer-Encoding is refused twice`(_ second: String) {
        #expect(
            request(fields: "Transfer-Encoding: chunked", "Transfer-Encoding: \(second)").error
                == .transferEncodingUnsupported)
        #expect(
            request(fields: "Transfer-Encoding: \(second)", "A: b", "transfer-encoding: chunked").error
                == .transferEncodingUnsupported)
    }

    @Test func `Transfer-Encoding together with Content-Length is refused`() {
        #expect(
            request(fields: "Transfer-Encoding: chunked", "Content-Length: 5").error
                == .transferEncodingWithContentLength)
        #expect(
            request(fields: "Content-Length: 0", "Transfer-Encoding: chunked").error
                == .transferEncodingWithContentLength)
    }

    @Test func `Transfer-Encoding in HTTP/1.0 is refused`() {
        let message = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(request(message).error == .transferEncodingNotAllowed)
    }

    @Test(arguments: [
        "Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding\u{B}: chunked",
        "Transfer-Encoding: \u{B}chunked", "Transfer-Encoding:\u{C}chunked", "Transfer-Encoding: chunked\u{0}",
        "Transfer\u{0}-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked", "Transfer-Encoding\n: chunked",
        "Transfer-Encoding:\n chunked",
        "Transfer-Encoding:\r\n chunked", "\u{FF}Transfer-Encoding: chunked", "Transfer-Encoding",
        "Transfer_Encoding: chunked",
    ])
    func `a disguised Transfer-Encoding is refused beside Content-Length`(_ line: String) {
        #expect(request(fields: "Content-Length: 5", line).error != nil)
        #expect(request(fields: line, "Content-Length: 5").error != nil)
    }

    @Test func `framing fields are not forwarded as they came`() {
        #expect(request(fields: "Content-Length: 5").head?.fields.first(.contentLength)?.isDropped == true)
        #expect(request(fields: "Transfer-Encoding: chunked").head?.fields.first(.transferEncoding)?.isDropped == true)
    }
}
