/// The Castagnoli checksum (RFC 3720 appendix B.4), bit by bit: a header is a few dozen bytes, once a connection.
struct CRC32C {
    private var register: UInt32 = ~0

    mutating func add(_ byte: UInt8) {
        register ^= UInt32(byte)
        for _ in 0..<8 { register = register >> 1 ^ (register & 1 == 0 ? 0 : 0x82F6_3B78) }
    }

    var value: UInt32 { ~register }
}
