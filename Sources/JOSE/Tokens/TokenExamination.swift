/// What each of a verifier's checks says of a token, in their order: for people who ask why it is refused.
///
/// The checks are those of `verify`. Behind the first that fails, `verify` makes none; here those that can be made still are,
/// since whoever has one fault to mend wants to know of the next.
package struct TokenExamination: Sendable {
    package enum Check: Sendable, CaseIterable {
        /// Three segments in base64url, the first of them a JSON object.
        case form
        /// What `crit`, `typ` and others demand.
        case header
        case algorithm
        /// Which of the keys has signed it.
        case signature
        /// A JSON object with dates that are dates and names that are strings.
        case claims
        case expiration, notBefore, datesOfIssue, issuer, audience
    }

    package struct Finding: Sendable {
        package let check: Check
        /// Nil: it passes.
        package let refusal: TokenRefusal?
    }

    /// Those that could be made.
    package private(set) var findings: [Finding] = []
    /// What is in it, as far as it could be read; hearsay unless everything passes.
    package fileprivate(set) var header: JOSEHeader?
    package fileprivate(set) var claims: ClaimsSet?
    /// In `KeySet.verifiers`: those that may have signed it, and the one that did.
    package fileprivate(set) var candidates: [Int] = []
    package fileprivate(set) var keyIndex: Int?

    /// What `verify` refuses it for; nil: it does not.
    package var refusal: TokenRefusal? {
        for finding in findings { if let refusal = finding.refusal { return refusal } }
        return nil
    }

    /// - Returns: what the check returned; nil when it failed.
    @discardableResult
    fileprivate mutating func note<Result>(_ check: Check, _ body: () throws(TokenRefusal) -> Result) -> Result? {
        do throws(TokenRefusal) {
            let result = try body()
            findings.append(Finding(check: check, refusal: nil))
            return result
        } catch {
            findings.append(Finding(check: check, refusal: error))
            return nil
        }
    }
}

extension TokenVerifier {
    /// Makes every check that `verify` makes, and remembers nothing.
    package func examine(_ token: Span<UInt8>, now: NumericDate) -> TokenExamination {
        var examination = TokenExamination()
        let form = Self.form(of: token, limits: rules.limits)
        guard let unverified = examination.note(.form, { () throws(TokenRefusal) in try form.get() }) else { return examination }
        examination.header = unverified.header
        examination.note(.header) { () throws(TokenRefusal) in try checkHeader(unverified.header) }
        let algorithm = examination.note(.algorithm) { () throws(TokenRefusal) in try checkAlgorithm(unverified.header, now: now) }
        if let algorithm {
            examination.candidates = keys.candidates.indices.filter { isCandidate($0, algorithm, unverified.header.keyID) }
            let signed = signature(of: unverified, algorithm, over: token.extracting(0..<unverified.signingInputLength), now: now)
            examination.keyIndex = examination.note(.signature) { () throws(TokenRefusal) in try signed.get() }
        }

        examination.claims = try? unverified.claims()
        let dates = examination.note(.claims) { () throws(TokenRefusal) -> TokenDates in
            let claims = try unverified.claims()
            let registered = RegisteredClaims(claims)
            let dates = try TokenDates(claims, registered)
            try checkTypes(claims, registered)
            return dates
        }
        guard let dates, let claims = examination.claims else { return examination }
        let registered = RegisteredClaims(claims)
        examination.note(.expiration) { () throws(TokenRefusal) in try checkExpiration(dates.expiration, now: now) }
        examination.note(.notBefore) { () throws(TokenRefusal) in try checkNotBefore(dates.notBefore, now: now) }
        examination.note(.datesOfIssue) { () throws(TokenRefusal) in try checkDatesOfIssue(dates, now: now) }
        examination.note(.issuer) { () throws(TokenRefusal) in try checkIssuer(registered.issuer, claims) }
        examination.note(.audience) { () throws(TokenRefusal) in try checkAudience(registered.audience, claims) }
        return examination
    }

    private static func form(of token: Span<UInt8>, limits: TokenLimits) -> Result<UnverifiedToken, TokenRefusal> {
        do throws(TokenRefusal) {
            return .success(try UnverifiedToken(token, limits: limits))
        } catch {
            return .failure(error)
        }
    }

    private func signature(
        of token: UnverifiedToken, _ algorithm: Algorithm, over signingInput: Span<UInt8>, now: NumericDate
    ) -> Result<Int, TokenRefusal> {
        do throws(TokenRefusal) {
            return .success(try checkSignature(of: token, algorithm, over: signingInput, now: now))
        } catch {
            return .failure(error)
        }
    }
}
