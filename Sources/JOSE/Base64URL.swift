import Bytes

/// base64url without padding (RFC 4648 §5, RFC 7515 §2), in its one canonical form: no line breaks, no `=`, no other
/// alphabet, and the bits behind the last byte are zero. So a text has one value, and a value one text.
package enum Base64URL {
    /// The number of bytes that `count` characters stand for; nil when no text has that length.
    @inlinable
    package static func decodedCount(_ count: Int) -> Int? {
        count % 4 == 1 ? nil : count / 4 &* 3 &+ (count % 4) &* 3 / 4
    }

    package static func encodedCount(_ count: Int) -> Int { (count &* 4 &+ 2) / 3 }

    /// The bytes that `text` stands for; nil when it is not canonical.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard let count = decodedCount(text.count) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var output = bytes.mutableSpan
        return decode(text, into: &output, at: 0) ? bytes : nil
    }

    /// Writes the bytes that `text` stands for from `start` on; there must be room for `decodedCount(text.count)`.
    ///
    /// - Returns: false when `text` is not canonical; some bytes may have been written.
    static func decode(_ text: Span<UInt8>, into output: inout MutableSpan<UInt8>, at start: Int) -> Bool {
        var position = start
        var offset = 0
        // The values of characters outside of the alphabet have bit 6 or 7 set; looked at once, behind the loop.
        var invalid: UInt8 = 0
        let wholeGroups = text.count & ~3
        while offset < wholeGroups {
            let (first, second) = (sextets[text[offset]], sextets[text[offset &+ 1]])
            let (third, fourth) = (sextets[text[offset &+ 2]], sextets[text[offset &+ 3]])
            invalid |= first | second | third | fourth
            output[position] = first &<< 2 | second &>> 4
            output[position &+ 1] = second &<< 4 | third &>> 2
            output[position &+ 2] = third &<< 6 | fourth
            offset &+= 4
            position &+= 3
        }
        switch text.count & 3 {
        case 0: break
        case 2:
            let (first, second) = (sextets[text[offset]], sextets[text[offset &+ 1]])
            invalid |= first | second
            guard second & 0x0F == 0 else { return false }
            output[position] = first &<< 2 | second &>> 4
        case 3:
            let (first, second) = (sextets[text[offset]], sextets[text[offset &+ 1]])
            let third = sextets[text[offset &+ 2]]
            invalid |= first | second | third
            guard third & 0x03 == 0 else { return false }
            output[position] = first &<< 2 | second &>> 4
            output[position &+ 1] = second &<< 4 | third &>> 2
        default: return false
        }
        return invalid & 0xC0 == 0
    }

    package static func encode(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return text
    }

    package static func string(_ bytes: Span<UInt8>) -> String { String(copying: encode(bytes).span) }

    package static func append(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        text.reserveCapacity(text.count &+ encodedCount(bytes.count))
        var offset = 0
        while offset &+ 3 <= bytes.count {
            let group = UInt32(bytes[offset]) &<< 16 | UInt32(bytes[offset &+ 1]) &<< 8 | UInt32(bytes[offset &+ 2])
            text.append(character(group &>> 18))
            text.append(character(group &>> 12))
            text.append(character(group &>> 6))
            text.append(character(group))
            offset &+= 3
        }
        switch bytes.count &- offset {
        case 1:
            let group = UInt32(bytes[offset])
            text.append(character(group &>> 2))
            text.append(character(group &<< 4))
        case 2:
            let group = UInt32(bytes[offset]) &<< 8 | UInt32(bytes[offset &+ 1])
            text.append(character(group &>> 10))
            text.append(character(group &>> 4))
            text.append(character(group &<< 2))
        default: break
        }
    }

    /// The character for the low six bits of `group`.
    private static func character(_ group: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: group) & 0x3F
        switch value {
        case 0..<26: return value &+ 0x41
        case 26..<52: return value &+ 0x47
        case 52..<62: return value &- 4
        case 62: return 0x2D
        default: return 0x5F
        }
    }
}

/// The value of each character; 0xFF outside of the alphabet.
private let sextets = SextetTable()

private struct SextetTable: Sendable {
    private let values: InlineArray<256, UInt8>

    init() {
        var values = InlineArray<256, UInt8>(repeating: 0xFF)
        for value in 0..<26 {
            values[0x41 + value] = UInt8(value)
            values[0x61 + value] = UInt8(26 + value)
        }
        for value in 0..<10 { values[0x30 + value] = UInt8(52 + value) }
        values[0x2D] = 62
        values[0x5F] = 63
        self.values = values
    }

    subscript(character: UInt8) -> UInt8 { values[Int(character)] }
}
