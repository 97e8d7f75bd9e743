/// Where the claims that this program understands stand among the members of a claims set: found in one pass, because
/// looking ten names up one by one costs more than all the checks on them.
struct RegisteredClaims {
    private(set) var issuer: JSONMember?
    private(set) var subject: JSONMember?
    private(set) var audience: JSONMember?
    private(set) var expiration: JSONMember?
    private(set) var notBefore: JSONMember?
    private(set) var issuedAt: JSONMember?
    private(set) var tokenID: JSONMember?
    private(set) var sessionID: JSONMember?
    private(set) var originallyIssuedAt: JSONMember?
    private(set) var authenticatedAt: JSONMember?

    init(_ claims: ClaimsSet) {
        let members = claims.members.span
        for index in 0..<members.count {
            switch members[index].nameLength {
            case 3:
                switch members[index].namePrefix {
                case TokenMember.issuer.prefix: issuer = members[index]
                case TokenMember.subject.prefix: subject = members[index]
                case TokenMember.audience.prefix: audience = members[index]
                case TokenMember.expiration.prefix: expiration = members[index]
                case TokenMember.notBefore.prefix: notBefore = members[index]
                case TokenMember.issuedAt.prefix: issuedAt = members[index]
                case TokenMember.tokenID.prefix: tokenID = members[index]
                case TokenMember.sessionID.prefix: sessionID = members[index]
                default: break
                }
            case 8:
                if members[index].namePrefix == TokenMember.originallyIssuedAt.prefix { originallyIssuedAt = members[index] }
            case 9:
                // A prefix is eight bytes; the ninth is for the slower comparison.
                if members[index].namePrefix == TokenMember.authenticatedAt.prefix {
                    authenticatedAt = claims.member(.authenticatedAt)
                }
            default: break
            }
        }
    }
}
