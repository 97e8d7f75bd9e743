internal import Bytes
internal import JOSE
internal import Sessions

// Token revocation (RFC 7009) and introspection (RFC 7662). Both take a form with `token`; `token_type_hint` may be there and is not
// needed (RFC 7009 §2.1): the two kinds of token cannot be mistaken for each other.

extension EndpointCall {
    /// The `token` of the form, or the answer that refuses the request.
    private func formToken(_ content: Span<UInt8>) -> Result<[UInt8], OAuthRefusal> {
        guard mediaType == .form else {
            return .failure(OAuthRefusal(reason: "media_type", description: "The content must be application/x-www-form-urlencoded."))
        }
        do throws(ContentError) {
            guard let token = try FormContent(content).value("token") else {
                return .failure(OAuthRefusal(reason: "missing", description: "The form has no token."))
            }
            return .success(token)
        } catch {
            return .failure(OAuthRefusal(reason: "malformed_request", description: "The form is malformed, or has a member twice."))
        }
    }

    private struct OAuthRefusal: Error {
        var reason: String
        var description: String
    }

    private func refused(_ refusal: OAuthRefusal) -> EndpointAnswer {
        maker.oauthError(
            400, "invalid_request", refusal.description, EndpointOutcome(.endpointRefused, reason: refusal.reason))
    }

    // MARK: Revocation

    /// Whoever has a token may end it: there are no clients with credentials here (RFC 7009 §2.1).
    func readRevocation(_ content: Span<UInt8>, now: NumericDate) -> (Step, Question?) {
        let text: [UInt8]
        switch formToken(content) {
        case .success(let token): text = token
        case .failure(let refusal): return (.answer(refused(refusal)), nil)
        }
        let fingerprint = endpoints.fingerprint(of: text.span)
        if isRefreshToken(text) {
            // A token that is none is as good as revoked (RFC 7009 §2.2).
            guard let token = try? endpoints.codec.read(text.span) else { return (.answer(revoked("invalid", fingerprint)), nil) }
            let ending = Ending(
                event: .revoked, answer: .revocation, token: fingerprint, session: token.session, name: token.session.text)
            return ask(.end(token.session, .logout), now: now, .end(ending))
        }
        do throws(TokenRefusal) {
            let entry = try endpoints.authenticator.verified(text.span, now: now, verificationPause)
            return endSession(of: entry, .revoked, .revocation, reason: .logout, now: now)
        } catch {
            switch error {
            case .keysUnavailable, .tooManyFailures: return (.answer(refused(.token(error), fingerprint)), nil)
            default: return (.answer(revoked(error.reason, fingerprint, isAboutForgery: error.isAboutForgery)), nil)
            }
        }
    }

    private func revoked(_ reason: String, _ token: Fingerprint, isAboutForgery: Bool = false) -> EndpointAnswer {
        maker.empty(200, EndpointOutcome(.revoked, reason: reason, token: token, isAboutForgery: isAboutForgery))
    }

    // MARK: Introspection

    func planIntrospection(_ request: EndpointRequest, _ bytes: Span<UInt8>) -> Plan {
        let outcome: (String) -> EndpointOutcome = { EndpointOutcome(.endpointRefused, reason: $0) }
        switch request.bearer(bytes) {
        case .token(let secret):
            if endpoints.policy.introspection?.secret.matches(secret.span) == true { return .introspection }
            var wrong = outcome("wrong_secret")
            wrong.isAboutForgery = true
            return .ignore(
                then: .answer(
                    maker.problem(
                        401, code: "invalid_client", detail: "The secret is not the one of this endpoint.",
                        lines: challenge("error=\"invalid_token\""), wrong)), nil)
        case .absent, .malformed, .crossSite:
            return .ignore(
                then: .answer(
                    maker.problem(
                        401, code: "invalid_client", detail: "The request carries no secret.", lines: challenge(nil),
                        outcome("secret_missing"))), nil)
        }
    }

    private func challenge(_ parameter: String?) -> [UInt8] {
        let realm = String(decoding: endpoints.authenticator.realm, as: UTF8.self)
        return Array("WWW-Authenticate: Bearer realm=\"\(realm)\"\(parameter.map { ", \($0)" } ?? "")\r\n".utf8)
    }

    func readIntrospection(_ content: Span<UInt8>, now: NumericDate, instant: Int64) -> (Step, Question?) {
        let text: [UInt8]
        switch formToken(content) {
        case .success(let token): text = token
        case .failure(let refusal): return (.answer(refused(refusal)), nil)
        }
        let fingerprint = endpoints.fingerprint(of: text.span)
        if isRefreshToken(text) {
            guard let token = try? endpoints.codec.read(text.span) else { return (.answer(inactive("invalid", fingerprint)), nil) }
            return ask(.find(token.session), now: now, .introspect(token, fingerprint))
        }
        // The caller is known and passes on what others gave it: how often that is wrong says nothing about the caller.
        do throws(TokenRefusal) {
            let entry = try endpoints.authenticator.verified(text.span, now: now, 0)
            guard now.seconds < entry.expiration else { return (.answer(inactive("expired", fingerprint)), nil) }
            switch endpoints.authenticator.standing(of: entry, now: now, instant: instant) {
            case .good: return (.answer(active(entry)), nil)
            case .revoked: return (.answer(inactive("revoked", fingerprint)), nil)
            case .unknown: return (.answer(refused(.token(.revocationUnknown), fingerprint)), nil)
            }
        } catch {
            if case .keysUnavailable = error { return (.answer(refused(.token(error), fingerprint)), nil) }
            return (.answer(inactive(error.reason, fingerprint)), nil)
        }
    }

    func answerIntrospection(
        _ token: RefreshToken, _ fingerprint: Fingerprint, _ result: Result<StoreReply, StoreError>, now: NumericDate
    ) -> EndpointAnswer {
        switch result {
        case .failure(let error): return maker.unavailable(error, session: token.session, token: fingerprint)
        case .success(.found(let session?))
        where isCurrent(token, in: session, now: now) && !endpoints.authenticator.isRevoked(session, now: now):
            var text = ObjectText()
            text.append("active", true)
            text.append("token_type", "refresh_token")
            text.append("sub", session.subject)
            text.append("sid", session.id.text)
            text.append("iat", session.rotatedAt.seconds)
            text.append("exp", session.expiresAt.seconds)
            return maker.json(
                200, text.finished, EndpointOutcome(.introspected, reason: "active", session: session.id, token: fingerprint))
        case .success: return inactive("ended", fingerprint)
        }
    }

    /// All that the token says (RFC 7662 §2.2), since it is the caller who will act by it.
    private func active(_ entry: TokenEntry) -> EndpointAnswer {
        var text = ObjectText()
        text.append("active", true)
        text.append("token_type", "Bearer")
        let claims = entry.token.claims
        for member in claims.members {
            let name = claims.name(of: member)
            if name == "active" || name == "token_type" { continue }
            text.append(name, claims.withValue(of: member) { Array(copying: $0) })
        }
        return maker.json(200, text.finished, EndpointOutcome(.introspected, reason: "active", token: entry.fingerprint))
    }

    /// Without a word about why (RFC 7662 §2.2).
    private func inactive(_ reason: String, _ token: Fingerprint) -> EndpointAnswer {
        maker.json(200, Array(#"{"active":false}"#.utf8), EndpointOutcome(.introspected, reason: reason, token: token))
    }

    private func isRefreshToken(_ text: [UInt8]) -> Bool { text.starts(with: "sgr_".utf8) }
}
