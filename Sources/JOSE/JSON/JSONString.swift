import Bytes

/// The strings of JSON (RFC 8259 §7), from and to text.
package enum JSONString {
    /// Calls `emit` with each byte of what `escaped` stands for. `escaped` has no quotes and has passed `JSONReader`:
    /// escapes are known ones, and surrogates come in pairs.
    static func unescape(_ escaped: Span<UInt8>, _ emit: (UInt8) -> Void) {
        var offset = 0
        while offset < escaped.count {
            let byte = escaped[offset]
            offset &+= 1
            guard byte == UInt8(ascii: "\\"), offset < escaped.count else { emit(byte); continue }
            let escape = escaped[offset]
            offset &+= 1
            switch escape {
            case UInt8(ascii: "b"): emit(0x08)
            case UInt8(ascii: "f"): emit(0x0C)
            case UInt8(ascii: "n"): emit(0x0A)
            case UInt8(ascii: "r"): emit(0x0D)
            case UInt8(ascii: "t"): emit(0x09)
            case UInt8(ascii: "u"):
                guard var scalar = codeUnit(escaped, at: offset) else { return }
                offset &+= 4
                if scalar & 0xFC00 == 0xD800, let low = codeUnit(escaped, at: offset &+ 2) {
                    scalar = 0x10000 &+ (scalar & 0x3FF) << 10 &+ low & 0x3FF
                    offset &+= 6
                }
                emitUTF8(scalar, emit)
            default: emit(escape)  // " \ /
            }
        }
    }

    static func unescaped(_ escaped: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(escaped.count)  // escapes are never shorter than what they stand for
        unescape(escaped) { bytes.append($0) }
        return bytes
    }

    /// Four hexadecimal digits as a UTF-16 code unit.
    static func codeUnit(_ text: Span<UInt8>, at offset: Int) -> UInt32? {
        guard offset >= 0, offset &+ 4 <= text.count else { return nil }
        var unit: UInt32 = 0
        for index in offset..<offset &+ 4 {
            guard let digit = text[index].hexadecimalValue else { return nil }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    private static func emitUTF8(_ scalar: UInt32, _ emit: (UInt8) -> Void) {
        func continuation(_ shift: UInt32) { emit(UInt8(truncatingIfNeeded: scalar >> shift) & 0x3F | 0x80) }
        if scalar < 0x80 {
            emit(UInt8(truncatingIfNeeded: scalar))
        } else if scalar < 0x800 {
            emit(UInt8(truncatingIfNeeded: scalar >> 6) | 0xC0)
            continuation(0)
        } else if scalar < 0x10000 {
            emit(UInt8(truncatingIfNeeded: scalar >> 12) | 0xE0)
            continuation(6)
            continuation(0)
        } else {
            emit(UInt8(truncatingIfNeeded: scalar >> 18) | 0xF0)
            continuation(12)
            continuation(6)
            continuation(0)
        }
    }

    /// `text` as a string with its quotes; escapes what has to be escaped and nothing else.
    package static func quoted(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + 2)  // what is written here seldom needs an escape
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20:
                output.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "u"), 0x30, 0x30, 0x30 &+ byte >> 4])
                let digit = byte & 0xF
                output.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
        return output
    }
}
