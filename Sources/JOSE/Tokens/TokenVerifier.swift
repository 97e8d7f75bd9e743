import Bytes

/// Turns tokens that came in into tokens that may be believed. Belongs to one worker.
///
/// The order is fixed and visible in `verify`: form, header, algorithm, key and signature, then claims. Each rule has a
/// file of its own in `Checks`.
package final class TokenVerifier {
    package let keys: KeySet
    package let rules: ValidationRules
    /// `keys.fetched`, as it is confirmed from time to time.
    package var fetched: FetchedKeys?
    /// `rules`, as the checks compare them.
    let issuers: [[UInt8]]
    let audiences: [[UInt8]]
    let types: [[UInt8]]
    /// The header segment of the last token that verified, and what it says. One issuer writes the same header into
    /// every token, so most tokens need not have theirs read again.
    private var lastHeader: (segment: [UInt8], header: JOSEHeader)?

    package init(keys: KeySet, rules: ValidationRules) {
        self.keys = keys
        self.rules = rules
        fetched = keys.fetched
        issuers = rules.issuers.map { Array($0.utf8) }
        audiences = rules.audiences.map { Array($0.utf8) }
        types = rules.types.map { Array($0.lowercased().utf8) }
    }

    package func verify(_ token: Span<UInt8>, now: NumericDate) throws(TokenRefusal) -> VerifiedToken {
        let segments = try Segments(token, limits: rules.limits)
        let known = knownHeader(token.extracting(segments.header))
        let unverified = try UnverifiedToken(token, segments: segments, header: known, limits: rules.limits)
        if known == nil { try checkHeader(unverified.header) }
        let algorithm = try checkAlgorithm(unverified.header, now: now)
        let keyIndex = try checkSignature(of: unverified, algorithm, over: token.extracting(0..<unverified.signingInputLength), now: now)

        let claims = try unverified.claims()
        let registered = RegisteredClaims(claims)
        let dates = try TokenDates(claims, registered)
        try checkTypes(claims, registered)
        try checkExpiration(dates.expiration, now: now)
        try checkNotBefore(dates.notBefore, now: now)
        try checkDatesOfIssue(dates, now: now)
        try checkIssuer(registered.issuer, claims)
        try checkAudience(registered.audience, claims)

        if known == nil { lastHeader = (Array(copying: token.extracting(segments.header)), unverified.header) }
        return VerifiedToken(
            header: unverified.header, claims: claims, dates: dates, algorithm: algorithm, keyIndex: keyIndex,
            isKeyNamed: keys.candidates[keyIndex].keyID != nil, limits: rules.limits)
    }

    /// Checks again what time changes, for a token that was verified before.
    package func recheck(_ token: VerifiedToken, now: NumericDate) throws(TokenRefusal) {
        try checkExpiration(token.expiration, now: now)
        try checkNotBefore(token.notBefore, now: now)
        // Dates of issue were not in the future then, and clocks of workers are not set back by more than the leeway.
    }

    private func knownHeader(_ segment: Span<UInt8>) -> JOSEHeader? {
        guard let lastHeader, lastHeader.segment.span.elementsEqual(segment) else { return nil }
        return lastHeader.header
    }
}
