package import JOSE

// The machine of a token family: what a store has read, an event, what the store is to write. Every store runs it, within
// whatever makes a change atomic there.

extension Session {
    /// A session that begins now, with the refresh token of counter 0.
    package static func begin(
        _ id: SessionID, subject: String, claims: [UInt8], device: Device, address: String, rules: SessionRules, now: NumericDate
    ) -> Session {
        let endsAt: NumericDate? =
            switch rules.expiry {
            case .fixed: now.advanced(bySeconds: rules.refreshSeconds)
            case .sliding: nil
            case .slidingWithCap(let capSeconds): now.advanced(bySeconds: capSeconds)
            }
        let expiresAt = Self.expiry(from: now, endsAt, rules)
        return Session(
            id: id, subject: subject, claims: claims, device: device, createdAt: now, lastUsedAt: now, address: address,
            counter: 0, rotatedAt: now, expiresAt: expiresAt, endsAt: endsAt)
    }

    /// What becomes of the session when a refresh token with `presented` as its counter, whose MAC is right, comes in.
    package mutating func refresh(
        _ presented: UInt32, from address: String, rules: SessionRules, now: NumericDate
    ) -> Refreshment {
        guard end == nil else { return .ended }
        guard now < expiresAt else { return .expired }
        // One ahead of the store was issued all the same, as its MAC shows: the store has lost a rotation, as a replica does
        // that takes over too early. It counts as current.
        if presented >= counter {
            guard presented < .max else { return .expired }
            if rules.rotates {
                counter = presented + 1
                rotatedAt = now
            } else {
                counter = presented
            }
            lastUsedAt = now
            self.address = address
            expiresAt = Self.expiry(from: now, endsAt, rules)
            return .rotated
        }
        if presented == counter - 1, now.seconds - rotatedAt.seconds <= rules.graceSeconds { return .replayed }
        end(.reuse, now: now)
        return .reuseDetected
    }

    /// False when it had ended before.
    @discardableResult
    package mutating func end(_ reason: Reason, now: NumericDate) -> Bool {
        guard end == nil else { return false }
        end = End(date: now, reason: reason)
        return true
    }

    private static func expiry(from now: NumericDate, _ endsAt: NumericDate?, _ rules: SessionRules) -> NumericDate {
        let full = now.advanced(bySeconds: rules.refreshSeconds)
        return endsAt.map { min($0, full) } ?? full
    }
}

/// What a refresh token was good for.
package enum Refreshment: Sendable, Equatable {
    /// The session has a new current refresh token (or keeps its one, where nothing rotates) and is to be written.
    case rotated
    /// The answer to an earlier refresh was lost, or two came at once: the current refresh token is the answer. Nothing changes.
    case replayed
    /// A used-up refresh token came back: the session has ended by that and is to be written.
    case reuseDetected
    case expired
    case ended
}
