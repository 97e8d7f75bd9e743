/// Durations counted by size: two buckets an octave, from 1 µs to 2²⁶ µs (67 s), one below and one above.
///
/// In place and of fixed size: to record is two additions to memory that the owner has anyway. Sums wrap around after some
/// three hundred years of durations.
package struct Histogram: Sendable, Equatable {
    /// Every bound but that of the last bucket, which has none.
    package static let boundCount = 53
    package static let bucketCount = boundCount + 1

    @usableFromInline var buckets = InlineArray<54, Int>(repeating: 0)
    /// Of what was recorded, in nanoseconds.
    package private(set) var sum = 0

    package init() {}

    /// - Parameter nanoseconds: less than none counts as none.
    package mutating func record(_ nanoseconds: Int64) {
        buckets[Self.bucket(of: nanoseconds)] &+= 1
        sum &+= Int(max(0, nanoseconds))
    }

    /// How many durations were recorded.
    package var count: Int {
        var count = 0
        for index in 0..<Self.bucketCount { count &+= buckets[index] }
        return count
    }

    package subscript(bucket: Int) -> Int { buckets[bucket] }

    /// The bucket that a duration is counted in: the first one whose bound it does not exceed.
    package static func bucket(of nanoseconds: Int64) -> Int {
        guard nanoseconds > 1000 else { return 0 }
        // In steps of 500 ns every bound is a whole number of two leading bits: 2, 3, 4, 6, 8, 12 …
        let steps = UInt64(nanoseconds &- 1) / 500
        let octave = 62 &- steps.leadingZeroBitCount
        guard octave < 26 else { return boundCount }
        return 1 &+ 2 &* octave &+ Int(truncatingIfNeeded: (steps &>> UInt64(octave)) & 1)
    }

    /// The largest duration, in nanoseconds, that the bucket counts: 1 µs, 1.5 µs, 2 µs, 3 µs, 4 µs …
    /// - Parameter bucket: below `boundCount`.
    package static func bound(of bucket: Int) -> Int64 {
        bucket == 0 ? 1000 : (bucket % 2 == 1 ? 1500 : 2000) << Int64((bucket - 1) / 2)
    }

    /// How many durations were at most 2^`exponent` microseconds. `exponent` is 0 to 26.
    package func count(upToMicroseconds exponent: Int) -> Int {
        var count = 0
        for index in 0...(2 * exponent) { count &+= buckets[index] }
        return count
    }

    /// The duration, in nanoseconds, that a share of all do not exceed: a bound from above, too high by less than half. Nil where
    /// nothing was recorded; beyond the last bound, that bound.
    /// - Parameter share: 0 to 1.
    package func quantile(_ share: Double) -> Int64? {
        let count = count
        guard count > 0 else { return nil }
        let rank = max(1, min(count, Int((min(1, max(0, share)) * Double(count)).rounded(.up))))
        var seen = 0
        for index in 0..<Self.boundCount {
            seen &+= buckets[index]
            if seen >= rank { return Self.bound(of: index) }
        }
        return Self.bound(of: Self.boundCount - 1)
    }

    package static func += (total: inout Histogram, part: Histogram) {
        for index in 0..<bucketCount { total.buckets[index] &+= part.buckets[index] }
        total.sum &+= part.sum
    }

    /// What was recorded since `earlier`, a state of the same histogram; of another one, nothing less than nothing.
    package func since(_ earlier: Histogram) -> Histogram {
        var difference = self
        for index in 0..<Self.bucketCount { difference.buckets[index] = max(0, buckets[index] &- earlier.buckets[index]) }
        difference.sum = max(0, sum &- earlier.sum)
        return difference
    }

    package static func == (left: Histogram, right: Histogram) -> Bool {
        left.sum == right.sum && (0..<bucketCount).allSatisfy { left.buckets[$0] == right.buckets[$0] }
    }
}
