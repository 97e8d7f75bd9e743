import Bytes
import JOSE

/// Names one session among all others: 128 random bits. Written as 22 characters of base64url, also as the `sid` claim of the
/// session's access tokens.
package struct SessionID: Hashable, Sendable {
    package let high, low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Bits from the system's generator, so that nobody can guess one. The text does not begin with `-`, which command lines take
    /// for an option.
    package static func random() -> SessionID {
        var generator = SystemRandomNumberGenerator()
        while true {
            let id = SessionID(high: generator.next(), low: generator.next())
            if id.high >> 58 != Self.dash { return id }
        }
    }

    /// What `-` stands for in base64url (RFC 4648 §5).
    private static let dash: UInt64 = 62

    /// Nil for anything but the canonical text of 16 bytes.
    package init?(text: Span<UInt8>) {
        guard text.count == Self.textBytes, let bytes = Base64URL.decode(text) else { return nil }
        self.init(bytes: bytes.span)
    }

    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(text: bytes.span)
    }

    /// From 16 bytes, big-endian; nil for any other number of them.
    package init?(bytes: Span<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            high = high << 8 | UInt64(bytes[index])
            low = low << 8 | UInt64(bytes[8 + index])
        }
        self.init(high: high, low: low)
    }

    package static let byteCount = 16
    package static let textBytes = 22

    package var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * $0)) }
    }

    package var text: String {
        let bytes = bytes
        return String(decoding: Base64URL.encode(bytes.span), as: UTF8.self)
    }
}

/// As big-endian numbers, which is not the order of their texts: for orders that only have to be total.
extension SessionID: Comparable {
    package static func < (left: SessionID, right: SessionID) -> Bool { (left.high, left.low) < (right.high, right.low) }
}

extension SessionID: CustomStringConvertible {
    package var description: String { text }
}
