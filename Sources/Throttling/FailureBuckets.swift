import Bytes

/// How often something may happen: `count` times at once, and again one by one over `period`.
package struct Rate: Equatable, Sendable {
    package var count: Int
    package var periodMilliseconds: Int64

    /// - Precondition: `1 ≤ count ≤ periodMilliseconds`, and the period is a day at most.
    package init(count: Int, periodMilliseconds: Int64) {
        precondition(count >= 1 && Int64(count) <= periodMilliseconds && periodMilliseconds <= 86_400_000)
        self.count = count
        self.periodMilliseconds = periodMilliseconds
    }

    /// Between two times, once those at once are used up.
    var interval: Int64 { periodMilliseconds / Int64(count) }
}

/// A token bucket for each client that has failed lately, for all workers together.
///
/// A bucket is one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371): a failure
/// moves that by one interval. A full bucket is forgotten, and so the table holds only clients that have something held
/// against them: 8,192 sets of four, by a keyed hash. In a full set the client with the least against it is forgotten. So whoever
/// fails from a great many addresses can make the table forget, never grow, and never hold one client's failures
/// against another: 24 bits of the hash tell the four in a set apart.
package final class FailureBuckets: Sendable {
    private static let sets = 1 << 13
    private static let ways = 4

    /// Each: 24 bits of the hash, then 40 bits of milliseconds; 0 is free.
    private let entries = AtomicTable(sets * ways)

    package init() {}

    /// How long the client has to wait until another failure of it would be borne; 0: it need not.
    package func wait(_ client: ClientKey, _ rate: Rate, now: Int64) -> Int64 {
        let hash = client.keyedHash
        for way in 0..<Self.ways {
            let entry = entries.load(Self.set(of: hash) + way)
            guard entry != 0, Self.tag(entry) == Self.tag(hash) else { continue }
            return max(0, Self.fullAgain(entry) - now - rate.interval * Int64(rate.count - 1))
        }
        return 0
    }

    /// The client has failed.
    package func note(_ client: ClientKey, _ rate: Rate, now: Int64) {
        let hash = client.keyedHash
        // Another thread may be faster; it has then noted a failure of the same flood, and one in eight is lost at worst.
        for _ in 0..<8 where noteOnce(hash, rate, now: now) { return }
    }

    private func noteOnce(_ hash: UInt64, _ rate: Rate, now: Int64) -> Bool {
        let set = Self.set(of: hash)
        var least = (index: set, entry: UInt64.max, fullAgain: Int64.max)
        for index in set..<set + Self.ways {
            let entry = entries.load(index)
            let fullAgain = entry == 0 ? 0 : Self.fullAgain(entry)
            if entry != 0, Self.tag(entry) == Self.tag(hash) {
                let next = min(max(fullAgain, now) + rate.interval, now + rate.interval * Int64(rate.count))
                return entries.replace(entry, by: Self.entry(hash, next), at: index)
            }
            if fullAgain < least.fullAgain { least = (index, entry, fullAgain) }
        }
        return entries.replace(least.entry, by: Self.entry(hash, now + rate.interval), at: least.index)
    }

    private static func set(of hash: UInt64) -> Int { Int(hash & UInt64(sets - 1)) * ways }
    private static func tag(_ word: UInt64) -> UInt64 { word >> 40 }
    private static func fullAgain(_ entry: UInt64) -> Int64 { Int64(entry & (1 << 40 - 1)) }

    private static func entry(_ hash: UInt64, _ fullAgain: Int64) -> UInt64 {
        tag(hash) << 40 | UInt64(truncatingIfNeeded: fullAgain) & (1 << 40 - 1)
    }
}
