internal import Bytes

/// Host patterns of routes: which routes of a trie leaf are meant for a host. One hash table for all leaves.
///
/// Keys are the exact name, or for `*.example.com` the suffix `.example.com`. Names are hashed from their end, so that
/// one pass meets every suffix.
struct HostIndex: Sendable {
    private struct Bucket {
        var leaf: Int32
        var hash: UInt64
        var name: [UInt8]
        var routes: [Int32]
    }

    /// Open addressing, power of two, at most half full.
    private var table: [Int32] = []
    private var buckets: [Bucket] = []

    /// `host` is in lower case: exact, or `*.` and a suffix. Routes are offered in the order of insertion.
    mutating func insert(_ host: String, leaf: Int, route: Int32) {
        var name = Array(host.utf8)
        if host.hasPrefix("*.") { name.removeFirst() }
        var hash = Self.seed
        for byte in name.reversed() { hash = Self.mix(hash, byte) }
        if let index = pending[Key(leaf: leaf, name: name)] {
            buckets[index].routes.append(route)
        } else {
            pending[Key(leaf: leaf, name: name)] = buckets.count
            buckets.append(Bucket(leaf: Int32(leaf), hash: hash, name: name, routes: [route]))
        }
    }

    mutating func compile() {
        pending = [:]
        var size = 8
        while size < buckets.count * 2 { size *= 2 }
        table = [Int32](repeating: -1, count: size)
        for (index, bucket) in buckets.enumerated() {
            var slot = Self.slot(bucket.hash, leaf: bucket.leaf, size: size)
            while table[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            table[slot] = Int32(index)
        }
    }

    /// The route with the most specific pattern for `host` that `accepts` takes; -1: none. A pattern is asked for before
    /// those more specific than it, and `accepts` may see routes that do not win.
    func mostSpecific(leaf: Int, host: Span<UInt8>, accepts: (Int32) -> Bool) -> Int32 {
        guard !host.isEmpty, host.count <= 255 else { return -1 }
        var best: Int32 = -1
        var hash = Self.seed
        var index = host.count
        while index > 0 {
            index &-= 1
            let byte = host[index].asciiLowercased
            hash = Self.mix(hash, byte)
            // A suffix counts from its dot, and something must stand before it.
            guard index == 0 || byte == 0x2E else { continue }
            let found = find(leaf: Int32(leaf), hash: hash, host.extracting(index..<host.count))
            guard found >= 0, (index == 0) != (buckets[found].name[0] == 0x2E) else { continue }
            for route in buckets[found].routes where accepts(route) {
                best = route
                break
            }
        }
        return best
    }

    private func find(leaf: Int32, hash: UInt64, _ name: Span<UInt8>) -> Int {
        var slot = Self.slot(hash, leaf: leaf, size: table.count)
        while table[slot] >= 0 {
            let index = Int(table[slot])
            if buckets[index].hash == hash, buckets[index].leaf == leaf {
                let candidate = buckets[index].name
                if name.equalsIgnoringCase(candidate.span) { return index }
            }
            slot = (slot &+ 1) & (table.count &- 1)
        }
        return -1
    }

    // FNV-1a. The table is fixed by the configuration, so clients cannot make its chains longer.
    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325
    private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    private static func slot(_ hash: UInt64, leaf: Int32, size: Int) -> Int {
        let mixed = (hash ^ UInt64(UInt32(bitPattern: leaf))) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 32) & (size &- 1)
    }

    private struct Key: Hashable {
        var leaf: Int
        var name: [UInt8]
    }
    /// Between `insert` and `compile`.
    private var pending: [Key: Int] = [:]
}
