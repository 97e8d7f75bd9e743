package import Bytes

/// An IPv4 or IPv6 address without port and zone. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address that
/// it maps: both mean one host, and rules about it must not be passed by in the other spelling.
package enum IPAddress: Hashable, Sendable {
    /// In host byte order.
    case ipv4(UInt32)
    /// The sixteen bytes as two big-endian words.
    case ipv6(high: UInt64, low: UInt64)

    /// Settles what is mapped.
    package init(high: UInt64, low: UInt64) {
        self = high == 0 && low >> 32 == 0xFFFF ? .ipv4(UInt32(truncatingIfNeeded: low)) : .ipv6(high: high, low: low)
    }

    package var isIPv6: Bool { if case .ipv6 = self { true } else { false } }
}

// MARK: - Text

extension IPAddress {
    /// The longest IPv6 address in text: eight groups, the last two as an IPv4 address (RFC 4291 §2.2).
    package static let textBytesMax = 45

    /// Reads dotted decimal, or any of the three forms of RFC 4291 §2.2; no brackets, port, zone or prefix length.
    package init?(_ text: Span<UInt8>) {
        guard text.count <= Self.textBytesMax else { return nil }
        if text.firstIndex(of: 0x3A) == nil {
            guard let address = Self.ipv4(text) else { return nil }
            self = .ipv4(address)
            return
        }
        guard let (high, low) = Self.ipv6(text) else { return nil }
        self.init(high: high, low: low)
    }

    /// Four decimal numbers; no leading zeros, which some readers take for octal.
    static func ipv4(_ text: Span<UInt8>) -> UInt32? {
        var address: UInt32 = 0
        var start = 0
        for part in 0..<4 {
            let end = part == 3 ? text.count : text.firstIndex(of: 0x2E, from: start) ?? text.count
            guard end > start, end - start <= 3, end - start == 1 || text[start] != 0x30,
                let number = text.extracting(start..<end).decimal(), number <= 255
            else { return nil }
            address = address << 8 | UInt32(truncatingIfNeeded: number)
            guard part == 3 || end < text.count else { return nil }
            start = end &+ 1
        }
        return address
    }

    private static func ipv6(_ text: Span<UInt8>) -> (high: UInt64, low: UInt64)? {
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        /// The group before which `::` stands for the missing zeros.
        var gap: Int?
        var index = 0
        if text.count >= 2, text[0] == 0x3A {
            guard text[1] == 0x3A else { return nil }
            gap = 0
            index = 2
        }
        while index < text.count {
            let end = text.firstIndex(of: 0x3A, from: index) ?? text.count
            let part = text.extracting(index..<end)
            if end == text.count, part.firstIndex(of: 0x2E) != nil {
                guard count <= 6, let address = ipv4(part) else { return nil }
                groups[count] = UInt16(truncatingIfNeeded: address >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: address)
                count += 2
                break
            }
            guard count < 8, let group = hexadecimal(part) else { return nil }
            groups[count] = group
            count += 1
            guard end < text.count else { break }
            index = end + 1
            if index == text.count { return nil }  // a single colon at the end
            if text[index] == 0x3A {
                guard gap == nil else { return nil }
                gap = count
                index += 1
            }
        }
        if let gap {
            guard count < 8 else { return nil }  // `::` stands for one group at least
            let shift = 8 - count
            var group = count - 1
            while group >= gap {
                groups[group + shift] = groups[group]
                groups[group] = 0
                group -= 1
            }
        } else if count != 8 {
            return nil
        }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for group in 0..<4 { high = high << 16 | UInt64(groups[group]) }
        for group in 4..<8 { low = low << 16 | UInt64(groups[group]) }
        return (high, low)
    }

    /// One to four hexadecimal digits.
    private static func hexadecimal(_ digits: Span<UInt8>) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for index in 0..<digits.count {
            guard let digit = digits[index].hexadecimalValue else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// Appends dotted decimal, or the form that RFC 5952 §4 makes canonical, without brackets. Allocates nothing but what
    /// `buffer` needs.
    package func append(to buffer: inout ByteBuffer) {
        switch self {
        case .ipv4(let address):
            buffer.append(decimal: Int(address >> 24))
            buffer.append(0x2E)
            buffer.append(decimal: Int(address >> 16 & 0xFF))
            buffer.append(0x2E)
            buffer.append(decimal: Int(address >> 8 & 0xFF))
            buffer.append(0x2E)
            buffer.append(decimal: Int(address & 0xFF))
        case .ipv6(let high, let low):
            func group(_ index: Int) -> Int {
                Int((index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)) & 0xFFFF)
            }
            // The first of the longest runs of two zero groups and more becomes `::`.
            var longest = 0..<1
            var start = 0
            for index in 0..<8 {
                if group(index) != 0 {
                    start = index + 1
                } else if index + 1 - start > longest.count {
                    longest = start..<index + 1
                }
            }
            let gap = longest.count > 1 ? longest : 8..<8
            var index = 0
            while index < 8 {
                if index == gap.lowerBound {
                    buffer.append("::")
                    index = gap.upperBound
                    continue
                }
                if index > 0, index != gap.upperBound { buffer.append(0x3A) }
                buffer.append(hexadecimal: group(index))
                index += 1
            }
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        var buffer = ByteBuffer()
        append(to: &buffer)
        return buffer.withSpan { String(copying: $0) }
    }
}
