package import JOSE
package import Sessions

// Revocation (semantics §2): looked up when a request has been verified, and once more before a successor is attached to its
// answer. A token that was not found is not looked up again until something has been revoked.

/// What is known of a verified token.
package enum Standing: Sendable {
    /// Nothing against it, and nothing is missing that was revoked longer than `away_after` ago.
    case good
    case revoked
    /// Nothing against it; but what has been revoked lately is not known, the store being away.
    case unknown
}

extension Authenticator {
    /// - Parameter instant: milliseconds of the monotonic clock.
    package func standing(of entry: TokenEntry, now: NumericDate, instant: Int64) -> Standing {
        guard let revocations else { return .good }
        if isRevoked(entry, revocations, now) { return .revoked }
        return revocations.isFresh(at: instant) ? .good : .unknown
    }

    /// Why a verified token is not let in on a route with that rule, if it is not. Costs two loads where the token has been
    /// looked up since anything was revoked.
    func revocationRefusal(
        of entry: TokenEntry, _ storeAway: RoutePolicy.StoreAway, now: NumericDate, instant: Int64
    ) -> TokenRefusal? {
        guard let revocations else { return nil }
        if isRevoked(entry, revocations, now) { return .revoked }
        return storeAway == .open || revocations.isFresh(at: instant) ? nil : .revocationUnknown
    }

    /// What a stream is to be looked up by that goes on under a token. Nil: nobody's, or of a route in shadow mode.
    package func revocationNames(of admission: borrowing Admission) -> RevocationNames? {
        guard revocations != nil, !rules[admission.route].isShadow, let entry = admission.token else { return nil }
        return revocationNames(of: entry)
    }

    /// Whether what an admitted request has opened, or is about to, has to end. Nothing does in shadow mode.
    package func isRevoked(_ admission: borrowing Admission, now: NumericDate) -> Bool {
        guard let revocations, !rules[admission.route].isShadow, let entry = admission.token else { return false }
        return isRevoked(entry, revocations, now)
    }

    /// Whether all access tokens of a session are revoked.
    func isRevoked(_ session: Session, now: NumericDate) -> Bool {
        guard let revocations, !revocations.isEmpty else { return false }
        var names = RevocationNames(beginning: session.createdAt.seconds)
        let (id, subject) = (Array(session.id.text.utf8), Array(session.subject.utf8))
        names.set(session: id.span)
        names.set(subject: subject.span)
        return revocations.isRevoked(names, now: now)
    }

    private func isRevoked(_ entry: TokenEntry, _ revocations: RevocationView, _ now: NumericDate) -> Bool {
        let changes = revocations.changes
        return entry.unrevokedAsOf != changes && isFound(entry, revocations, now, changes)
    }

    @inline(never)
    private func isFound(_ entry: TokenEntry, _ revocations: RevocationView, _ now: NumericDate, _ changes: UInt64) -> Bool {
        if !revocations.isEmpty, revocations.isRevoked(revocationNames(of: entry), now: now) { return true }
        entry.unrevokedAsOf = changes
        return false
    }

    private func revocationNames(of entry: TokenEntry) -> RevocationNames {
        if let names = entry.revocationNames { return names }
        var names = RevocationNames(beginning: entry.anchor)
        let claims = entry.token.claims
        if let tokenID = claims.member(.tokenID) { _ = claims.withString(of: tokenID) { names.set(token: $0) } }
        if let subject = claims.member(.subject) { _ = claims.withString(of: subject) { names.set(subject: $0) } }
        if let sessionID = claims.member(.sessionID) {
            _ = claims.withString(of: sessionID) { names.set(session: $0) }
        } else if let signer {
            // Its successors carry that name, and to revoke one of them is to revoke them all.
            names.set(session: SuccessorNames.derivedSessionID(of: entry, signer: signer).span)
            // It may have been revoked under the name that it had before the signing key was changed.
            for signer in verifier.keys.formerSigners {
                names.add(sessionAlias: SuccessorNames.derivedSessionID(of: entry, signer: signer).span)
            }
        }
        entry.revocationNames = names
        return names
    }
}
