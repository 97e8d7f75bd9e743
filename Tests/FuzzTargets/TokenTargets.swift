import Bytes
import JOSE

/// An instant that the seeds' dates are around.
private let now = NumericDate(seconds: 1_700_000_000)

extension FuzzTarget {
    /// A compact token from anyone: taken apart, then verified with a key of every algorithm that finds every signature valid,
    /// so that the checks behind the signature are reached.
    static let token = FuzzTarget(name: "token", seeds: { TokenSeeds.compact }) { (input) throws(Violation) in
        let unverified = Result { () throws(TokenRefusal) in try UnverifiedToken(input.span) }
        let verifier = TokenVerifier(
            keys: KeySet(verifiers: Algorithm.allCases.map { Credulous($0) }),
            rules: ValidationRules(leewaySeconds: 30, graceSeconds: 60))
        let first = verify(input, verifier)
        let second = verify(input, verifier)  // the header is known now
        switch (unverified, first, second) {
        case (.success(let unverified), .success(let token), .success(let again)):
            try promise("verified by another key the second time", token.keyIndex == again.keyIndex)
            try promise("the expiration is of the past", token.expiration.seconds + 60 > now.seconds)
            try promise("a date is out of range", NumericDate.range.contains(token.expiration.seconds))
            let segments = input.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Array($0) }
            try promise("not three segments", segments.count == 3)
            for segment in segments {
                guard let bytes = Base64URL.decode(segment.span) else { throw Violation("a segment is no base64url") }
                try promise("base64url has another way to write this", Base64URL.encode(bytes.span) == segment)
            }
            try promise("the signing input is the first two", unverified.signingInputLength == segments[0].count + 1 + segments[1].count)
        case (_, .failure(let refusal), .failure(let again)):
            try promise("refused otherwise the second time: \(refusal), \(again)", refusal == again)
            if case .failure(let form) = unverified { try promise("two refusals: \(refusal), \(form)", refusal == form) }
        default:
            throw Violation("believed without being a token, or only once")
        }
    }

    /// A header, a zero byte, and claims: signed, verified, and succeeded. Only what semantics §1.4 names may change.
    static let succession = FuzzTarget(name: "succession", seeds: { TokenSeeds.succession }) { (input) throws(Violation) in
        guard let split = input.firstIndex(of: 0) else { return }
        let (header, claims) = (Array(input[..<split]), Array(input[(split + 1)...]))
        let key = Credulous(.HS256)
        guard let compact = CompactJWS.sign(header: header, payload: claims, signer: key) else { return }
        let verifier = TokenVerifier(
            keys: KeySet(verifiers: Algorithm.allCases.map { Credulous($0) }), rules: ValidationRules(graceSeconds: 1_000_000))
        guard case .success(let presented) = verify(compact, verifier) else { return }
        let new = SuccessorClaims(
            expiration: NumericDate(seconds: 1_700_003_600), issuedAt: now, tokenID: "j\"1", sessionID: "s1", anchor: now)
        guard let successor = presented.successor(new, signer: key) else { return }
        guard case .success(let renewed) = verify(successor, verifier) else {
            throw Violation("a successor is refused: \(String(copying: successor.span))")
        }
        try checkSurgery(presented.claims, renewed.claims, changing: ["exp", "iat", "nbf", "jti"], adding: ["iat", "jti", "sid", "orig_iat"])
        try checkSurgery(presented.header.parameters, renewed.header.parameters, changing: ["alg"], adding: [])
        try promise("exp is not the new one", renewed.expiration == new.expiration && renewed.issuedAt == new.issuedAt)
        try promise("nbf appeared or stayed", renewed.notBefore == presented.notBefore.map { _ in new.issuedAt })
        try promise("jti is not the new one", renewed.claims.string(named: "jti") == new.tokenID)
        try promise("the session's beginning moved", renewed.anchor == (presented.originallyIssuedAt ?? presented.authenticatedAt ?? new.anchor))
        if presented.claims.contains("sid") { try promise("the session changed", sid(of: presented) == sid(of: renewed)) }
        // One that has all members already keeps every byte around the values.
        guard let third = renewed.successor(new, signer: key) else { throw Violation("a successor has none") }
        try promise("succeeded by the same claims it changes", third == successor)
    }

    /// The members of `old` are those of `new`, in their order and byte for byte but for some values; others may follow.
    private static func checkSurgery(
        _ old: JSONObject, _ new: JSONObject, changing: Set<String>, adding: Set<String>
    ) throws(Violation) {
        var kept: [JSONMember] = []
        for member in old.members where !(adding.isEmpty && old.name(of: member) == "kid") { kept.append(member) }
        let others = new.members.filter { !(adding.isEmpty && new.name(of: $0) == "kid") }
        try promise("members are lost", others.count >= kept.count)
        for (before, after) in zip(kept, others) {
            let name = old.name(of: before)
            try promise("members are moved or renamed", name == new.name(of: after))
            if changing.contains(name) { continue }
            let isEqual = old.withValue(of: before) { Array(copying: $0) } == new.withValue(of: after) { Array(copying: $0) }
            try promise("\(name) changed", isEqual)
        }
        for member in others.dropFirst(kept.count) {
            try promise("\(new.name(of: member)) is added", adding.contains(new.name(of: member)))
        }
    }

    private static func sid(of token: VerifiedToken) -> [UInt8]? {
        token.claims.member(named: "sid").map { token.claims.withValue(of: $0) { Array(copying: $0) } }
    }

    private static func verify(_ token: [UInt8], _ verifier: TokenVerifier) -> Result<VerifiedToken, TokenRefusal> {
        Result { () throws(TokenRefusal) in try verifier.verify(token.span, now: now) }
    }
}

/// Finds every signature valid: for what is done with a token once its signature is.
private final class Credulous: SignatureVerifier, TokenSigner {
    let algorithm: Algorithm
    let keyID: String? = nil

    init(_ algorithm: Algorithm) { self.algorithm = algorithm }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool { true }
    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? { [1, 2, 3] }
    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { InlineArray(repeating: 7) }
}
