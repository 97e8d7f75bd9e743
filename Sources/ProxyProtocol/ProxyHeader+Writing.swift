package import Bytes

// MARK: - Writing

extension ProxyHeader {
    /// Appends a version 2 header (§2.2). Of two families the IPv4 address is written as a mapped one.
    ///
    /// - Parameter ends: nil: the client cannot be named, as one behind a Unix socket (PROXY, UNSPEC).
    package static func append(_ ends: Ends?, to buffer: inout ByteBuffer) {
        buffer.append(signature.span)
        buffer.append(0x21)
        guard let ends else {
            buffer.append(0x00)
            append(UInt16(0), to: &buffer)
            return
        }
        if case (.ipv4(let source), .ipv4(let destination)) = (ends.source.address, ends.destination.address) {
            buffer.append(0x11)
            append(UInt16(12), to: &buffer)
            append(source, to: &buffer)
            append(destination, to: &buffer)
        } else {
            buffer.append(0x21)
            append(UInt16(36), to: &buffer)
            append(asIPv6: ends.source.address, to: &buffer)
            append(asIPv6: ends.destination.address, to: &buffer)
        }
        append(ends.source.port, to: &buffer)
        append(ends.destination.port, to: &buffer)
    }

    /// Appends the version 2 header of a connection that is made on nobody's behalf, as to ask whether a server is well (LOCAL).
    package static func appendLocal(to buffer: inout ByteBuffer) {
        buffer.append(signature.span)
        buffer.append(0x20)
        buffer.append(0x00)
        append(UInt16(0), to: &buffer)
    }

    private static func append(asIPv6 address: IPAddress, to buffer: inout ByteBuffer) {
        switch address {
        case .ipv4(let bits):
            append(UInt64(0), to: &buffer)
            append(0xFFFF << 32 | UInt64(bits), to: &buffer)
        case .ipv6(let high, let low):
            append(high, to: &buffer)
            append(low, to: &buffer)
        }
    }

    /// Most significant byte first.
    private static func append<Word: FixedWidthInteger>(_ word: Word, to buffer: inout ByteBuffer) {
        var shift = Word.bitWidth - 8
        while shift >= 0 {
            buffer.append(UInt8(truncatingIfNeeded: word >> Word(shift)))
            shift -= 8
        }
    }
}
