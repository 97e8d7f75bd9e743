import Bytes

/// Finds the known name that a canonical hash belongs to: one probe, and one comparison on a hit.
///
/// A class, shared by all sections, so that heads stay small and reach it without a lazy-initialisation check per field.
final class FieldNameTable: Sendable {
    /// Open addressing at a quarter full; `.other` marks a free slot.
    private let slots: InlineArray<256, FieldName>
    /// By raw value: hash, length, and the spelling as four zero-padded words.
    private let hashes: InlineArray<64, UInt32>
    private let counts: InlineArray<64, Int>
    private let words: InlineArray<256, UInt64>

    static let shared = FieldNameTable()

    private init() {
        var slots = InlineArray<256, FieldName>(repeating: .other)
        var hashes = InlineArray<64, UInt32>(repeating: 0)
        var counts = InlineArray<64, Int>(repeating: 0)
        var words = InlineArray<256, UInt64>(repeating: 0)
        for name in FieldName.allCases where name != .other {
            let spelling = name.spelling.description.utf8.map { $0 }
            let hash = canonicalHash(spelling.span)
            var slot = Int(hash & 0xFF)
            while slots[slot] != .other { slot = (slot + 1) & 0xFF }
            slots[slot] = name
            hashes[Int(name.rawValue)] = hash
            counts[Int(name.rawValue)] = spelling.count
            for (offset, byte) in spelling.enumerated() {
                words[Int(name.rawValue) * 4 + offset / 8] |= UInt64(byte) << UInt64(offset % 8 * 8)
            }
        }
        self.slots = slots
        self.hashes = hashes
        self.counts = counts
        self.words = words
    }

    /// The known name that `bytes[start..<end]` is in canonical form, if any.
    ///
    /// - Parameters:
    ///   - hash: its canonical hash.
    ///   - first: the first eight bytes in canonical form, as a zero-padded word; `last` likewise the last one to eight.
    @inline(__always)
    func canonicalMatch(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, hash: UInt32, first: UInt64, last: UInt64
    ) -> FieldName {
        let count = end &- start
        var slot = Int(hash & 0xFF)
        while true {
            let name = slots[slot]
            if name == .other { return .other }
            let index = Int(name.rawValue & 63)
            if hashes[index] == hash && counts[index] == count {
                // Up to 16 bytes, first and last word are the whole name.
                let isFirstEqual = words[index &* 4] == first
                let isLastEqual = words[index &* 4 &+ ((count &- 1) &>> 3) & 3] == last
                if isFirstEqual && isLastEqual && (count <= 16 || isMiddleEqual(bytes, start, end, index)) {
                    return name
                }
            }
            slot = (slot &+ 1) & 0xFF
        }
    }

    @inline(never)
    private func isMiddleEqual(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ index: Int) -> Bool {
        var offset = start &+ 8
        var word = index &* 4 &+ 1
        while offset &+ 8 < end {
            if canonicalWord(bytes, at: offset, before: end) != words[word] { return false }
            offset &+= 8
            word &+= 1
        }
        return true
    }
}
