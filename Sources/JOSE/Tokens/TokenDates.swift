/// The dates of a claims set, each an integer within range.
struct TokenDates {
    let expiration: NumericDate
    let notBefore: NumericDate?
    let issuedAt: NumericDate?
    let originallyIssuedAt: NumericDate?
    let authenticatedAt: NumericDate?

    /// - Throws: when `exp` is missing, or any of them is not an integer or out of range.
    init(_ claims: ClaimsSet, _ registered: borrowing RegisteredClaims) throws(TokenRefusal) {
        guard let expiration = try Self.date(.expiration, registered.expiration, claims) else { throw .missingMember(.expiration) }
        self.expiration = expiration
        notBefore = try Self.date(.notBefore, registered.notBefore, claims)
        issuedAt = try Self.date(.issuedAt, registered.issuedAt, claims)
        originallyIssuedAt = try Self.date(.originallyIssuedAt, registered.originallyIssuedAt, claims)
        authenticatedAt = try Self.date(.authenticatedAt, registered.authenticatedAt, claims)
    }

    private static func date(
        _ name: TokenMember, _ member: JSONMember?, _ claims: ClaimsSet
    ) throws(TokenRefusal) -> NumericDate? {
        guard let member else { return nil }
        guard let date = claims.date(of: member) else { throw .badDate(name) }
        return date
    }
}
