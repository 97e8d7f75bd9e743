internal import Bytes
internal import HTTP1
internal import JOSE
internal import Sessions

/// The head of a request to an endpoint, while its bytes are there.
struct EndpointRequest {
    let endpoints: SessionEndpoints
    let head: RequestHead
    let survey: RequestSurvey
    let now: NumericDate
    let instant: Int64
    let verificationPause: Int64

    private var authenticator: Authenticator { endpoints.authenticator }

    /// What one place says about a token.
    enum Finding<Token> {
        case absent, malformed
        /// In a cookie, and the request may be of another site's making.
        case crossSite
        case token(Token)
    }

    /// An access token that has been verified, or why there is none.
    enum AccessToken {
        case absent
        case refused(Refusal.Kind, Fingerprint?)
        case valid(TokenEntry)
        /// The place for access tokens holds a refresh token.
        case refreshToken([UInt8])
    }

    func cookie(_ name: String, _ bytes: Span<UInt8>) -> Finding<[UInt8]> {
        guard survey.cookie >= 0 else { return .absent }
        let name = Array(name.utf8)
        var found: [UInt8]?
        for index in survey.cookie..<head.fields.lines.count where head.fields.lines[index].id == .cookie {
            let value = head.fields.lines[index].value
            switch Credentials(cookie: name.span, in: bytes.extracting(value.bounds)) {
            case .absent: break
            case .malformed, .several: return .malformed
            case .token(let range):
                guard found == nil else { return .malformed }
                let start = Int(value.start)
                found = Array(copying: bytes.extracting(start + range.lowerBound..<start + range.upperBound))
            }
        }
        guard let found else { return .absent }
        return authenticator.isCrossSite(head, survey.origin, bytes: bytes) ? .crossSite : .token(found)
    }

    /// `Authorization: Bearer`
    func bearer(_ bytes: Span<UInt8>) -> Finding<[UInt8]> {
        guard survey.authorization >= 0 else { return .absent }
        guard !survey.isAuthorizationRepeated else { return .malformed }
        let value = bytes.extracting(head.fields.lines[survey.authorization].value.bounds)
        switch Credentials(authorization: value) {
        case .absent: return .absent
        case .malformed, .several: return .malformed
        case .token(let range): return .token(Array(copying: value.extracting(range)))
        }
    }

    /// The access token, wherever requests have theirs. Revocation is not looked up.
    func accessToken(_ bytes: Span<UInt8>) -> AccessToken {
        let location: TokenLocation
        switch authenticator.tokenSearch(head.fields.lines.span, survey, bytes) {
        case .absent: return .absent
        case .malformed: return .refused(.tokenMalformed, nil)
        case .several: return .refused(.severalTokens, nil)
        case .found(let found): location = found
        }
        let token = bytes.extracting(location.token.bounds)
        if case .cookie = authenticator.sources[location.source], authenticator.isCrossSite(head, survey.origin, bytes: bytes) {
            return .refused(.crossSite, endpoints.fingerprint(of: token))
        }
        if token.count > 4, token.extracting(0..<4).elementsEqual(RefreshTokenCodec.prefix) {
            return .refreshToken(Array(copying: token))
        }
        do {
            return .valid(try authenticator.verified(token, now: now, verificationPause))
        } catch {
            let isList = token.firstIndex(of: UInt8(ascii: ",")) != nil
            return .refused(isList ? .severalTokens : .token(error), endpoints.fingerprint(of: token))
        }
    }

    /// Why a verified token is not let in here: it has ended, or is or may be revoked.
    func refusal(of entry: TokenEntry) -> TokenRefusal? {
        let lateness = now.seconds - entry.expiration
        if lateness >= 0, lateness >= authenticator.policy.validation.leewaySeconds { return .expired(bySeconds: lateness) }
        return authenticator.revocationRefusal(of: entry, .closed, now: now, instant: instant)
    }
}
