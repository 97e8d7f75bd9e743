import Bytes

extension TokenVerifier {
    /// `iss` is one of the configured issuers, byte for byte (RFC 7519 §4.1.1). Without any configured, all pass.
    func checkIssuer(_ issuer: JSONMember?, _ claims: ClaimsSet) throws(TokenRefusal) {
        guard !issuers.isEmpty else { return }
        guard let issuer else { throw .wrongIssuer }
        for accepted in issuers where claims.isString(issuer, equalTo: accepted.span) { return }
        throw .wrongIssuer
    }
}
