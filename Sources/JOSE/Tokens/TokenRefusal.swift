/// Why a token is refused. Cases carry facts; the sentence is made where it is shown.
///
/// Nothing in here is taken from the token's own text, so that a refusal may be logged and sent as it is.
package enum TokenRefusal: Error, Equatable, Sendable {
    /// The two JSON texts of a token.
    package enum Part: String, Sendable { case header, claims }

    // Form (RFC 7515 §3.1, §7.1; RFC 7519 §7.2)
    case tooLarge(limitBytes: Int)
    /// Not exactly two dots. Five segments would be an encrypted token, which is not supported.
    case notThreeSegments(count: Int)
    case emptySegment
    case notBase64URL
    case notJSON(Part, JSONError)
    case missingMember(TokenMember)
    /// A member that this program understands has a value of another type than the RFC says.
    case wrongType(TokenMember)
    /// A date that is not an integer, or not within `NumericDate.range`.
    case badDate(TokenMember)

    // Header (RFC 7515 §4, RFC 7797, RFC 7519 §5)
    /// `crit` names something, and nothing that it may name is implemented.
    case criticalHeader
    /// `b64: false` (RFC 7797): the payload is not encoded.
    case unencodedPayload
    /// `enc`, `zip`, or `cty: JWT`: encrypted, compressed or nested.
    case unsupportedHeader(TokenMember)
    case unacceptedType

    // Algorithm, key, signature
    /// No key of the set is meant for the algorithm that the header names; `none` is one of those.
    case algorithmNotAllowed
    case unknownKey
    case badSignature

    // Claims (RFC 7519 §4.1)
    case expired(bySeconds: Int64)
    case notYetValid(forSeconds: Int64)
    /// `iat`, `orig_iat` or `auth_time` lies in the future.
    case issuedInFuture(bySeconds: Int64)
    case wrongIssuer
    case wrongAudience

    // Known by others than the verifier; here because they are codes of the same family.
    case revoked
    /// Nobody knows whether it is revoked: the store is away.
    case revocationUnknown
    case sessionEnded
    case keysUnavailable
    /// Not verified: too many tokens of whoever presents it were not genuine.
    case tooManyFailures(retryAfterSeconds: Int)
}

/// The header parameters and claims that this program understands. The raw value is the name on the wire.
package enum TokenMember: String, Sendable, CaseIterable {
    case algorithm = "alg", keyID = "kid", type = "typ", contentType = "cty", critical = "crit", base64 = "b64"
    case encryption = "enc", compression = "zip"
    case issuer = "iss", subject = "sub", audience = "aud", expiration = "exp", notBefore = "nbf", issuedAt = "iat"
    case tokenID = "jti", sessionID = "sid", originallyIssuedAt = "orig_iat", authenticatedAt = "auth_time"
}

extension TokenRefusal {
    /// The stable `code` of the answer's body.
    package var code: String {
        switch self {
        case .tooLarge, .notThreeSegments, .emptySegment, .notBase64URL, .notJSON, .missingMember, .wrongType, .badDate:
            "token_malformed"
        case .criticalHeader, .unencodedPayload, .unsupportedHeader, .unacceptedType, .algorithmNotAllowed, .unknownKey,
            .badSignature, .wrongIssuer, .wrongAudience:
            "token_invalid"
        case .expired: "token_expired"
        case .notYetValid, .issuedInFuture: "token_not_yet_valid"
        case .revoked: "token_revoked"
        case .revocationUnknown: "revocation_unknown"
        case .sessionEnded: "session_expired"
        case .keysUnavailable: "keys_unavailable"
        case .tooManyFailures: "too_many_failures"
        }
    }

    /// Finer than `code`, as stable, for logs and counters.
    package var reason: String {
        switch self {
        case .tooLarge: "too_large"
        case .notThreeSegments: "not_three_segments"
        case .emptySegment: "empty_segment"
        case .notBase64URL: "not_base64url"
        case .notJSON(_, let error): error.rawValue
        case .missingMember(let member): "missing_\(member.rawValue)"
        case .wrongType(let member): "wrong_type_\(member.rawValue)"
        case .badDate(let member): "bad_date_\(member.rawValue)"
        case .criticalHeader: "crit_unknown"
        case .unencodedPayload: "unencoded_payload"
        case .unsupportedHeader(let member): "unsupported_\(member.rawValue)"
        case .unacceptedType: "unaccepted_type"
        case .algorithmNotAllowed: "algorithm_not_allowed"
        case .unknownKey: "unknown_key"
        case .badSignature: "bad_signature"
        case .expired: "expired"
        case .notYetValid: "not_yet_valid"
        case .issuedInFuture: "issued_in_future"
        case .wrongIssuer: "wrong_issuer"
        case .wrongAudience: "wrong_audience"
        case .revoked: "revoked"
        case .revocationUnknown: "revocation_unknown"
        case .sessionEnded: "session_ended"
        case .keysUnavailable: "keys_unavailable"
        case .tooManyFailures: "too_many_failures"
        }
    }
}

extension TokenRefusal: CustomStringConvertible {
    /// One sentence without a full stop, in printable ASCII without `"` and `\`: fit for `error_description`
    /// (RFC 6750 §3).
    package var description: String {
        switch self {
        case .tooLarge(let limit): "the token is longer than \(limit) bytes"
        case .notThreeSegments(let count): "the token has \(count) segments, a signed token has 3"
        case .emptySegment: "a segment of the token is empty"
        case .notBase64URL: "a segment of the token is not canonical base64url without padding"
        case .notJSON(let part, let error): "the \(part.rawValue) of the token: \(error.description)"
        case .missingMember(let member): "the token has no \(member.rawValue)"
        case .wrongType(let member): "\(member.rawValue) has a value of the wrong type"
        case .badDate(let member): "\(member.rawValue) is not a whole number of seconds within range"
        case .criticalHeader: "crit demands an extension that is not supported"
        case .unencodedPayload: "an unencoded payload (b64 false) is not supported"
        case .unsupportedHeader(let member): "the header parameter \(member.rawValue) asks for what is not supported"
        case .unacceptedType: "the typ of the token is not accepted here"
        case .algorithmNotAllowed: "the algorithm of the token is not allowed"
        case .unknownKey: "no key is known by the kid of the token"
        case .badSignature: "the signature is not valid"
        case .expired(let seconds): "the token expired \(seconds) seconds ago"
        case .notYetValid(let seconds): "the token is not valid for another \(seconds) seconds"
        case .issuedInFuture(let seconds): "the token was issued \(seconds) seconds in the future"
        case .wrongIssuer: "the issuer of the token is not accepted here"
        case .wrongAudience: "the token is not meant for this audience"
        case .revoked: "the token was revoked"
        case .revocationUnknown: "it cannot be known at present whether the token was revoked"
        case .sessionEnded: "the session has ended"
        case .keysUnavailable: "the keys to verify tokens are not available"
        case .tooManyFailures(let seconds): "too many tokens from this address were not genuine; try again in \(seconds) seconds"
        }
    }
}

extension TokenRefusal {
    /// Whether nobody who issues tokens here can have made the token: it is malformed, says what only a forger says, or is wrongly
    /// signed. Not so for a token that has ended, that is meant for others, or whose key is not known (any more).
    package var isAboutForgery: Bool {
        switch self {
        case .tooLarge, .notThreeSegments, .emptySegment, .notBase64URL, .notJSON, .missingMember, .wrongType, .badDate,
            .criticalHeader, .unencodedPayload, .unsupportedHeader, .unacceptedType, .algorithmNotAllowed, .badSignature:
            true
        case .unknownKey, .expired, .notYetValid, .issuedInFuture, .wrongIssuer, .wrongAudience, .revoked, .revocationUnknown,
            .sessionEnded, .keysUnavailable, .tooManyFailures:
            false
        }
    }
}
