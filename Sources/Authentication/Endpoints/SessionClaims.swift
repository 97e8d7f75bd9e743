internal import Bytes
internal import JOSE
internal import Sessions

/// What a login says of its user, as sessions keep it: checked, without the members that the gateway writes itself, and every
/// other value byte for byte.
struct SessionClaims {
    let subject: String
    /// The text of a JSON object; `Session.claims`.
    let text: [UInt8]

    /// Written by the gateway into every access token.
    static let reserved: [TokenMember] = [.issuedAt, .expiration, .notBefore, .tokenID, .sessionID, .originallyIssuedAt]
    /// Claims of people, not of attackers with time to spend.
    static let limits = TokenLimits(nestingMax: 8, membersMax: 128)
    /// `sub`, `iss`, `aud` and the reserved ones but `nbf`: what may be added.
    private static let addedMembersMax = 8

    /// - Parameter membersMax: of an access token.
    init(parsing claims: [UInt8], membersMax: Int) throws(ClaimsFault) {
        // The members to be left out may make it longer than what is kept.
        guard claims.count <= 2 * SessionLimits.claimsBytesMax else { throw .tooLarge }
        guard let object = try? JSONObject(parsing: claims, limits: Self.limits) else { throw .notAnObject }
        guard object.members.count <= membersMax - Self.addedMembersMax else { throw .tooLarge }
        guard let member = object.member(.subject) else { throw .subjectMissing }
        let subject: String
        var replacement: [UInt8]?
        if let integer = object.integer(of: member) {
            // Users are numbers in many a database; `sub` is a string (RFC 7519 §4.1.2).
            subject = String(integer)
            replacement = JSONString.quoted(subject)
        } else if let string = object.string(of: member) {
            subject = string
        } else {
            throw .subjectMissing
        }
        guard !subject.isEmpty else { throw .subjectMissing }
        guard subject.utf8.count <= SessionLimits.subjectBytesMax else { throw .subjectTooLong }
        let text = Self.copy(object, subject: replacement).finished
        guard text.count <= SessionLimits.claimsBytesMax else { throw .tooLarge }
        self.subject = subject
        self.text = text
    }

    /// The members of `object` but the reserved ones.
    ///
    /// - Parameter subject: in place of the value of `sub`.
    static func copy(_ object: JSONObject, subject: [UInt8]? = nil) -> ObjectText {
        var text = ObjectText()
        for member in object.members {
            let name = object.name(of: member)
            if reserved.contains(where: { $0.rawValue == name }) { continue }
            if let subject, name == TokenMember.subject.rawValue {
                text.append(name, subject)
            } else {
                text.append(name, object.withValue(of: member) { Array(copying: $0) })
            }
        }
        return text
    }
}

/// Why no session can be begun with given claims. The raw value is stable, for logs and answers.
package enum ClaimsFault: String, Error, Sendable {
    case notAnObject = "claims_not_an_object"
    /// Also one that is no string and no integer, or empty.
    case subjectMissing = "claims_without_sub"
    case subjectTooLong = "claims_sub_too_long"
    case tooLarge = "claims_too_large"
    /// The access token would not be accepted here: a claim has a type, an issuer, an audience or a date that is refused.
    case unacceptable = "claims_unacceptable"
    case signingFailed = "signing_failed"
}
