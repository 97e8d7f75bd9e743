/// Reading bytes as the ASCII that protocols are written in. Nothing here allocates but `Array(copying:)` and `String(copying:)`.
extension Span<UInt8> {
    /// Eight bytes from `offset` as one little-endian word; all of them must be there. Compiles to one load behind one bounds check.
    @inlinable @inline(__always)
    package func word(at offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset <= count &- 8, "the word reaches beyond the bytes")
        return UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    package func elementsEqual(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            if word(at: index) != other.word(at: index) { return false }
            index &+= 8
        }
        while index < count {
            if self[index] != other[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Whether the bytes are those of `other`. The time it takes depends on the lengths alone.
    package func isEqualInConstantTime(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        // The spans are borrowed until the end of this function, so what their pointers point at stays; every load is
        // within `count` bytes of both.
        let left = unsafe withUnsafeBytes { unsafe $0 }
        let right = unsafe other.withUnsafeBytes { unsafe $0 }
        var difference: UInt64 = 0
        var index = 0
        while index &+ 8 <= count {
            unsafe difference |=
                left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                ^ right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < count {
            unsafe difference |= UInt64(left[index] ^ right[index])
            index &+= 1
        }
        return difference == 0
    }

    package func elementsEqual(_ literal: StaticString) -> Bool {
        // A static string that is not a lone scalar points at immortal UTF-8.
        let bytes = unsafe UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        return unsafe elementsEqual(bytes.span)
    }

    /// Whether the bytes are those of `lowercased` when A–Z count as a–z. `lowercased` must hold no upper-case letter.
    package func equalsIgnoringCase(_ lowercased: Span<UInt8>) -> Bool {
        guard count == lowercased.count else { return false }
        for index in 0..<count where self[index].asciiLowercased != lowercased[index] { return false }
        return true
    }

    package func equalsIgnoringCase(_ lowercased: StaticString) -> Bool {
        let bytes = unsafe UnsafeBufferPointer(start: lowercased.utf8Start, count: lowercased.utf8CodeUnitCount)
        return unsafe equalsIgnoringCase(bytes.span)
    }

    package func starts(with prefix: Span<UInt8>) -> Bool {
        count >= prefix.count && extracting(0..<prefix.count).elementsEqual(prefix)
    }

    /// The offset of the first `byte` at or after `offset`.
    package func firstIndex(of byte: UInt8, from offset: Int = 0) -> Int? {
        var index = offset
        while index < count {
            if self[index] == byte { return index }
            index &+= 1
        }
        return nil
    }

    /// Reads `1*DIGIT`, at most 18 digits so that no value overflows; nil for anything else.
    package func decimal() -> Int? {
        guard !isEmpty, count <= 18 else { return nil }
        var value = 0
        for index in 0..<count {
            let digit = self[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }
}

extension UInt8 {
    /// A–Z as a–z, everything else as it is.
    @inlinable package var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
    @inlinable package var isASCIIDigit: Bool { self &- 0x30 < 10 }
    @inlinable package var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// The value of a hexadecimal digit in either case.
    @inlinable package var hexadecimalValue: UInt8? {
        if isASCIIDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }
}

extension Array<UInt8> {
    package init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}

extension String {
    /// For logs, configuration and claims; ill-formed UTF-8 becomes U+FFFD.
    package init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
