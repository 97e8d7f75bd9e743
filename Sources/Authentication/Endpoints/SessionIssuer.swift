internal import Bytes
package import JOSE
package import Sessions

/// Begins sessions and signs their access tokens. Belongs to one worker; the administration has one of its own.
package final class SessionIssuer {
    package let rules: SessionRules
    private let signer: any TokenSigner
    private let codec: RefreshTokenCodec
    private let verifier: TokenVerifier
    private let mintCache: (any MintCache)?
    /// Written into tokens whose claims have none.
    private let issuer, audience: String?
    /// `RenewalPolicy.capSeconds`; nil: tokens do not slide, or without end.
    private let slidingCapSeconds: Int64?

    /// - Parameters:
    ///   - validation: that access tokens will be held to. The first of its issuers and of its audiences are written into
    ///     tokens whose claims name none.
    ///   - sliding: what access tokens are renewed by.
    ///   - mintCache: as for `Authenticator`.
    /// - Returns: nil when no key of `keys` signs.
    package init?(
        rules: SessionRules, keys: KeySet, validation: ValidationRules, sliding: RenewalPolicy?, codec: RefreshTokenCodec,
        mintCache: (any MintCache)? = nil
    ) {
        guard let signer = keys.signer else { return nil }
        self.rules = rules
        self.signer = signer
        self.codec = codec
        self.mintCache = mintCache
        verifier = TokenVerifier(keys: keys, rules: validation)
        issuer = validation.issuers.first
        audience = validation.audiences.first
        slidingCapSeconds = sliding?.capSeconds
    }

    /// A new session with its first pair, not yet in any store.
    ///
    /// - Parameters:
    ///   - claims: the text of a JSON object with at least `sub`. The members that the gateway writes itself (`iat`, `exp`, `nbf`,
    ///     `jti`, `sid`, `orig_iat`) are left out of it.
    ///   - id: nil: a random one.
    /// - Throws: when no access token that would be accepted here can be made of the claims.
    package func begin(
        claims: [UInt8], device: Session.Device, address: String, id: SessionID? = nil, now: NumericDate
    ) throws(ClaimsFault) -> (session: Session, pair: TokenPair) {
        let claims = try SessionClaims(parsing: claims, membersMax: verifier.rules.limits.membersMax)
        let session: Session
        do {
            session = try .begin(
                id ?? .random(), subject: claims.subject, claims: claims.text, device: device, address: address, rules: rules,
                now: now)
        } catch {
            throw .unacceptable
        }
        guard let pair = pair(for: session, now: now) else { throw .signingFailed }
        // Types, issuer, audience, dates and size are all checked by who will check them later.
        let token = pair.accessToken
        do { _ = try verifier.verify(token.span, now: now) } catch { throw .unacceptable }
        return (session, pair)
    }

    /// The pair that is current in a session. Depends on nothing but the session and the key where refresh tokens rotate; else
    /// on the second, too.
    ///
    /// - Returns: nil when signing fails.
    package func pair(for session: Session, now: NumericDate) -> TokenPair? {
        let issuedAt = rules.rotates ? session.rotatedAt : now
        let expiresAt = min(issuedAt.advanced(bySeconds: rules.accessSeconds), session.expiresAt)
        var input = session.id.bytes
        for shift in [24, 16, 8, 0] as [UInt32] { input.append(UInt8(truncatingIfNeeded: session.counter >> shift)) }
        for shift in (0..<8).reversed() { input.append(UInt8(truncatingIfNeeded: issuedAt.seconds >> Int64(8 * shift))) }
        let name = signer.derive("slidegate session jti", input.span)

        guard
            let claims = claims(
                of: session, issuedAt: issuedAt, expiresAt: expiresAt, tokenID: Base64URL.string(name.span.extracting(0..<16)))
        else { return nil }
        let accessToken: [UInt8]?
        if signer.algorithm.isDeterministic || mintCache == nil {
            accessToken = CompactJWS.mint(claims: claims, signer: signer)
        } else {
            let key = MintKey(
                parent: Digest(name), expiration: expiresAt.seconds, issuedAt: issuedAt.seconds, keyID: signer.keyID)
            accessToken = mintCache?.successor(for: key, now: now.seconds) { CompactJWS.mint(claims: claims, signer: signer) }
        }
        guard let accessToken else { return nil }
        return TokenPair(
            accessToken: accessToken, accessExpiresAt: expiresAt,
            refreshToken: codec.text(of: RefreshToken(session: session.id, counter: session.counter)),
            refreshExpiresAt: session.expiresAt, claims: claims)
    }

    /// What sliding is counted from, whenever and wherever the user was authenticated (`auth_time`): each refresh is a new
    /// beginning, but so that nothing slides beyond the end of the refresh token; and never before the session itself, or the
    /// user's logout before it would be taken for its own.
    private func anchor(of session: Session, issuedAt: NumericDate) -> NumericDate {
        guard let slidingCapSeconds else { return issuedAt }
        return max(session.createdAt, min(issuedAt, session.expiresAt.advanced(bySeconds: -slidingCapSeconds)))
    }

    /// The session's claims as they are, and behind them what only the gateway says.
    private func claims(of session: Session, issuedAt: NumericDate, expiresAt: NumericDate, tokenID: String) -> [UInt8]? {
        guard let object = try? JSONObject(parsing: session.claims, limits: SessionClaims.limits) else { return nil }
        var text = SessionClaims.copy(object)
        if object.member(.subject) == nil { text.append("sub", session.subject) }
        if let issuer, object.member(.issuer) == nil { text.append("iss", issuer) }
        if let audience, object.member(.audience) == nil { text.append("aud", audience) }
        text.append("orig_iat", anchor(of: session, issuedAt: issuedAt).seconds)
        text.append("iat", issuedAt.seconds)
        text.append("exp", expiresAt.seconds)
        text.append("jti", tokenID)
        text.append("sid", session.id.text)
        return text.finished
    }
}

/// What a client is handed.
package struct TokenPair: Sendable {
    package let accessToken: [UInt8]
    package let accessExpiresAt: NumericDate
    package let refreshToken: [UInt8]
    package let refreshExpiresAt: NumericDate
    /// Of the access token, as JSON text.
    let claims: [UInt8]
}

extension TokenPair: CustomStringConvertible {
    package var description: String { "TokenPair(until \(accessExpiresAt.seconds), \(refreshExpiresAt.seconds))" }
}
