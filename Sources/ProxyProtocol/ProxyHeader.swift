internal import Bytes

/// What a proxy in front says about a connection that it passes on, before the connection's first own byte: the PROXY
/// protocol of HAProxy (`doc/proxy-protocol.txt`), version 1 and 2.
package struct ProxyHeader: Equatable, Sendable {
    /// One end of a connection.
    package struct Endpoint: Equatable, Sendable {
        package var address: IPAddress
        package var port: UInt16

        package init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// The client and what it connected to. Nil: the connection's own ends count, as for a health check of the proxy
    /// (LOCAL), for a client that the proxy cannot name (UNKNOWN, UNSPEC), and for families that are no TCP over IP.
    package var ends: Ends?
    /// How long the header is.
    package var length: Int

    package struct Ends: Equatable, Sendable {
        package var source: Endpoint
        package var destination: Endpoint

        package init(source: Endpoint, destination: Endpoint) {
            self.source = source
            self.destination = destination
        }
    }
}

/// Why the bytes that a connection begins with are no PROXY header.
package enum ProxyHeaderError: Error, Equatable, Sendable {
    /// Another protocol, or none of the two versions.
    case notAProxyHeader
    /// A version 1 line that is longer than 107 bytes, or not what the specification spells out.
    case malformedLine
    /// A command, family or transport that version 2 does not define.
    case undefined
    /// Longer than `ProxyHeader.bytesMax`.
    case tooLong
    /// Shorter than what its family needs, or with an element that reaches beyond its end.
    case truncated
    case wrongChecksum
}

// MARK: - Reading

extension ProxyHeader {
    /// Room for addresses and for elements (TLVs) such as a client certificate's name; the bound that nginx sets too.
    package static let bytesMax = 4096
    /// With its CRLF (§2.1).
    static let lineBytesMax = 107

    private static let keyword: InlineArray<6, UInt8> = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]  // "PROXY "
    static let signature: InlineArray<12, UInt8> = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// Reads the header that a connection begins with.
    ///
    /// - Parameter bytes: all that has arrived so far; called again with more. That costs little: nothing is looked at
    ///   twice but the first bytes, and `bytesMax` bounds how often.
    /// - Returns: nil when more must arrive to tell.
    /// - Throws: as soon as no continuation could be a header.
    package static func read(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        guard !bytes.isEmpty else { return nil }
        return bytes[0] == signature[0] ? try readBinary(bytes) : try readLine(bytes)
    }
}

// MARK: - Version 1

extension ProxyHeader {
    private static func readLine(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        for index in 0..<min(bytes.count, 6) where bytes[index] != keyword[index] { throw .notAProxyHeader }
        let end = bytes.extracting(0..<min(bytes.count, lineBytesMax)).firstIndex(of: 0x0A)
        guard let end else {
            guard bytes.count < lineBytesMax else { throw .malformedLine }
            return nil
        }
        guard end > 6, bytes[end - 1] == 0x0D else { throw .malformedLine }
        let line = bytes.extracting(6..<end - 1)
        guard line.firstIndex(of: 0x0D) == nil else { throw .malformedLine }
        let length = end + 1
        var start = 0
        let family = line.extracting(word(line, from: &start) ?? 0..<line.count)
        // Behind UNKNOWN anything may stand, and must be ignored.
        if family.elementsEqual("UNKNOWN") { return ProxyHeader(ends: nil, length: length) }
        let isIPv6 = family.elementsEqual("TCP6")
        guard isIPv6 || family.elementsEqual("TCP4"), let source = word(line, from: &start),
            let destination = word(line, from: &start), let sourcePort = word(line, from: &start)
        else { throw .malformedLine }
        return ProxyHeader(
            ends: Ends(
                source: try endpoint(line.extracting(source), line.extracting(sourcePort), isIPv6: isIPv6),
                destination: try endpoint(line.extracting(destination), line.extracting(start...), isIPv6: isIPv6)),
            length: length)
    }

    /// Where the word before the next space stands; the space is skipped.
    private static func word(_ line: Span<UInt8>, from start: inout Int) -> Range<Int>? {
        guard let end = line.firstIndex(of: 0x20, from: start) else { return nil }
        defer { start = end + 1 }
        return start..<end
    }

    private static func endpoint(
        _ address: Span<UInt8>, _ port: Span<UInt8>, isIPv6: Bool
    ) throws(ProxyHeaderError) -> Endpoint {
        guard (address.firstIndex(of: 0x3A) != nil) == isIPv6, let address = IPAddress(address) else { throw .malformedLine }
        return Endpoint(address, port: try self.port(port))
    }

    /// 0 to 65535 without leading zeros.
    private static func port(_ text: Span<UInt8>) throws(ProxyHeaderError) -> UInt16 {
        guard text.count <= 5, text.count == 1 || text.isEmpty || text[0] != 0x30, let number = text.decimal(),
            let port = UInt16(exactly: number)
        else { throw .malformedLine }
        return port
    }
}

// MARK: - Version 2

extension ProxyHeader {
    private static let fixedBytes = 16
    /// The type of the element that holds the header's checksum (§2.2.3, PP2_TYPE_CRC32C).
    private static let checksumType: UInt8 = 0x03

    private static func readBinary(_ bytes: Span<UInt8>) throws(ProxyHeaderError) -> ProxyHeader? {
        for index in 0..<min(bytes.count, 12) where bytes[index] != signature[index] { throw .notAProxyHeader }
        guard bytes.count > 12 else { return nil }
        guard bytes[12] == 0x20 || bytes[12] == 0x21 else { throw .undefined }
        guard bytes.count > 13 else { return nil }
        guard bytes[13] >> 4 <= 3, bytes[13] & 0xF <= 2 else { throw .undefined }
        guard bytes.count >= fixedBytes else { return nil }
        let length = fixedBytes + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard length <= bytesMax else { throw .tooLong }
        guard bytes.count >= length else { return nil }
        // The proxy speaks for itself; what else it says must be ignored, the family too.
        if bytes[12] == 0x20 { return ProxyHeader(ends: nil, length: length) }

        let header = bytes.extracting(0..<length)
        let addressBytes = [0, 12, 36, 216][Int(bytes[13] >> 4)]
        guard fixedBytes + addressBytes <= length else { throw .truncated }
        try checkElements(header, from: fixedBytes + addressBytes)
        switch bytes[13] {
        case 0x11:
            let ends = Ends(
                source: Endpoint(.ipv4(word32(header, at: 16)), port: word16(header, at: 24)),
                destination: Endpoint(.ipv4(word32(header, at: 20)), port: word16(header, at: 26)))
            return ProxyHeader(ends: ends, length: length)
        case 0x21:
            let source = IPAddress(high: word64(header, at: 16), low: word64(header, at: 24))
            let destination = IPAddress(high: word64(header, at: 32), low: word64(header, at: 40))
            let ends = Ends(
                source: Endpoint(source, port: word16(header, at: 48)),
                destination: Endpoint(destination, port: word16(header, at: 50)))
            return ProxyHeader(ends: ends, length: length)
        default:
            return ProxyHeader(ends: nil, length: length)
        }
    }

    /// Every element must end within the header, and a checksum must be right; what else they say is skipped.
    private static func checkElements(_ header: Span<UInt8>, from start: Int) throws(ProxyHeaderError) {
        var index = start
        var checksum: Int?
        while index < header.count {
            guard index + 3 <= header.count else { throw .truncated }
            let end = index + 3 + Int(word16(header, at: index + 1))
            guard end <= header.count else { throw .truncated }
            if header[index] == checksumType {
                guard end == index + 7, checksum == nil else { throw .wrongChecksum }
                checksum = index + 3
            }
            index = end
        }
        guard let checksum else { return }
        var sum = CRC32C()
        for index in 0..<header.count { sum.add((checksum..<checksum + 4).contains(index) ? 0 : header[index]) }
        guard sum.value == word32(header, at: checksum) else { throw .wrongChecksum }
    }

    private static func word16(_ bytes: Span<UInt8>, at offset: Int) -> UInt16 {
        UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    private static func word32(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
        UInt32(word16(bytes, at: offset)) << 16 | UInt32(word16(bytes, at: offset + 2))
    }

    private static func word64(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        UInt64(word32(bytes, at: offset)) << 32 | UInt64(word32(bytes, at: offset + 4))
    }
}
