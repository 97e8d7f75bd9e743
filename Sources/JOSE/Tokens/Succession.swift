import Bytes

/// What a successor says differently from the token that it succeeds (semantics §1.4).
package struct SuccessorClaims: Sendable, Equatable {
    /// `exp`
    package var expiration: NumericDate
    /// `iat`; also `nbf`, where the presented token has one.
    package var issuedAt: NumericDate
    /// `jti`
    package var tokenID: String
    /// `sid`, written only when the presented token has none.
    package var sessionID: String?
    /// `orig_iat`, written only when the presented token has neither `orig_iat` nor `auth_time`.
    package var anchor: NumericDate

    package init(
        expiration: NumericDate, issuedAt: NumericDate, tokenID: String, sessionID: String?, anchor: NumericDate
    ) {
        self.expiration = expiration
        self.issuedAt = issuedAt
        self.tokenID = tokenID
        self.sessionID = sessionID
        self.anchor = anchor
    }
}

extension VerifiedToken {
    /// The successor in compact form: the presented header and claims byte for byte, but for what `claims` and the key of
    /// `signer` say. Depends on nothing else, so that all who ask alike get alike (ECDSA and PSS signatures excepted).
    ///
    /// - Returns: nil when signing fails, or when the successor would not keep the limits of the presented token.
    package func successor(_ claims: SuccessorClaims, signer: any TokenSigner) -> [UInt8]? {
        let payload = successorPayload(claims)
        guard payload.addedMembers &+ self.claims.members.count <= limits.membersMax else { return nil }
        let token = CompactJWS.sign(header: successorHeader(signer), payload: payload.text, signer: signer)
        guard let token, token.count <= limits.tokenBytesMax else { return nil }
        return token
    }

    private func successorPayload(_ new: SuccessorClaims) -> (text: [UInt8], addedMembers: Int) {
        var surgery = JSONSurgery(claims)
        surgery.set(.expiration, Array(String(new.expiration.seconds).utf8))
        surgery.set(.issuedAt, Array(String(new.issuedAt.seconds).utf8))
        if notBefore != nil { surgery.set(.notBefore, Array(String(new.issuedAt.seconds).utf8)) }
        surgery.set(.tokenID, JSONString.quoted(new.tokenID))
        if let sessionID = new.sessionID, claims.member(.sessionID) == nil {
            surgery.set(.sessionID, JSONString.quoted(sessionID))
        }
        if originallyIssuedAt == nil, authenticatedAt == nil {
            surgery.set(.originallyIssuedAt, Array(String(new.anchor.seconds).utf8))
        }
        return (surgery.text(), surgery.addedMembers)
    }

    /// `alg` and `kid` become those of the signing key. When that key has no `kid`, the presented one stays only if the
    /// key that verified it had none either, since such a key is chosen by algorithm alone: there the name belongs to
    /// the application behind, and this program has no opinion on it.
    private func successorHeader(_ signer: any TokenSigner) -> [UInt8] {
        var surgery = JSONSurgery(header.parameters)
        if signer.algorithm != algorithm { surgery.set(.algorithm, JSONString.quoted(signer.algorithm.rawValue)) }
        if let keyID = signer.keyID {
            if header.keyID != Array(keyID.utf8) { surgery.set(.keyID, JSONString.quoted(keyID)) }
        } else if isKeyNamed || signer.algorithm != algorithm {
            surgery.remove(.keyID)
        }
        return surgery.text()
    }
}
