import Metrics
import Testing

@Suite("Histograms of durations")
struct HistogramTests {
    /// Sizes of every magnitude, the bounds and their neighbours among them; the same ones each time.
    static let durations: [Int64] = {
        var generator = Splitmix(state: 6)
        var durations: [Int64] = [.min, -1, 0, 1, 999, 1000, 1001, .max - 1, .max]
        for bucket in 0..<Histogram.boundCount { durations += (-1...1).map { Histogram.bound(of: bucket) + $0 } }
        for _ in 0..<20_000 { durations.append(Int64.random(in: 0...Int64.max >> Int64.random(in: 0...62, using: &generator), using: &generator)) }
        return durations
    }()

    @Test func `bounds go up by halves and thirds from 1 µs to 2²⁶ µs, each power of two among them`() {
        let bounds = (0..<Histogram.boundCount).map { Histogram.bound(of: $0) }
        #expect(bounds.prefix(8) == [1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000])
        #expect(bounds.last == 1_000 << 26)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $1 * 2 <= $0 * 3 && $1 > $0 })
        for exponent in 0...26 { #expect(bounds[2 * exponent] == 1_000 << Int64(exponent)) }
    }

    @Test func `a duration is counted in the first bucket whose bound it does not exceed, and in no other`() {
        for duration in Self.durations {
            let expected = (0..<Histogram.boundCount).first { duration <= Histogram.bound(of: $0) } ?? Histogram.boundCount
            #expect(Histogram.bucket(of: duration) == expected, "\(duration)")
            var histogram = Histogram()
            histogram.record(duration)
            #expect(histogram[expected] == 1 && histogram.count == 1)
        }
    }

    @Test func `counts up to a power of two are those of the durations that do not exceed it`() {
        var histogram = Histogram()
        for duration in Self.durations { histogram.record(duration) }
        #expect(histogram.count == Self.durations.count)
        for exponent in 0...26 {
            let expected = Self.durations.count { $0 <= 1_000 << Int64(exponent) }
            #expect(histogram.count(upToMicroseconds: exponent) == expected)
        }
    }

    @Test(arguments: [0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1])
    func `a quantile is no less than that of the sorted durations, and by less than half more`(_ share: Double) {
        let durations = Self.durations.filter { (0...1_000 << 26).contains($0) }.sorted()
        var histogram = Histogram()
        for duration in durations { histogram.record(duration) }
        let exact = durations[max(0, Int((share * Double(durations.count)).rounded(.up)) - 1)]
        let found = histogram.quantile(share)
        #expect(found.map { $0 >= exact && $0 <= max(1_000, exact + exact / 2) } == true)
    }

    @Test func `a quantile beyond the last bound is that bound, and nothing has none`() {
        var histogram = Histogram()
        #expect(histogram.quantile(0.5) == nil)
        histogram.record(.max)
        #expect(histogram.quantile(0.5) == 1_000 << 26)
        #expect(histogram.quantile(-1) == 1_000 << 26 && histogram.quantile(2) == 1_000 << 26)
    }

    @Test func `the sum takes less than nothing for nothing, and wraps around rather than trap`() {
        var histogram = Histogram()
        for duration: Int64 in [-5, .min, 250, 1_000_000] { histogram.record(duration) }
        #expect(histogram.sum == 1_000_250)
        for _ in 0..<4 { histogram.record(.max) }
        #expect(histogram.count == 8)
    }

    @Test func `two that are merged are as one that has seen all`() {
        var parts = [Histogram(), Histogram(), Histogram()]
        var whole = Histogram()
        for (index, duration) in Self.durations.enumerated() {
            parts[index % 3].record(duration)
            whole.record(duration)
        }
        var merged = Histogram()
        for part in parts { merged += part }
        #expect(merged == whole)
    }

    @Test func `the difference of two states is what came between them`() {
        var histogram = Histogram()
        for duration in Self.durations.prefix(500) { histogram.record(duration) }
        let before = histogram
        var since = Histogram()
        for duration: Int64 in [3_000, 5_000_000, 9] {
            histogram.record(duration)
            since.record(duration)
        }
        #expect(histogram.since(before) == since)
        #expect(before.since(histogram) == Histogram())
    }
}

/// A generator that gives the same numbers in every run.
struct Splitmix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
