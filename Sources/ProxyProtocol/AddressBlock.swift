internal import Bytes

/// A block of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3): `10.0.0.0/8`, `2001:db8::/32`; an address alone
/// is a block of one.
///
/// Invariant: no bit behind the prefix is set.
package struct AddressBlock: Hashable, Sendable {
    package enum Fault: Error {
        case notAnAddress
        case lengthOutOfRange(max: Int)
        /// Bits behind the prefix are set: either the address or the length is not what was meant.
        case bitsBehindPrefix(AddressBlock)
    }

    package let address: IPAddress
    /// 0 to 32, or to 128.
    package let prefixLength: Int
    private let highMask: UInt64
    private let lowMask: UInt64

    /// Settles bits behind the prefix.
    /// - Precondition: `length` is within the address's own.
    private init(_ address: IPAddress, length: Int) {
        prefixLength = length
        switch address {
        case .ipv4(let bits):
            highMask = 0
            lowMask = Self.mask(length + 32) & 0xFFFF_FFFF
            self.address = .ipv4(bits & UInt32(truncatingIfNeeded: lowMask))
        case .ipv6(let high, let low):
            highMask = Self.mask(min(length, 64))
            lowMask = Self.mask(max(length - 64, 0))
            self.address = .ipv6(high: high & highMask, low: low & lowMask)
        }
    }

    /// The top `length` of 64 bits.
    private static func mask(_ length: Int) -> UInt64 { length == 0 ? 0 : ~0 << UInt64(64 - length) }

    /// A block of IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is one of IPv4 addresses.
    package init(_ text: Span<UInt8>) throws(Fault) {
        let slash = text.firstIndex(of: 0x2F) ?? text.count
        guard let address = IPAddress(text.extracting(0..<slash)) else { throw .notAnAddress }
        let isWrittenAsIPv6 = text.extracting(0..<slash).firstIndex(of: 0x3A) != nil
        let written = isWrittenAsIPv6 ? 128 : 32
        var length = written
        if slash < text.count {
            let digits = text.extracting((slash + 1)...)
            guard digits.count <= 3, digits.count == 1 || digits.isEmpty || digits[0] != 0x30, let number = digits.decimal(),
                number <= written
            else { throw .lengthOutOfRange(max: written) }
            length = number
        }
        if isWrittenAsIPv6, !address.isIPv6 {
            guard length >= 96 else { throw .notAnAddress }  // half of it would be no mapped addresses
            length -= 96
        }
        self.init(address, length: length)
        guard self.address == address else { throw .bitsBehindPrefix(self) }
    }

    package func contains(_ candidate: IPAddress) -> Bool {
        switch (address, candidate) {
        case (.ipv4(let own), .ipv4(let other)): (own ^ other) & UInt32(truncatingIfNeeded: lowMask) == 0
        case (.ipv6(let high, let low), .ipv6(let otherHigh, let otherLow)):
            (high ^ otherHigh) & highMask == 0 && (low ^ otherLow) & lowMask == 0
        case (.ipv4, .ipv6), (.ipv6, .ipv4): false
        }
    }
}

extension AddressBlock: CustomStringConvertible {
    package var description: String { "\(address)/\(prefixLength)" }
}
