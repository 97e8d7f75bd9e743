/// How fast a peer must be: so many bytes a second on average, after a grace. Time that the gateway itself was the slower
/// one does not count; whoever measures begins anew behind it.
package struct MinimumRate: Equatable, Sendable {
    /// 0: no minimum.
    package var bytesPerSecond: Int
    package var graceMilliseconds: Int64

    package init(bytesPerSecond: Int, graceMilliseconds: Int64) {
        precondition(bytesPerSecond >= 0 && graceMilliseconds >= 0)
        self.bytesPerSecond = bytesPerSecond
        self.graceMilliseconds = graceMilliseconds
    }

    package static let none = MinimumRate(bytesPerSecond: 0, graceMilliseconds: 0)

    /// When a peer that has sent (or taken) `bytes` must have gone on, in milliseconds from the beginning; at most a day.
    package func deadline(after bytes: Int) -> Int64 {
        let day: Int64 = 86_400_000
        guard bytesPerSecond > 0 else { return day }
        let seconds = bytes / bytesPerSecond
        guard seconds < 86_400 else { return day }
        let rest = Int64(bytes % bytesPerSecond) * 1000 / Int64(bytesPerSecond)
        return min(day, graceMilliseconds + Int64(seconds) * 1000 + rest)
    }
}
