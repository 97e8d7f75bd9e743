internal import Bytes

/// A SHA-256 digest as four words: compared and stored without a loop.
struct Digest: Hashable, Sendable {
    var first, second, third, fourth: UInt64

    init(_ bytes: InlineArray<32, UInt8>) {
        let span = bytes.span
        (first, second, third, fourth) = (span.word(at: 0), span.word(at: 8), span.word(at: 16), span.word(at: 24))
    }
}

/// Entries by SHA-256 digest, at most `entriesMax` of at most `bytesMax` bytes together. The least recently used goes
/// first; finding, inserting and evicting take constant time.
///
/// Digests are spread evenly and cannot be chosen, so their low bits serve as the hash. Storage grows with use: an idle
/// worker holds none.
struct DigestCache<Entry: AnyObject> {
    private struct Links {
        /// In the chain of a bucket, or of free slots; -1 ends it.
        var next: Int32
        var older: Int32
        var newer: Int32
        var bytes: Int32
    }

    let entriesMax: Int
    let bytesMax: Int
    private(set) var count = 0
    /// Invariant: the sum over all entries, at most `bytesMax`.
    private(set) var bytes = 0

    private var buckets: [Int32] = []
    private var keys: [Digest] = []
    private var links: [Links] = []
    private var entries: [Entry?] = []
    private var newest: Int32 = -1
    private var oldest: Int32 = -1
    private var firstFree: Int32 = -1

    init(entriesMax: Int, bytesMax: Int) {
        self.entriesMax = min(max(entriesMax, 0), 1 << 24)
        self.bytesMax = max(bytesMax, 0)
    }

    /// The entry, which thereby becomes the most recently used.
    mutating func find(_ key: Digest) -> Entry? {
        let slot = slot(of: key)
        guard slot >= 0 else { return nil }
        touch(slot)
        return entries[Int(slot)]
    }

    /// Where the entry for `key` is kept, until it is removed; -1: it is not. Slots are used again for other entries.
    func slot(of key: Digest) -> Int32 {
        guard !buckets.isEmpty else { return -1 }
        var slot = buckets[bucket(of: key)]
        while slot >= 0, keys[Int(slot)] != key { slot = links[Int(slot)].next }
        return slot
    }

    /// The entry that is kept in `slot` now, if any.
    func entry(in slot: Int32) -> Entry? { entries[Int(slot)] }

    /// Makes the entry in `slot`, which must hold one, the most recently used.
    mutating func touch(_ slot: Int32) {
        if slot == newest { return }
        unlink(slot)
        linkAsNewest(slot)
    }

    /// Puts `entry` in, in place of one of the same key, and evicts until the limits hold. One that is larger than the
    /// whole cache is not kept.
    mutating func insert(_ entry: Entry, bytes cost: Int, for key: Digest) {
        remove(key)
        guard entriesMax > 0, cost >= 0, cost <= bytesMax, cost <= Int(Int32.max) else { return }
        while count >= entriesMax || bytes + cost > bytesMax { removeOldest() }
        if count >= buckets.count { grow() }
        let slot = takeSlot()
        keys[Int(slot)] = key
        entries[Int(slot)] = entry
        links[Int(slot)].bytes = Int32(cost)
        let bucket = bucket(of: key)
        links[Int(slot)].next = buckets[bucket]
        buckets[bucket] = slot
        linkAsNewest(slot)
        count += 1
        bytes += cost
    }

    mutating func remove(_ key: Digest) {
        let slot = slot(of: key)
        if slot >= 0 { remove(slot) }
    }
}

extension DigestCache {
    private func bucket(of key: Digest) -> Int { Int(truncatingIfNeeded: key.first) & (buckets.count &- 1) }

    private mutating func removeOldest() { remove(oldest) }

    private mutating func remove(_ slot: Int32) {
        let bucket = bucket(of: keys[Int(slot)])
        if buckets[bucket] == slot {
            buckets[bucket] = links[Int(slot)].next
        } else {
            var previous = buckets[bucket]
            while links[Int(previous)].next != slot { previous = links[Int(previous)].next }
            links[Int(previous)].next = links[Int(slot)].next
        }
        unlink(slot)
        entries[Int(slot)] = nil
        count -= 1
        bytes -= Int(links[Int(slot)].bytes)
        links[Int(slot)].next = firstFree
        firstFree = slot
    }

    private mutating func takeSlot() -> Int32 {
        if firstFree >= 0 {
            let slot = firstFree
            firstFree = links[Int(slot)].next
            return slot
        }
        keys.append(Digest(InlineArray(repeating: 0)))
        entries.append(nil)
        links.append(Links(next: -1, older: -1, newer: -1, bytes: 0))
        return Int32(links.count - 1)
    }

    private mutating func unlink(_ slot: Int32) {
        let link = links[Int(slot)]
        if link.older >= 0 { links[Int(link.older)].newer = link.newer } else { oldest = link.newer }
        if link.newer >= 0 { links[Int(link.newer)].older = link.older } else { newest = link.older }
    }

    private mutating func linkAsNewest(_ slot: Int32) {
        links[Int(slot)].older = newest
        links[Int(slot)].newer = -1
        if newest >= 0 { links[Int(newest)].newer = slot } else { oldest = slot }
        newest = slot
    }

    /// Doubles the number of buckets; every slot in use finds its chain anew.
    private mutating func grow() {
        buckets = [Int32](repeating: -1, count: max(16, buckets.count * 2))
        var slot = oldest
        while slot >= 0 {
            let bucket = bucket(of: keys[Int(slot)])
            links[Int(slot)].next = buckets[bucket]
            buckets[bucket] = slot
            slot = links[Int(slot)].newer
        }
    }
}
