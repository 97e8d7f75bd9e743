package import JOSE

/// Names a session among all others: the first 128 bits of the SHA-256 of its `sid`. Of one size, so that it is passed on
/// between threads as a plain value; and not the name itself, so that it may stand in a log.
package struct SessionKey: Hashable, Sendable {
    package let first, second: UInt64

    package var fingerprint: Fingerprint { Fingerprint(bits: first) }
}

/// How long what a request has opened may last: a tunnel, or an answer that does not end.
package struct SessionSpan: Sendable {
    /// Nil: no other token can be told to belong to the session, so nothing extends it.
    package let session: SessionKey?
    /// With the token, and no later than `sessionEnd`.
    package let end: NumericDate
    /// What no later token moves: anchor + cap. Nil without a cap.
    package let sessionEnd: NumericDate?

    package init(session: SessionKey?, end: NumericDate, sessionEnd: NumericDate?) {
        self.session = session
        self.end = end
        self.sessionEnd = sessionEnd
    }
}

extension Authenticator {
    /// How long what is opened under this admission may last. Nil: nobody's, or of a route in shadow mode, so no session ends it.
    package func sessionSpan(of admission: borrowing Admission) -> SessionSpan? {
        guard !rules[admission.route].isShadow, let entry = admission.token, let end = tunnelEnd(of: admission) else { return nil }
        return SessionSpan(
            session: sessionKey(of: entry), end: end,
            sessionEnd: sessionEnd(of: entry).map { NumericDate(seconds: $0) })
    }

    /// The end of the latest token that an admitted request has presented, or is being handed with its answer.
    package func latestEnd(of admission: borrowing Admission, _ outcome: borrowing RenewalOutcome) -> NumericDate? {
        switch outcome {
        case .attached(let renewal, _): NumericDate(seconds: renewal.expiration)
        case .skipped: tunnelEnd(of: admission)
        }
    }

    /// Worked out once for each token.
    package func sessionKey(of entry: TokenEntry) -> SessionKey? {
        if let key = entry.sessionKey { return key }
        guard let name = sessionID(of: entry) else { return nil }
        let digest = Digest(hasher.sha256(Array(name.utf8).span))
        let key = SessionKey(first: digest.first, second: digest.second)
        entry.sessionKey = key
        return key
    }
}
