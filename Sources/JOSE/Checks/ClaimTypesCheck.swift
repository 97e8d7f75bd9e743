extension TokenVerifier {
    /// Registered claims have the types of RFC 7519 §4.1: a number as `sub` or `jti` would be compared and revoked as
    /// one thing here and as another thing by the application. `sid` is a string as well, as in OpenID Connect.
    func checkTypes(_ claims: ClaimsSet) throws(TokenRefusal) {
        try checkString(.subject, claims)
        try checkString(.tokenID, claims)
        try checkString(.sessionID, claims)
        try checkString(.issuer, claims)
        if let audience = claims.member(.audience), audience.kind != .string {
            guard claims.forEachString(of: audience, { _ in }) else { throw .wrongType(.audience) }
        }
    }

    private func checkString(_ name: TokenMember, _ claims: ClaimsSet) throws(TokenRefusal) {
        guard let member = claims.member(name) else { return }
        guard member.kind == .string else { throw .wrongType(name) }
    }
}
