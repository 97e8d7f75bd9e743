import Bytes

@testable import ProxyProtocol

func address(_ text: String) -> IPAddress? { IPAddress(Array(text.utf8).span) }

func block(_ text: String) throws(AddressBlock.Fault) -> AddressBlock { try AddressBlock(Array(text.utf8).span) }

/// What the bytes are read as; nil: more must arrive.
func read(_ bytes: [UInt8]) throws(ProxyHeaderError) -> ProxyHeader? { try ProxyHeader.read(bytes.span) }

func endpoint(_ text: String, _ port: UInt16) -> ProxyHeader.Endpoint { ProxyHeader.Endpoint(address(text)!, port: port) }

/// A version 2 header of any kind.
func binaryHeader(_ command: UInt8, _ family: UInt8, _ content: [UInt8], length: Int? = nil) -> [UInt8] {
    let length = length ?? content.count
    return [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
        + [command, family, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)] + content
}

/// 192.0.2.1:56324 to 192.0.2.2:443.
let ipv4Ends: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0xDC, 0x04, 0x01, 0xBB]

struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 33
    }
}
