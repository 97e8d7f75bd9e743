import Bytes

/// Writes a line into memory that is lent for it, without an allocation or a call for each piece.
///
/// Whoever lends the memory knows the longest that the line can become; a line that would be longer ends the process rather than
/// writing beyond.
///
/// Invariant: `start ≤ next ≤ end`, and what is before `next` has been written.
struct LineCursor {
    /// What one byte of text can become in JSON: `\u001f`. Elsewhere it becomes less.
    static let escapeBytesMax = 6
    /// Text is copied eight bytes at a time, also the last one.
    static let slack = 8

    private let start: UnsafeMutablePointer<UInt8>
    private var next: UnsafeMutablePointer<UInt8>
    private let end: UnsafeMutablePointer<UInt8>

    /// - Parameter memory: stays lent for as long as this is used.
    init(_ memory: UnsafeMutableRawBufferPointer) {
        start = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
        next = start
        end = start + memory.count
    }

    var count: Int { next - start }

    @inline(__always)
    private func reserve(_ count: Int) { precondition(end - next >= count, "the line is longer than it can be") }

    @inline(__always)
    mutating func put(_ literal: StaticString) {
        let count = literal.utf8CodeUnitCount
        reserve(count)
        next.update(from: literal.utf8Start, count: count)
        next += count
    }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        reserve(1)
        next.pointee = byte
        next += 1
    }

    /// As it is: nothing in it means anything to a reader.
    mutating func put(_ bytes: Span<UInt8>) {
        let count = bytes.count
        guard count > 0 else { return }
        reserve(count)
        let next = next
        // The span is of other memory: this one is lent to nobody else.
        bytes.withUnsafeBufferPointer { next.update(from: $0.baseAddress!, count: count) }
        self.next = next + count
    }

    mutating func put(_ bytes: [UInt8]) { put(bytes.span) }

    mutating func put(decimal value: Int) {
        if value >= 0, value < 10 { return put(0x30 &+ UInt8(truncatingIfNeeded: value)) }
        var rest = value.magnitude
        var length = 0
        var power: UInt = 1
        repeat {
            length &+= 1
            let (product, overflow) = power.multipliedReportingOverflow(by: 10)
            power = product
            if overflow { break }
        } while power <= rest
        if value < 0 { put(0x2D) }
        reserve(length)
        var position = next + length
        repeat {
            position -= 1
            position.pointee = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while position > next
        next += length
    }

    /// With as many digits as are said, by leading zeros.
    mutating func put(decimal value: Int, digits: Int) {
        reserve(digits)
        var rest = value.magnitude
        var position = next + digits
        while position > next {
            position -= 1
            position.pointee = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        next += digits
    }

    /// Milliseconds to the microsecond: `12.345`.
    mutating func put(milliseconds nanoseconds: Int64) {
        let microseconds = Int(max(0, nanoseconds) / 1000)
        put(decimal: microseconds / 1000)
        put(0x2E)
        put(decimal: microseconds % 1000, digits: 3)
    }

    /// The first of the sixteen digits.
    mutating func put(hexadecimal word: UInt64, digits: Int = 16) {
        reserve(16)
        let target = UnsafeMutableRawPointer(next)
        target.storeBytes(of: Self.hexadecimal(word >> 32), as: UInt64.self)
        target.storeBytes(of: Self.hexadecimal(word & 0xFFFF_FFFF), toByteOffset: 8, as: UInt64.self)
        next += digits
    }

    /// The eight digits of a number below 2³², the first in the lowest byte.
    @inline(__always)
    private static func hexadecimal(_ value: UInt64) -> UInt64 {
        // A half-byte in each byte, and then all of them at once: from ten on, the sum with six reaches the next half-byte.
        var digits = (value | value << 16) & 0x0000_FFFF_0000_FFFF
        digits = (digits | digits << 8) & 0x00FF_00FF_00FF_00FF
        digits = (digits | digits << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = (digits &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return (digits &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).byteSwapped
    }
}

// MARK: - Text from elsewhere

extension LineCursor {
    enum Escaping {
        /// What a JSON string may hold (RFC 8259 §7), in valid UTF-8. What a terminal could take for a command is escaped, too.
        case json
        /// As nginx does it: `\x` and two digits for all but printable ASCII, and for quote and backslash.
        case hexadecimal
    }

    /// Writes text that anybody may have made up, so that it stays within its quotes and its line.
    mutating func put(_ text: Span<UInt8>, _ escaping: Escaping) {
        let count = text.count
        reserve(count &* Self.escapeBytesMax &+ Self.slack)
        var next = next
        text.withUnsafeBytes { source in
            var index = 0
            while index &+ 8 <= count {
                let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let special = Self.specialBytes(of: word)
                UnsafeMutableRawPointer(next).storeBytes(of: word, as: UInt64.self)
                if special == 0 {
                    next += 8
                    index &+= 8
                    continue
                }
                let plain = special.trailingZeroBitCount &>> 3
                next += plain
                index &+= plain
                index &+= Self.escape(source, at: index, escaping, to: &next)
            }
            while index < count {
                let byte = source[index]
                if byte >= 0x20, byte < 0x7F, byte != 0x22, byte != 0x5C {
                    next.pointee = byte
                    next += 1
                    index &+= 1
                } else {
                    index &+= Self.escape(source, at: index, escaping, to: &next)
                }
            }
        }
        self.next = next
    }

    /// A bit in each byte that is no printable ASCII, or a quote or backslash. Above the lowest of them, there may be too many.
    @inline(__always)
    private static func specialBytes(of word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let low = (word &- ones &* 0x20) & ~word
        return (low | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | word | (word &+ ones)) & highs
    }

    /// Writes what begins at `index` and cannot stay as it is; how many bytes it was.
    @inline(never)
    private static func escape(
        _ source: UnsafeRawBufferPointer, at index: Int, _ escaping: Escaping, to next: inout UnsafeMutablePointer<UInt8>
    ) -> Int {
        let byte = source[index]
        if escaping == .hexadecimal {
            next[0] = 0x5C
            next[1] = 0x78
            next[2] = digit(byte >> 4, letters: 0x37)
            next[3] = digit(byte & 0xF, letters: 0x37)
            next += 4
            return 1
        }
        if byte == 0x22 || byte == 0x5C {
            next[0] = 0x5C
            next[1] = byte
            next += 2
            return 1
        }
        let length = byte < 0x80 ? 1 : lengthOfCharacter(source, at: index)
        if length == 0 {
            next[0] = 0xEF
            next[1] = 0xBF
            next[2] = 0xBD
            next += 3
            return 1
        }
        let isControl = length == 1 || byte == 0xC2 && source[index &+ 1] < 0xA0
        if isControl {
            let unit = source[index &+ length &- 1]
            next[0] = 0x5C
            next[1] = 0x75
            next[2] = 0x30
            next[3] = 0x30
            next[4] = digit(unit >> 4, letters: 0x57)
            next[5] = digit(unit & 0xF, letters: 0x57)
            next += 6
        } else {
            for offset in 0..<length { next[offset] = source[index &+ offset] }
            next += length
        }
        return length
    }

    private static func digit(_ value: UInt8, letters: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : letters &+ value }

    /// Bytes of the character beyond ASCII that begins there (RFC 3629 §4); 0: none does.
    private static func lengthOfCharacter(_ source: UnsafeRawBufferPointer, at index: Int) -> Int {
        let first = source[index]
        var second: ClosedRange<UInt8> = 0x80...0xBF
        let length: Int
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if first == 0xE0 { second = 0xA0...0xBF }
            if first == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if first == 0xF0 { second = 0x90...0xBF }
            if first == 0xF4 { second = 0x80...0x8F }
        default: return 0
        }
        guard index &+ length <= source.count, second.contains(source[index &+ 1]) else { return 0 }
        for offset in 2..<max(2, length) where source[index &+ offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}

// MARK: - Text that may hold a token

/// How much of a text is shown, so that no token is: its pieces, between separators, and in all.
struct TextLimits {
    var separator: UInt8
    /// Longer pieces are cut.
    var pieceBytesMax: Int
    /// Behind it no further piece begins.
    var bytesMax: Int

    /// No name or UUID is longer; a token is.
    static let path = TextLimits(separator: 0x2F, pieceBytesMax: 40, bytesMax: 256)
    /// Few names of hosts are longer; and no token is as short.
    static let host = TextLimits(separator: 0x20, pieceBytesMax: 80, bytesMax: 80)
    /// Of what people and programs write about themselves, few words are longer.
    static let words = TextLimits(separator: 0x20, pieceBytesMax: 40, bytesMax: 512)

    fileprivate static let shownBytes = 8

    /// Whether all of a text may be shown.
    func allows(_ text: Span<UInt8>) -> Bool {
        guard text.count <= bytesMax else { return text.count <= pieceBytesMax }
        var start = 0
        // Backwards from where the piece has to have ended: most bytes are never looked at.
        while text.count &- start > pieceBytesMax &+ 1 {
            var end = start &+ pieceBytesMax &+ 1
            while end > start, text[end] != separator { end &-= 1 }
            guard end > start else { return false }
            start = end
        }
        return true
    }

    /// Of what becomes of a text of so many bytes.
    func linesBytesMax(_ count: Int) -> Int { LineCursor.escapeBytesMax &* min(count, bytesMax &+ pieceBytesMax &+ 4) }
}

extension LineCursor {
    /// Text whose long pieces may be tokens.
    mutating func put(_ text: Span<UInt8>, within limits: TextLimits, _ escaping: Escaping) {
        if limits.allows(text) { return put(text, escaping) }
        var start = 0
        while start < text.count {
            guard start < limits.bytesMax else { return put("...") }
            let end = text.firstIndex(of: limits.separator, from: start &+ 1) ?? text.count
            if end &- start > limits.pieceBytesMax &+ 1 {
                put(text.extracting(start..<start &+ 1 &+ TextLimits.shownBytes), escaping)
                put("...")
            } else {
                put(text.extracting(start..<end), escaping)
            }
            start = end
        }
    }

    /// An HTTP reference, or a path, without user, parameters, query and fragment (RFC 3986 §3). Of any other nothing is shown, nor of one that
    /// readers could take apart in different ways.
    mutating func put(reference: Span<UInt8>, _ escaping: Escaping) {
        guard let authority = Self.authorityStart(of: reference) else { return put("...") }
        var host = authority
        var path = authority
        while path < reference.count, Self.isOfAuthority(reference[path]) {
            path &+= 1
            if path < reference.count, reference[path] == 0x40 {
                path &+= 1
                host = path
            }
        }
        guard path == reference.count || [0x2F, 0x3F, 0x23].contains(reference[path]) else { return put("...") }
        var end = path
        while end < reference.count, ![0x3F, 0x23, 0x3B, 0x26, 0x5C].contains(reference[end]) { end &+= 1 }
        put(reference.extracting(0..<authority), escaping)
        put(reference.extracting(host..<path), within: .host, escaping)
        put(reference.extracting(path..<end), within: .path, escaping)
    }

    private static func authorityStart(of reference: Span<UInt8>) -> Int? {
        if reference.count > 0, reference[0] == 0x2F { return reference.count > 1 && reference[1] == 0x2F ? nil : 0 }
        for scheme: StaticString in ["https://", "http://"] {
            let count = scheme.utf8CodeUnitCount
            if reference.count >= count, reference.extracting(0..<count).equalsIgnoringCase(scheme) { return count }
        }
        return nil
    }

    /// Letters, digits, and what stands in names, addresses and ports.
    private static func isOfAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
        default: false
        }
    }

    /// Of what becomes of a reference of so many bytes.
    static func referenceBytesMax(_ count: Int) -> Int {
        2 &* TextLimits.path.linesBytesMax(count) &+ TextLimits.host.linesBytesMax(count)
    }
}
