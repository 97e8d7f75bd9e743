import Bytes
import Testing

@testable import ProxyProtocol

@Suite("IP addresses in text (RFC 4291 §2.2, RFC 5952 §4)")
struct IPAddressTests {
    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("fe80::0001", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ])
    func `are read in every form and written in one`(_ text: String, _ canonical: String) throws {
        #expect(try #require(address(text)).description == canonical)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..3.4", "0x1.2.3.4", ":", ":::", "1:", ":1", "::1::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345", "::g", "::1%lo", "[::1]", "::1.2.3", "1.2.3.4::",
        "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:192.0.2.1/96",
    ])
    func `are nothing else`(_ text: String) { #expect(address(text) == nil) }

    @Test func `random addresses are read back`() throws {
        var random = Seeded(3)
        for _ in 0..<2000 {
            var words = [UInt64.random(in: 0 ... .max, using: &random), UInt64.random(in: 0 ... .max, using: &random)]
            for index in 0..<2 { words[index] &= [~0, 0xFFFF_0000_0000_FFFF, 0, 0x0000_FFFF_FFFF_0000][Int(words[index] & 3)] }
            let value = IPAddress(high: words[0], low: words[1])
            #expect(address(value.description) == value)
        }
    }
}

@Suite("Blocks of addresses (RFC 4632 §3.1)")
struct AddressBlockTests {
    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1"]),
        ("192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.6"]),
        ("192.0.2.4/31", ["192.0.2.4", "192.0.2.5"], ["192.0.2.3", "192.0.2.6"]),
        ("::/0", ["::", "ffff::1"], ["192.0.2.1", "::ffff:192.0.2.1"]),
        ("::1/128", ["::1"], ["::2", "0.0.0.1"]),
        ("2001:db8::/32", ["2001:db8:ffff::1"], ["2001:db9::"]),
        ("2001:db8::/65", ["2001:db8::7fff:0:0:1"], ["2001:db8::8000:0:0:0", "2001:db8:0:1::"]),
        ("::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.0"]),
    ])
    func `contain what shares their prefix`(_ text: String, _ inside: [String], _ outside: [String]) throws {
        let block = try block(text)
        for text in inside { #expect(block.contains(try #require(address(text))), "\(text)") }
        for text in outside { #expect(!block.contains(try #require(address(text))), "\(text)") }
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "::/129", "::1/x", "10.0.0.0/8/8", "host/8", "/8", "::ffff:0:0/95"])
    func `are nothing else`(_ text: String) { #expect(throws: AddressBlock.Fault.self) { try block(text) } }

    @Test func `with bits behind the prefix are a mistake`() throws {
        do throws(AddressBlock.Fault) {
            _ = try block("10.1.2.3/8")
            Issue.record("accepted")
        } catch {
            guard case .bitsBehindPrefix(let meant) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(meant.description == "10.0.0.0/8")
        }
    }
}
