package import JOSE

// The machine of a token family: what a store has read, an event, what the store is to write. Every store runs it, within
// whatever makes a change atomic there.

extension Session {
    /// A session that begins now, with the refresh token of counter 0.
    ///
    /// - Throws: when the subject or the claims are not what `Session` says of them.
    package static func begin(
        _ id: SessionID, subject: String, claims: [UInt8], device: Device, address: String, rules: SessionRules, now: NumericDate
    ) throws(SessionError) -> Session {
        try check(subject, claims)
        let endsAt: NumericDate? =
            switch rules.expiry {
            case .fixed: date(now, after: rules.refreshSeconds)
            case .sliding: nil
            case .slidingWithCap(let capSeconds): date(now, after: capSeconds)
            }
        let expiresAt = Self.expiry(from: now, endsAt, rules)
        return Session(
            id: id, subject: subject, claims: claims, device: device, createdAt: now, lastUsedAt: now,
            address: SessionLimits.label(address) ?? "", counter: 0, rotatedAt: now, expiresAt: expiresAt, endsAt: endsAt)
    }

    /// Not empty, within the limits, and an object.
    static func check(_ subject: String, _ claims: [UInt8]) throws(SessionError) {
        guard !subject.isEmpty else { throw .subjectEmpty }
        guard subject.utf8.count <= SessionLimits.subjectBytesMax else { throw .subjectTooLong(limit: SessionLimits.subjectBytesMax) }
        guard claims.count <= SessionLimits.claimsBytesMax else { throw .claimsTooLong(limit: SessionLimits.claimsBytesMax) }
        guard claims.first == UInt8(ascii: "{"), claims.last == UInt8(ascii: "}"), (try? JSONObject(parsing: claims)) != nil
        else { throw .claimsNotAnObject }
    }

    /// What becomes of the session when a refresh token with `presented` as its counter, whose MAC is right, comes in.
    ///
    /// A clock that was set back prolongs the grace by as much, since nobody can tell how long ago a rotation of the future was.
    package mutating func refresh(
        _ presented: UInt32, from address: String, rules: SessionRules, now: NumericDate
    ) -> Refreshment {
        guard end == nil else { return .ended }
        guard now < expiresAt else { return .expired }
        if presented < counter {
            let isPredecessor = presented == counter - 1
            if isPredecessor, now <= rotatedAt.advanced(bySeconds: rules.graceSeconds) { return .replayed }
            end(.reuse, now: now)
            return .reuseDetected
        }
        // One ahead of the store was issued all the same, as its MAC shows: the store has lost a rotation, as a replica does
        // that takes over too early. It counts as current.
        if rules.rotates {
            // The last counter has no successor. It is there for completeness: one refresh a second comes to it in 136 years.
            guard presented < .max else { return .expired }
            counter = presented + 1
            rotatedAt = now
        } else {
            counter = presented
        }
        lastUsedAt = now
        self.address = SessionLimits.label(address) ?? ""
        expiresAt = Self.expiry(from: now, endsAt, rules)
        return .rotated
    }

    /// False when it had ended before.
    @discardableResult
    package mutating func end(_ reason: Reason, now: NumericDate) -> Bool {
        guard end == nil else { return false }
        end = End(date: now, reason: reason)
        return true
    }

    private static func expiry(from now: NumericDate, _ endsAt: NumericDate?, _ rules: SessionRules) -> NumericDate {
        let full = date(now, after: rules.refreshSeconds)
        return endsAt.map { min($0, full) } ?? full
    }

    /// Within what tokens, and the text of a session, can say.
    private static func date(_ now: NumericDate, after seconds: Int64) -> NumericDate {
        NumericDate(seconds: min(now.advanced(bySeconds: seconds).seconds, NumericDate.range.upperBound))
    }
}

extension SessionRules {
    /// Which of the other sessions of its subject have to end when `new` begins: those used least recently, first of all the one
    /// that has not been used for longest. `new` itself stays, whatever the limit.
    package func givingWay(to new: Session, among others: [Session], now: NumericDate) -> [Session] {
        guard let perSubjectMax else { return [] }
        let alive = others.filter { $0.isAlive(at: now) && $0.id != new.id }
        let surplus = alive.count - max(0, perSubjectMax - 1)
        guard surplus > 0 else { return [] }
        let oldestFirst = alive.sorted { ($0.lastUsedAt, $0.createdAt, $0.id) < ($1.lastUsedAt, $1.createdAt, $1.id) }
        return Array(oldestFirst.prefix(surplus))
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
