/// What a worker may spend on second tries at one upstream, so that they cannot multiply an outage.
///
/// Each request pays in a share of a try, each try takes one out, and a few are paid in every second for upstreams with
/// little traffic. The balance decays by a tenth each second: what counts is about the last ten seconds, and a quiet
/// hour earns no burst. So the tries in ten seconds are at most `percent` of the requests in them, plus `perSecond` for each.
package struct RetryBudget: Equatable, Sendable {
    /// Paid in each second whatever the traffic.
    package static let perSecond = 3

    /// In hundredths of a try.
    private var balance: Int
    private let percent: Int
    private var second: Int64

    /// - Parameters:
    ///   - percent: 0 to 100 tries for a hundred requests.
    ///   - now: in milliseconds.
    package init(percent: Int, now: Int64) {
        self.percent = percent
        second = now / 1000
        balance = Self.steadyBalance
    }

    /// Where the decay and what is paid in each second are equal.
    private static var steadyBalance: Int { perSecond * 100 * 10 }

    package mutating func requestBegan(now: Int64) {
        age(now)
        balance += percent
    }

    /// True when a try may be made; it is paid for then.
    package mutating func take(now: Int64) -> Bool {
        age(now)
        guard percent > 0, balance >= 100 else { return false }
        balance -= 100
        return true
    }

    private mutating func age(_ now: Int64) {
        let seconds = now / 1000 - second
        guard seconds > 0 else { return }
        second += seconds
        for _ in 0..<min(seconds, 128) {
            balance = balance * 9 / 10 + Self.perSecond * 100
        }
    }
}
