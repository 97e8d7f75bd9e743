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

    /// The known name that `bytes[start..<end]` is in canonical form, if any. `hash` is its canonical hash.
    @inline(__always)
    func canonicalMatch(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, hash: UInt32) -> FieldName {
        var slot = Int(hash & 0xFF)
        while true {
            let name = slots[slot]
            if name == .other { return .other }
            let index = Int(name.rawValue & 63)
            if hashes[index] == hash && counts[index] == end &- start && spellingEquals(bytes, start, end, index) {
                return name
            }
            slot = (slot &+ 1) & 0xFF
        }
    }

    @inline(__always)
    private func spellingEquals(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, _ index: Int) -> Bool {
        var offset = start
        var word = index &* 4
        while offset < end {
            if canonicalWord(bytes, at: offset, before: end) != words[word] { return false }
            offset &+= 8
            word &+= 1
        }
        return true
    }
}
