package import JOSE

/// What an answer may tell those who ask of the token of its request: no claim, and nothing that could be used.
package struct AdmissionFacts {
    package let token: Fingerprint
    /// Of the key that signed it; nil: that has none.
    package let keyID: String?
    /// Seconds to the opening of its window, 0 within it; nil: it is not renewed here.
    package let windowSeconds: Int64?
    /// Seconds to the session's end; nil: it has none.
    package let sessionSeconds: Int64?
}

extension Authenticator {
    /// Nil for requests without a token, and in shadow mode for those whose token is not good.
    package func facts(of admission: borrowing Admission, now: NumericDate) -> AdmissionFacts? {
        guard let entry = admission.token else { return nil }
        let sliding = rules[admission.route].slides && delivery != nil ? policy.sliding : nil
        let windowStart = sliding?.windowStart(expiration: entry.expiration, issuedAt: entry.issuedAt)
        let verifiers = verifier.keys.verifiers
        return AdmissionFacts(
            token: entry.fingerprint, keyID: verifiers.indices.contains(entry.token.keyIndex) ? verifiers[entry.token.keyIndex].keyID : nil,
            windowSeconds: windowStart.map { max(0, $0 - now.seconds) },
            sessionSeconds: sessionEnd(of: entry).map { max(0, $0 - now.seconds) })
    }
}
