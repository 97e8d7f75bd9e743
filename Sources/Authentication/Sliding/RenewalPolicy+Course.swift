/// How it goes on with a token, by the same arithmetic as each decision: for people.
extension RenewalPolicy {
    /// When the window of a token begins, in seconds since 1970; nil for one that has none: its lifetime cannot be told, or is
    /// no longer than the window.
    package func windowStart(expiration: Int64, issuedAt: Int64?) -> Int64? {
        guard let lifetime = lifetimeSeconds(expiration: expiration, issuedAt: issuedAt), Self.isInRange(expiration) else { return nil }
        let buffer = bufferSeconds(lifetime: lifetime)
        return buffer < lifetime ? expiration - buffer : nil
    }

    /// The longest pause that every session with such tokens survives: `min(B, L - q)`. Nil as for `windowStart`.
    package func idleSeconds(expiration: Int64, issuedAt: Int64?) -> Int64? {
        guard let lifetime = lifetimeSeconds(expiration: expiration, issuedAt: issuedAt), Self.isInRange(expiration) else { return nil }
        let buffer = bufferSeconds(lifetime: lifetime)
        guard buffer < lifetime else { return nil }
        return max(0, min(buffer, lifetime - Self.bounded(quantumSeconds ?? buffer)))
    }

    /// What becomes of a session whose tokens are used at regular intervals.
    package struct Course: Sendable, Equatable {
        /// Of the last token.
        package var end: Int64
        package var renewals: Int
        /// No end came in sight.
        package var isEndless: Bool
    }

    /// Renewals that are looked ahead: a year of tokens that live ten minutes.
    private static let renewalsMax = 60_000

    /// - Parameters:
    ///   - now: when it is used first.
    ///   - interval: seconds between one use and the next; at least 1.
    package func course(expiration: Int64, issuedAt: Int64?, anchor: Int64?, now: Int64, interval: Int64) -> Course {
        let interval = Self.bounded(interval)
        var course = Course(end: expiration, renewals: 0, isEndless: false)
        guard Self.isInRange(now) else { return course }
        var (issuedAt, instant) = (issuedAt, now)
        while course.renewals < Self.renewalsMax {
            guard let window = windowStart(expiration: course.end, issuedAt: issuedAt) else { return course }
            // The first use that is within the window.
            if instant < window { instant += (window - instant + interval - 1) / interval * interval }
            guard case .renew(let renewal) = decide(expiration: course.end, issuedAt: issuedAt, anchor: anchor, now: instant) else {
                return course
            }
            (course.end, issuedAt) = (renewal.expiration, renewal.issuedAt)
            course.renewals += 1
        }
        course.isEndless = true
        return course
    }
}
