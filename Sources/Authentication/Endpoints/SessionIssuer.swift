package import JOSE
package import Sessions

/// Begins sessions and signs their access tokens. Belongs to one worker; the administration has one of its own.
package final class SessionIssuer {
    package let rules: SessionRules
    let signer: any TokenSigner
    let codec: RefreshTokenCodec
    let verifier: TokenVerifier

    /// - Parameters:
    ///   - validation: that access tokens will be held to. The first of its issuers and of its audiences are written
    ///     into tokens whose claims name none.
    /// - Returns: nil when no key of `keys` signs.
    package init?(rules: SessionRules, keys: KeySet, validation: ValidationRules, codec: RefreshTokenCodec) {
        guard let signer = keys.signer else { return nil }
        self.rules = rules
        self.signer = signer
        self.codec = codec
        verifier = TokenVerifier(keys: keys, rules: validation)
    }

    /// A new session with its first pair, not yet in any store.
    ///
    /// - Parameters:
    ///   - claims: the text of a JSON object with at least `sub`. The members that the gateway writes itself
    ///     (`iat`, `exp`, `nbf`, `jti`, `sid`) are left out of it.
    ///   - id: nil: a random one.
    /// - Throws: when no acceptable access token can be made of the claims.
    package func begin(
        claims: [UInt8], device: Session.Device, address: String, id: SessionID? = nil, now: NumericDate
    ) throws(ClaimsFault) -> (session: Session, pair: TokenPair) {
        throw .notAnObject
    }

    /// The pair that is current in a session. Depends on nothing but the session and the key where refresh tokens rotate; else
    /// on the second, too.
    ///
    /// - Returns: nil when signing fails.
    package func pair(for session: Session, now: NumericDate) -> TokenPair? { nil }
}

/// What a client is handed.
package struct TokenPair: Sendable {
    package let accessToken: [UInt8]
    package let accessExpiresAt: NumericDate
    package let refreshToken: [UInt8]
    package let refreshExpiresAt: NumericDate
}

/// Why no session can be begun with given claims. The raw value is stable, for logs and answers.
package enum ClaimsFault: String, Error, Sendable {
    case notAnObject = "claims_not_an_object"
    case subjectMissing = "claims_without_sub"
    case subjectTooLong = "claims_sub_too_long"
    case tooLarge = "claims_too_large"
    /// The access token would not be accepted here: a claim has a type, an issuer, an audience or a date that is refused.
    case unacceptable = "claims_unacceptable"
    case signingFailed = "signing_failed"
}

extension TokenPair: CustomStringConvertible {
    package var description: String { "TokenPair(until \(accessExpiresAt.seconds), \(refreshExpiresAt.seconds))" }
}
