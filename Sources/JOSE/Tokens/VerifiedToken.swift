/// The claims of a token (RFC 7519 §4): the members of one JSON object, as they were written.
package typealias ClaimsSet = JSONObject

/// A token whose signature and claims have been checked. Only `TokenVerifier` makes one. Immutable, and a reference, so
/// that caches and exchanges share it.
package final class VerifiedToken: Sendable {
    package let header: JOSEHeader
    package let claims: ClaimsSet
    package let algorithm: Algorithm
    /// Of the key that verified it, in `KeySet.verifiers`.
    package let keyIndex: Int
    /// Whether that key has a `kid` of its own.
    let isKeyNamed: Bool
    /// `exp`; a token without one is refused.
    package let expiration: NumericDate
    /// `nbf`
    package let notBefore: NumericDate?
    /// `iat`
    package let issuedAt: NumericDate?
    /// `orig_iat`: when the session began, written into the first successor and never moved.
    package let originallyIssuedAt: NumericDate?
    /// `auth_time`: when the user last proved who they are (OpenID Connect Core §2).
    package let authenticatedAt: NumericDate?

    /// That it kept, and that its successor must keep to be accepted in turn.
    let limits: TokenLimits

    init(
        header: JOSEHeader, claims: ClaimsSet, dates: TokenDates, algorithm: Algorithm, keyIndex: Int, isKeyNamed: Bool,
        limits: TokenLimits
    ) {
        self.header = header
        self.claims = claims
        self.algorithm = algorithm
        self.keyIndex = keyIndex
        self.isKeyNamed = isKeyNamed
        self.limits = limits
        expiration = dates.expiration
        notBefore = dates.notBefore
        issuedAt = dates.issuedAt
        originallyIssuedAt = dates.originallyIssuedAt
        authenticatedAt = dates.authenticatedAt
    }

    /// Where the session began (semantics: `orig_iat`, else `auth_time`, else `iat`); nil when the token does not say.
    package var anchor: NumericDate? { originallyIssuedAt ?? authenticatedAt ?? issuedAt }

    /// What keeping it costs, in bytes, allocations counted; the header may be shared with others and is not counted.
    package var byteCount: Int {
        claims.text.count &+ claims.members.capacity &* MemoryLayout<JSONMember>.stride &+ 256
    }
}
