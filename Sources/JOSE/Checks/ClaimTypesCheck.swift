extension TokenVerifier {
    /// Registered claims have the types of RFC 7519 §4.1: a number as `sub` or `jti` would be compared and revoked as
    /// one thing here and as another thing by the application. `sid` is a string as well, as in OpenID Connect.
    func checkTypes(_ claims: ClaimsSet, _ registered: borrowing RegisteredClaims) throws(TokenRefusal) {
        try checkString(.subject, registered.subject)
        try checkString(.tokenID, registered.tokenID)
        try checkString(.sessionID, registered.sessionID)
        try checkString(.issuer, registered.issuer)
        if let audience = registered.audience, audience.kind != .string {
            guard claims.forEachString(of: audience, { _ in }) else { throw .wrongType(.audience) }
        }
    }

    private func checkString(_ name: TokenMember, _ member: JSONMember?) throws(TokenRefusal) {
        guard let member, member.kind != .string else { return }
        throw .wrongType(name)
    }
}
