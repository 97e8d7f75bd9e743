import Testing

@testable import Proxy

@Suite("Messages to a syslog (RFC 5424, RFC 3164)")
struct SyslogMessageTests {
    private func message(_ form: SyslogMessage.Form, host: String = "gate-1") -> SyslogMessage {
        // 1994-11-06 08:49:37.042 UTC
        SyslogMessage(form, seconds: 784_111_777, milliseconds: 42, offset: 3600, host: host, process: 77)
    }

    private func text(_ message: SyslogMessage, _ line: String) -> String {
        String(decoding: message.bytes(about: Array(line.utf8)[...]), as: UTF8.self)
    }

    @Test func `a server gets the header of RFC 5424, in UTC`() {
        #expect(text(message(.standard), "{}") == "<30>1 1994-11-06T08:49:37.042Z gate-1 slidegate 77 access - {}")
    }

    @Test(arguments: ["", "two words", "ümlaut", String(repeating: "a", count: 256)])
    func `a name of the machine that the header cannot hold is left out`(_ host: String) {
        #expect(text(message(.standard, host: host), "{}") == "<30>1 1994-11-06T08:49:37.042Z - slidegate 77 access - {}")
    }

    @Test func `the local socket gets what the C library would write, in local time`() {
        #expect(text(message(.local), "{}") == "<30>Nov  6 09:49:37 slidegate[77]: {}")
    }

    @Test func `a long line is cut between two characters`() {
        for shift in 0..<4 {
            let line = String(repeating: "a", count: shift) + String(repeating: "日", count: 4_000)
            let bytes = message(.standard).bytes(about: Array(line.utf8)[...])
            #expect(bytes.count <= SyslogMessage.bytesMax && bytes.count > SyslogMessage.bytesMax - 4)
            #expect(String(validating: bytes, as: UTF8.self) != nil)
        }
    }

    @Test func `a slice in the middle of others is cut at its own beginning`() {
        let bytes = Array((String(repeating: "x", count: 10_000) + String(repeating: "y", count: 10_000)).utf8)
        let cut = message(.local).bytes(about: bytes[10_000...])
        #expect(cut.count == SyslogMessage.bytesMax && !cut.dropFirst(40).contains(UInt8(ascii: "x")))
    }
}
