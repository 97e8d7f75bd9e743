/// The dates of a claims set, each an integer within range.
struct TokenDates {
    let expiration: NumericDate
    let notBefore: NumericDate?
    let issuedAt: NumericDate?
    let originallyIssuedAt: NumericDate?
    let authenticatedAt: NumericDate?

    /// - Throws: when `exp` is missing, or any of them is not an integer or out of range.
    init(_ claims: ClaimsSet) throws(TokenRefusal) {
        guard let expiration = try Self.date(.expiration, claims) else { throw .missingMember(.expiration) }
        self.expiration = expiration
        notBefore = try Self.date(.notBefore, claims)
        issuedAt = try Self.date(.issuedAt, claims)
        originallyIssuedAt = try Self.date(.originallyIssuedAt, claims)
        authenticatedAt = try Self.date(.authenticatedAt, claims)
    }

    private static func date(_ name: TokenMember, _ claims: ClaimsSet) throws(TokenRefusal) -> NumericDate? {
        guard let member = claims.member(name) else { return nil }
        guard let date = claims.date(of: member) else { throw .badDate(name) }
        return date
    }
}
