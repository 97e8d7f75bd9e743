import Bytes

/// Field names in canonical form: A–Z count as a–z and `_` as `-`.
///
/// HTTP compares names without case; the underscore is folded too because CGI, WSGI and their heirs hand `X_User` and
/// `X-User` to an application as the same variable, so whoever guards one must guard both. The hash is for telling
/// names apart cheaply, eight bytes a step. It is not keyed: equal hashes must be confirmed by `isCanonicallyEqual`, and it must
/// never index a table that senders fill.

/// The hash that `FieldLine.canonicalHash` holds, for configured names.
package func canonicalHash(_ name: Span<UInt8>) -> UInt32 {
    var hash = CanonicalHash()
    var offset = 0
    while offset < name.count {
        hash.combine(canonicalWord(name, at: offset, before: name.count))
        offset &+= 8
    }
    return hash.value
}

/// Whether two names are the same in canonical form.
package func isCanonicallyEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var offset = 0
    while offset < left.count {
        let word = canonicalWord(left, at: offset, before: left.count)
        guard word == canonicalWord(right, at: offset, before: right.count) else { return false }
        offset &+= 8
    }
    return true
}

/// Takes a canonical name as little-endian words, the last one padded with zeros. NUL is in no name, so padding is
/// never mistaken for content.
struct CanonicalHash {
    private var state: UInt64 = 0

    @inline(__always)
    mutating func combine(_ word: UInt64) {
        state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        state ^= state &>> 29
    }

    @inline(__always)
    var value: UInt32 { UInt32(truncatingIfNeeded: state &>> 16) }
}

/// The up to eight bytes from `offset` and before `end` in canonical form, padded with zeros.
@inline(__always)
func canonicalWord(_ bytes: Span<UInt8>, at offset: Int, before end: Int) -> UInt64 {
    let wanted = end &- offset
    if offset &+ 8 <= bytes.count {
        let word = bytes.word(at: offset)
        return canonical(wanted >= 8 ? word : word & ((1 &<< UInt64(8 &* wanted)) &- 1))
    }
    var word: UInt64 = 0
    var index = 0
    while index < min(wanted, 8) {
        word |= UInt64(bytes[offset &+ index]) &<< UInt64(8 &* index)
        index &+= 1
    }
    return canonical(word)
}

/// Eight bytes at once in canonical form; bytes of 0x80 and above stay as they are.
@inline(__always)
private func canonical(_ word: UInt64) -> UInt64 {
    let sevenBits = word & 0x7F7F_7F7F_7F7F_7F7F
    let ascii = ~word & 0x8080_8080_8080_8080
    // Adding moves a byte's top bit up when the byte reaches a bound; no sum passes 0xFF, so bytes stay apart.
    let fromA = sevenBits &+ 0x3F3F_3F3F_3F3F_3F3F
    let beyondZ = sevenBits &+ 0x2525_2525_2525_2525
    let upperCase = fromA & ~beyondZ & ascii
    let underscore = ~((sevenBits ^ 0x5F5F_5F5F_5F5F_5F5F) &+ 0x7F7F_7F7F_7F7F_7F7F) & ascii
    return (word | upperCase &>> 2) ^ (underscore &>> 7) &* 0x72  // 0x5F ^ 0x2D
}
