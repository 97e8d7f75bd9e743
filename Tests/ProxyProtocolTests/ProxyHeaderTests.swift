import Bytes
import Testing

@testable import ProxyProtocol

@Suite("PROXY protocol version 1 (proxy-protocol.txt §2.1)")
struct ProxyLineTests {
    @Test func `TCP4 tells both ends`() throws {
        let line = Array("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nGET / HTTP/1.1\r\n".utf8)
        let header = try #require(try read(line))
        #expect(header.ends?.source == endpoint("192.0.2.1", 56324))
        #expect(header.ends?.destination == endpoint("198.51.100.2", 443))
        #expect(header.length == 45)
    }

    @Test func `TCP6 tells both ends, a mapped address as the IPv4 address it is`() throws {
        let header = try #require(try read(Array("PROXY TCP6 2001:DB8::1 ::ffff:192.0.2.9 1 65535\r\n".utf8)))
        #expect(header.ends?.source == endpoint("2001:db8::1", 1))
        #expect(header.ends?.destination == endpoint("192.0.2.9", 65535))
    }

    @Test(arguments: [
        "PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff and whatever it likes\r\n",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
    ])
    func `UNKNOWN says nothing, whatever follows it`(_ line: String) throws {
        #expect(try read(Array(line.utf8)) == ProxyHeader(ends: nil, length: line.utf8.count))
    }

    @Test func `the longest line has 107 bytes, and one more is refused as soon as it is there`() throws {
        let longest = Array(("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n").utf8)
        #expect(longest.count == 107)
        #expect(try read(longest)?.length == 107)
        let longer = Array(("PROXY UNKNOWN " + String(repeating: "x", count: 93)).utf8)
        #expect(throws: ProxyHeaderError.malformedLine) { try read(longer) }
    }

    @Test(arguments: [
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 99999999999999999999\r\n", "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP6 ::1%lo ::1 1 2\r\n", "PROXY TCP5 ::1 ::1 1 2\r\n", "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWNS\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1\r192.0.2.2 1 2\r\n", "PROXY TCP4 \u{0} 192.0.2.2 1 2\r\n",
    ])
    func `a line that is not as spelled out is refused`(_ line: String) {
        #expect(throws: ProxyHeaderError.malformedLine) { try read(Array(line.utf8)) }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n", "proxy TCP4", "PROXX", "\u{16}\u{3}\u{1}", "P\r\n"])
    func `another protocol is recognised by its first bytes`(_ text: String) {
        #expect(throws: ProxyHeaderError.notAProxyHeader) { try read(Array(text.utf8)) }
    }

    @Test(arguments: [
        "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "PROXY TCP6 ::1 2001:db8::5 1 2\r\n", "PROXY UNKNOWN\r\n",
    ])
    func `a line that has not arrived whole is waited for, at every byte`(_ line: String) throws {
        let bytes = Array(line.utf8)
        for count in 0..<bytes.count { #expect(try read(Array(bytes[..<count])) == nil, "\(count)") }
        #expect(try read(bytes)?.length == bytes.count)
    }
}

@Suite("PROXY protocol version 2 (proxy-protocol.txt §2.2)")
struct ProxyBinaryTests {
    @Test func `TCP over IPv4 tells both ends`() throws {
        let header = try #require(try read(binaryHeader(0x21, 0x11, ipv4Ends) + [0x47]))
        #expect(header.ends?.source == endpoint("192.0.2.1", 56324))
        #expect(header.ends?.destination == endpoint("192.0.2.2", 443))
        #expect(header.length == 28)
    }

    @Test func `TCP over IPv6 tells both ends`() throws {
        let source: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]
        let loopback = [UInt8](repeating: 0, count: 15) + [1]
        let header = try #require(try read(binaryHeader(0x21, 0x21, source + loopback + [0, 1, 0xFF, 0xFF])))
        #expect(header.ends?.source == endpoint("2001:db8::7", 1))
        #expect(header.ends?.destination == endpoint("::1", 65535))
    }

    @Test(arguments: [UInt8(0x00), 0x11, 0x21, 0x31, 0x12])
    func `LOCAL says nothing, whatever its family and length`(_ family: UInt8) throws {
        #expect(try read(binaryHeader(0x20, family, []))?.ends == nil)
        #expect(try read(binaryHeader(0x20, family, [1, 2, 3])) == ProxyHeader(ends: nil, length: 19))
    }

    @Test func `families other than TCP over IP are valid and say nothing`() throws {
        #expect(try read(binaryHeader(0x21, 0x00, [])) == ProxyHeader(ends: nil, length: 16))
        #expect(try read(binaryHeader(0x21, 0x31, [UInt8](repeating: 0x2F, count: 216))) == ProxyHeader(ends: nil, length: 232))
        #expect(try read(binaryHeader(0x21, 0x12, ipv4Ends)) == ProxyHeader(ends: nil, length: 28))
    }

    @Test(arguments: [(UInt8(0x11), UInt8(0x11)), (0x31, 0x11), (0x22, 0x11), (0x2F, 0x11), (0x21, 0x41), (0x21, 0x13), (0x21, 0xFF)])
    func `versions, commands, families and transports that are not defined are refused`(_ command: UInt8, _ family: UInt8) {
        #expect(throws: ProxyHeaderError.undefined) { try read(binaryHeader(command, family, ipv4Ends)) }
    }

    @Test(arguments: [(UInt8(0x11), 11), (0x11, 0), (0x21, 35), (0x31, 215)])
    func `a length that the addresses do not fit in is refused`(_ family: UInt8, _ length: Int) {
        let content = [UInt8](repeating: 0, count: length)
        #expect(throws: ProxyHeaderError.truncated) { try read(binaryHeader(0x21, family, content)) }
    }

    @Test func `elements are skipped, and must end with the header`() throws {
        let elements: [UInt8] = [0x01, 0, 2, 0x68, 0x32, 0x04, 0, 0, 0x20, 0, 3, 0, 0, 0]
        #expect(try read(binaryHeader(0x21, 0x11, ipv4Ends + elements))?.length == 28 + elements.count)
        for broken: [UInt8] in [[0x01], [0x01, 0], [0x01, 0, 1], [0x01, 0xFF, 0xFF, 1], elements + [0x01, 0, 9, 1]] {
            #expect(throws: ProxyHeaderError.truncated) { try read(binaryHeader(0x21, 0x11, ipv4Ends + broken)) }
        }
    }

    @Test func `a header of 4096 bytes is taken, a longer one refused by its length alone`() throws {
        let padding = [UInt8(0x04), UInt8(4065 >> 8), UInt8(4065 & 0xFF)] + [UInt8](repeating: 0, count: 4065)
        #expect(try read(binaryHeader(0x21, 0x11, ipv4Ends + padding))?.length == 4096)
        #expect(throws: ProxyHeaderError.tooLong) { try read(binaryHeader(0x21, 0x11, [], length: 4081)) }
        #expect(throws: ProxyHeaderError.tooLong) { try read(binaryHeader(0x20, 0x00, [], length: 65535)) }
    }

    @Test func `the checksum is that of Castagnoli`() {
        var sum = CRC32C()
        for byte in "123456789".utf8 { sum.add(byte) }
        #expect(sum.value == 0xE306_9283)
    }

    @Test func `a checksum must be right, wherever it stands, and there once`() throws {
        func header(_ sum: [UInt8]) -> [UInt8] {
            binaryHeader(0x21, 0x11, ipv4Ends + [0x04, 0, 1, 9, 0x03, 0, 4] + sum + [0x01, 0, 1, 0x61])
        }
        var sum = CRC32C()
        for byte in header([0, 0, 0, 0]) { sum.add(byte) }
        let right = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum.value >> UInt32($0)) }
        #expect(try read(header(right))?.ends != nil)
        for index in 16..<43 where index != 32 {  // but for the type of the checksum, which then is not there
            var bytes = header(right)
            bytes[index] ^= 0x40
            #expect(throws: ProxyHeaderError.self, "\(index)") { try read(bytes) }
        }
        let twice = binaryHeader(0x21, 0x11, ipv4Ends + [0x03, 0, 4, 0, 0, 0, 0, 0x03, 0, 4, 0, 0, 0, 0])
        #expect(throws: ProxyHeaderError.wrongChecksum) { try read(twice) }
        #expect(throws: ProxyHeaderError.wrongChecksum) { try read(binaryHeader(0x21, 0x11, ipv4Ends + [0x03, 0, 3, 0, 0, 0])) }
    }

    @Test func `a header that has not arrived whole is waited for, at every byte`() throws {
        let bytes = binaryHeader(0x21, 0x11, ipv4Ends + [0x04, 0, 3, 0, 0, 0])
        for count in 0..<bytes.count { #expect(try read(Array(bytes[..<count])) == nil, "\(count)") }
        #expect(try read(bytes)?.length == bytes.count)
    }

    @Test(arguments: 1..<12)
    func `a signature that breaks off is refused at once`(_ index: Int) {
        var bytes = binaryHeader(0x21, 0x11, ipv4Ends)
        bytes[index] ^= 1
        #expect(throws: ProxyHeaderError.notAProxyHeader) { try read(Array(bytes[...index])) }
    }

    @Test func `what is written is read back`() throws {
        let pairs = [("192.0.2.1", "198.51.100.7"), ("2001:db8::1", "::1"), ("192.0.2.1", "2001:db8::2"), ("::2", "192.0.2.1")]
        for (source, destination) in pairs {
            let ends = ProxyHeader.Ends(source: endpoint(source, 1), destination: endpoint(destination, 65535))
            var buffer = ByteBuffer()
            ProxyHeader.append(ends, to: &buffer)
            #expect(try read(buffer.bytes()) == ProxyHeader(ends: ends, length: buffer.count))
        }
        var buffer = ByteBuffer()
        ProxyHeader.append(nil, to: &buffer)
        #expect(try read(buffer.bytes()) == ProxyHeader(ends: nil, length: 16))
    }

    @Test func `no bytes trap, and no header is read that reaches beyond them`() {
        var random = Seeded(7)
        for round in 0..<20_000 {
            var bytes = round % 2 == 0
                ? binaryHeader(0x21, [0x11, 0x21, 0x31][round % 3], ipv4Ends + [UInt8](repeating: 3, count: round % 61))
                : Array("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".utf8)
            for _ in 0..<Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            if let header = try? read(bytes) { #expect(header.length <= bytes.count) }
        }
    }
}
