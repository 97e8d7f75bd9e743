import Bytes

extension TokenVerifier {
    /// `aud` is, or has among its elements, one of the configured audiences (RFC 7519 §4.1.3). Without any configured,
    /// all pass.
    func checkAudience(_ audience: JSONMember?, _ claims: ClaimsSet) throws(TokenRefusal) {
        guard !audiences.isEmpty else { return }
        guard let audience else { throw .wrongAudience }
        for accepted in audiences where claims.value(of: audience, isOrContains: accepted.span) { return }
        throw .wrongAudience
    }
}
