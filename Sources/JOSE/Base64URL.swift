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
        // A span, because a subscript of the array itself would copy the whole array for each character.
        let table = sextets.span
        var position = start
        var offset = 0
        // Characters outside of the alphabet have values above 63; looked at once, behind the loops.
        var invalid: UInt32 = 0
        // Eight characters are six bytes, written as eight: the two behind are written again later, or not the caller's.
        while offset &+ 8 <= text.count, position &+ 8 <= output.count {
            let word = text.word(at: offset)
            let (first, second) = (table.sextet(word), table.sextet(word &>> 8))
            let (third, fourth) = (table.sextet(word &>> 16), table.sextet(word &>> 24))
            let (fifth, sixth) = (table.sextet(word &>> 32), table.sextet(word &>> 40))
            let (seventh, eighth) = (table.sextet(word &>> 48), table.sextet(word &>> 56))
            invalid |= first | second | third | fourth | fifth | sixth | seventh | eighth
            let upper = first &<< 18 | second &<< 12 | third &<< 6 | fourth
            let lower = fifth &<< 18 | sixth &<< 12 | seventh &<< 6 | eighth
            output.storeBigEndian(UInt64(upper) &<< 40 | UInt64(lower) &<< 16, at: position)
            offset &+= 8
            position &+= 6
        }
        while offset &+ 4 <= text.count {
            let (first, second) = (table.sextet(text[offset]), table.sextet(text[offset &+ 1]))
            let (third, fourth) = (table.sextet(text[offset &+ 2]), table.sextet(text[offset &+ 3]))
            invalid |= first | second | third | fourth
            let group = first &<< 18 | second &<< 12 | third &<< 6 | fourth
            output[position] = UInt8(truncatingIfNeeded: group &>> 16)
            output[position &+ 1] = UInt8(truncatingIfNeeded: group &>> 8)
            output[position &+ 2] = UInt8(truncatingIfNeeded: group)
            offset &+= 4
            position &+= 3
        }
        // Bits behind the last whole byte are zero, or two texts would stand for the same bytes.
        switch text.count &- offset {
        case 0: break
        case 2:
            let (first, second) = (table.sextet(text[offset]), table.sextet(text[offset &+ 1]))
            invalid |= first | second
            guard second & 0x0F == 0 else { return false }
            output[position] = UInt8(truncatingIfNeeded: first &<< 2 | second &>> 4)
        case 3:
            let (first, second, third) = (table.sextet(text[offset]), table.sextet(text[offset &+ 1]), table.sextet(text[offset &+ 2]))
            invalid |= first | second | third
            guard third & 0x03 == 0 else { return false }
            output[position] = UInt8(truncatingIfNeeded: first &<< 2 | second &>> 4)
            output[position &+ 1] = UInt8(truncatingIfNeeded: second &<< 4 | third &>> 2)
        default: return false
        }
        return invalid < 64
    }

    package static func encode(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return text
    }

    package static func string(_ bytes: Span<UInt8>) -> String { String(copying: encode(bytes).span) }

    package static func append(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        var position = text.count
        text.append(contentsOf: repeatElement(0, count: encodedCount(bytes.count)))
        var output = text.mutableSpan
        let table = characters.span
        var offset = 0
        while offset &+ 3 <= bytes.count {
            let group = UInt32(bytes[offset]) &<< 16 | UInt32(bytes[offset &+ 1]) &<< 8 | UInt32(bytes[offset &+ 2])
            output[position] = table.character(group &>> 18)
            output[position &+ 1] = table.character(group &>> 12)
            output[position &+ 2] = table.character(group &>> 6)
            output[position &+ 3] = table.character(group)
            offset &+= 3
            position &+= 4
        }
        switch bytes.count &- offset {
        case 1:
            let group = UInt32(bytes[offset])
            output[position] = table.character(group &>> 2)
            output[position &+ 1] = table.character(group &<< 4)
        case 2:
            let group = UInt32(bytes[offset]) &<< 8 | UInt32(bytes[offset &+ 1])
            output[position] = table.character(group &>> 10)
            output[position &+ 1] = table.character(group &>> 4)
            output[position &+ 2] = table.character(group &<< 2)
        default: break
        }
    }
}

/// The character for each value.
private let characters: InlineArray<64, UInt8> = {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    var characters = InlineArray<64, UInt8>(repeating: 0)
    for (value, character) in alphabet.description.utf8.enumerated() { characters[value] = character }
    return characters
}()

/// The value of each character; 0xFF outside of the alphabet.
private let sextets: InlineArray<256, UInt8> = {
    var values = InlineArray<256, UInt8>(repeating: 0xFF)
    for value in 0..<26 {
        values[0x41 + value] = UInt8(value)
        values[0x61 + value] = UInt8(26 + value)
    }
    for value in 0..<10 { values[0x30 + value] = UInt8(52 + value) }
    values[0x2D] = 62
    values[0x5F] = 63
    return values
}()

extension Span<UInt8> {
    /// For the low six bits of `group`.
    fileprivate func character(_ group: UInt32) -> UInt8 { self[Int(group & 0x3F)] }

    fileprivate func sextet(_ character: UInt8) -> UInt32 { UInt32(self[Int(character)]) }

    /// By the lowest byte of `word`.
    fileprivate func sextet(_ word: UInt64) -> UInt32 { UInt32(self[Int(word & 0xFF)]) }
}
