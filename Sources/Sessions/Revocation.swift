package import JOSE

/// What is no longer to be let in, although it verifies (semantics §2).
package struct Revocation: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        /// One token, by its `jti`.
        case token(String)
        /// A session by its `sid`, with successors not minted yet.
        case session(String)
        /// Whatever of a subject (`sub`) began at or before the instant: its tokens' `orig_iat`, else `auth_time`, else `iat`.
        case subject(String, before: NumericDate)
    }

    package var target: Target
    /// No token that it is about is valid then: it can be forgotten.
    package var expiresAt: NumericDate

    /// All of a subject that began before this second, as seen at `now`. What began within it may have begun after the
    /// logout that this is about, and be the user's next login: what sessions have been handed in this second, their
    /// own names revoke.
    package static func everything(of subject: String, rules: SessionRules, now: NumericDate) -> Revocation {
        Revocation(
            .subject(subject, before: now.advanced(bySeconds: -1)), expiresAt: now.advanced(bySeconds: rules.accessReachSeconds))
    }

    package init(_ target: Target, expiresAt: NumericDate) {
        self.target = target
        self.expiresAt = expiresAt
    }
}
