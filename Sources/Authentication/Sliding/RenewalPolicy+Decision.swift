/// Sliding expiration as arithmetic.
///
/// `exp0` and `iat0` belong to the presented token. Its window begins at `w0 = exp0 - B`. Time inside the window is cut
/// into slots of `q`, and everything about the successor follows from the slot alone: `iat1 = w0 + slot * q` and
/// `exp1 = min(iat1 + L, anchor + S)`. So all requests inside one slot, on whatever thread, process or machine, ask for
/// the same successor, and need neither lock nor store to agree on it. `iat1` is never in the future, because the slot is
/// rounded down.
extension RenewalPolicy {
    /// Decides about a token that was verified. Seconds since 1970 throughout; `anchor` is `orig_iat`, else `auth_time`,
    /// else `iat0`.
    ///
    /// - Parameter onDemand: the client asks for a successor and need not wait for the window: slots before it have negative
    ///   numbers. One that gains less than the least gain is not due. Inside the window it makes no difference.
    package func decide(
        expiration: Int64, issuedAt: Int64?, anchor: Int64?, now: Int64, onDemand: Bool = false
    ) -> RenewalDecision {
        guard let anchor else { return .skip(.noAnchor) }
        guard let lifetime = lifetimeSeconds(expiration: expiration, issuedAt: issuedAt),
            Self.isInRange(expiration), Self.isInRange(anchor), Self.isInRange(now)
        else { return .skip(.lifetimeUnknown) }
        let buffer = bufferSeconds(lifetime: lifetime)
        guard buffer < lifetime else { return .skip(.bufferExceedsLifetime) }

        let remaining = expiration - now
        guard remaining <= buffer || onDemand else { return .skip(.notDue) }
        guard remaining > 0 || -remaining < graceSeconds else { return .skip(.expired) }

        let windowStart = expiration - buffer
        let quantum = Self.bounded(quantumSeconds ?? buffer)
        let elapsed = now - windowStart
        let slot = elapsed / quantum - (elapsed % quantum < 0 ? 1 : 0)
        let start = windowStart + slot * quantum
        let sessionEnd = capSeconds.map { anchor + Self.bounded($0) }
        let uncapped = start + lifetime
        let end = min(uncapped, sessionEnd ?? uncapped)
        if end < uncapped || slot < 0 {
            let gain = end - expiration
            guard gain > 0, gain * 100 >= Int64(leastGainPercent) * lifetime else {
                return .skip(end < uncapped ? .sessionCap : .notDue)
            }
        }
        // Only a grace longer than `L - B` comes to this: the successor of that slot has ended as well.
        guard end > now, end > expiration else { return .skip(.expired) }
        return .renew(Renewal(expiration: end, issuedAt: start, slot: slot, anchor: anchor, sessionEnd: sessionEnd))
    }

    /// `L` for a token, or nil when it cannot be told.
    func lifetimeSeconds(expiration: Int64, issuedAt: Int64?) -> Int64? {
        switch lifetime {
        case .fixed(let seconds):
            return Self.bounded(seconds)
        case .inherited(let maxSeconds):
            guard let issuedAt, Self.isInRange(issuedAt), Self.isInRange(expiration), issuedAt < expiration else { return nil }
            return min(expiration - issuedAt, Self.bounded(maxSeconds))
        }
    }

    func bufferSeconds(lifetime: Int64) -> Int64 {
        switch bufferWindow {
        case .seconds(let seconds): Self.bounded(seconds)
        case .percent(let percent): max(1, lifetime * Int64(min(max(percent, 0), 100)) / 100)
        }
    }

    /// Policy durations as the arithmetic takes them: 1 second to some 34,000 years.
    static func bounded(_ seconds: Int64) -> Int64 { min(max(seconds, 1), 1 << 40) }

    /// Instants within ± 35 million years of 1970: no sum or product above can overflow.
    static func isInRange(_ instant: Int64) -> Bool { instant.magnitude < 1 << 50 }
}
