internal import Bytes
internal import JOSE
internal import Sessions

// Refresh: RFC 6749 §6 in whatever format a front end knows (`WireFormat`).

extension EndpointCall {
    func planRefresh(_ format: WireFormat, _ request: EndpointRequest, _ bytes: Span<UInt8>) -> Plan {
        let finding: EndpointRequest.Finding<[UInt8]>
        switch format.token {
        case .form, .json: return .refresh(format)
        case .access:
            let (answer, entry) = renewed(format, request, bytes)
            return .ignore(then: .answer(answer), nil, by: entry)
        case .cookie(let name): finding = request.cookie(name, bytes)
        case .bearer: finding = request.bearer(bytes)
        }
        switch finding {
        case .absent: return .ignore(then: .answer(missing(format)), nil)
        case .malformed:
            return .ignore(then: .answer(malformed(format, "The field that should carry the token is malformed.")), nil)
        case .crossSite:
            return .ignore(then: .answer(maker.refused(.crossSite, Self.refused("cross_site"))), nil)
        case .token(let token):
            let (step, question) = refresh(format, token, now: request.now)
            return .ignore(then: step, question)
        }
    }

    /// The token is in the content.
    func readRefresh(_ format: WireFormat, _ content: Span<UInt8>, now: NumericDate) -> (Step, Question?) {
        let name: String
        let expected: MediaType
        switch format.token {
        case .form(let member): (name, expected) = (member, .form)
        case .json(let member): (name, expected) = (member, .json)
        case .cookie, .bearer, .access: return (.answer(missing(format)), nil)
        }
        guard mediaType == expected || content.isEmpty && mediaType == .none else {
            let type = expected == .form ? "application/x-www-form-urlencoded" : "application/json"
            return (
                .answer(
                    maker.refused(
                        format.refusals, .mediaType, code: "unsupported_media_type", description: "The content must be \(type).",
                        Self.refused("media_type"))), nil
            )
        }
        do throws(ContentError) {
            let members = try RequestContent(content, expected)
            for required in format.required {
                guard let value = try members.text(required.name) else { return (.answer(missing(format)), nil) }
                guard value == Array(required.value.utf8) else { return (.answer(unmet(format, required)), nil) }
            }
            guard let token = try members.text(name) else { return (.answer(missing(format)), nil) }
            return refresh(format, token, now: now)
        } catch {
            let description =
                switch error {
                case .malformed: "The content is malformed."
                case .duplicateMember: "A member of the content occurs twice."
                case .tooManyMembers: "The content has too many members."
                }
            return (.answer(malformed(format, description)), nil)
        }
    }

    private func refresh(_ format: WireFormat, _ text: [UInt8], now: NumericDate) -> (Step, Question?) {
        let fingerprint = endpoints.fingerprint(of: text.span)
        guard verificationPause == 0 else {
            let seconds = Int((verificationPause + 999) / 1000)
            return (
                .answer(
                    maker.refused(
                        .token(.tooManyFailures(retryAfterSeconds: seconds)), Self.refused("too_many_failures", fingerprint))), nil
            )
        }
        let token: RefreshToken
        do {
            token = try endpoints.codec.read(text.span)
        } catch {
            let (reason, isAboutForgery) =
                switch error {
                case .malformed: (Self.looksLikeAccessToken(text) ? "access_token" : "malformed", false)
                case .unknownVersion: ("unknown_version", true)
                case .badMAC: ("bad_mac", true)
                }
            return (.answer(invalid(format, reason, fingerprint, isAboutForgery: isAboutForgery)), nil)
        }
        return ask(
            .refresh(token.session, counter: token.counter, address: address), now: now,
            .refresh(format, presented: text, fingerprint))
    }

    func answerRefresh(
        _ format: WireFormat, presented: [UInt8], _ token: Fingerprint, _ result: Result<StoreReply, StoreError>, now: NumericDate
    ) -> EndpointAnswer {
        let event: EndpointOutcome.Event
        let session: Session
        switch result {
        case .success(.refreshed(.rotated, let refreshed)): (event, session) = (.refreshed, refreshed)
        case .success(.refreshed(.replayed, let refreshed)): (event, session) = (.refreshReplayed, refreshed)
        case .success(.refreshed(.reuseDetected, let ended)):
            return invalid(format, "reuse", token, session: ended.id, event: .reuseDetected)
        case .success(.refreshed(.expired, let expired)): return invalid(format, "expired", token, session: expired.id)
        case .success(.refreshed(.ended, let ended)): return invalid(format, "ended", token, session: ended.id)
        case .success: return invalid(format, "unknown", token)
        case .failure(let error):
            return maker.refused(
                format.refusals, .unavailable, code: AnswerMaker.unavailableCode,
                description: AnswerMaker.unavailableDescription, AnswerMaker.unavailableOutcome(error, nil, token))
        }
        // By its name or its user, without the store's session having ended: its access tokens would be refused.
        guard !endpoints.authenticator.isRevoked(session, now: now) else {
            return invalid(format, "revoked", token, session: session.id)
        }
        guard let pair = endpoints.issuer.pair(for: session, now: now) else { return maker.signingFailed(session.id, token) }
        let values = TemplateValues(
            pair, sessionID: session.id.text, subject: session.subject, presented: presented, now: now)
        return maker.granted(format.answer, values, EndpointOutcome(event, session: session.id, token: token))
    }
}

// MARK: - Sliding on demand

extension EndpointCall {
    /// The answer with the successor of a valid access token; where a successor would gain nothing, with the token itself.
    private func renewed(
        _ format: WireFormat, _ request: EndpointRequest, _ bytes: Span<UInt8>
    ) -> (EndpointAnswer, TokenEntry?) {
        let entry: TokenEntry
        switch request.accessToken(bytes) {
        case .absent: return (missing(format), nil)
        case .refused(.crossSite, let token): return (maker.refused(.crossSite, Self.refused("cross_site", token)), nil)
        case .refused(.tokenMalformed, _), .refused(.severalTokens, _):
            return (malformed(format, "The field that should carry the token is malformed."), nil)
        case .refused(let kind, let token): return (refusedAccess(format, kind, token), nil)
        case .refreshToken(let text):
            return (invalid(format, "refresh_token", endpoints.fingerprint(of: text.span)), nil)
        case .valid(let valid): entry = valid
        }
        let authenticator = endpoints.authenticator
        if let refusal = authenticator.revocationRefusal(of: entry, .closed, now: request.now, instant: request.instant) {
            return (refusedAccess(format, .token(refusal), entry.fingerprint), nil)
        }
        var (token, expiration) = (entry.compact, entry.expiration)
        let decision =
            authenticator.policy.sliding?.decide(
                expiration: entry.expiration, issuedAt: entry.issuedAt, anchor: entry.anchor, now: request.now.seconds, onDemand: true)
            ?? .skip(.slidingOff)
        switch decision {
        case .renew(let due):
            guard let successor = authenticator.successor(of: entry, due, now: request.now) else {
                return (maker.signingFailed(nil, entry.fingerprint), nil)
            }
            (token, expiration) = (successor, due.expiration)
        case .skip:
            // It may have come this far by grace or leeway, and only the first is for what will not be renewed.
            if let refusal = request.refusal(of: entry) { return (refusedAccess(format, .token(refusal), entry.fingerprint), nil) }
        }
        var values = TemplateValues()
        values.accessToken = token
        values.expiresIn = max(0, expiration - request.now.seconds)
        values.sessionID = authenticator.sessionID(of: entry)
        values.subject = entry.token.claims.string(.subject)
        values.claims = entry.token.claims
        return (maker.granted(format.answer, values, EndpointOutcome(.refreshed, token: entry.fingerprint)), entry)
    }

    /// In the format's words where it has some, and else like any request with such a token.
    private func refusedAccess(_ format: WireFormat, _ kind: Refusal.Kind, _ token: Fingerprint?) -> EndpointAnswer {
        let refusal = Refusal(kind)
        let outcome = EndpointOutcome(
            .refreshRefused, reason: refusal.reason, token: token, isAboutForgery: refusal.isAboutForgery)
        guard refusal.status == 401, format.refusals[.invalid].body != nil else { return maker.refused(kind, outcome) }
        return maker.refused(format.refusals, .invalid, code: refusal.code, description: refusal.detail, outcome)
    }
}

// MARK: - Refusals

extension EndpointCall {
    private static func refused(_ reason: String, _ token: Fingerprint? = nil) -> EndpointOutcome {
        EndpointOutcome(.refreshRefused, reason: reason, token: token)
    }

    private func missing(_ format: WireFormat) -> EndpointAnswer {
        maker.refused(
            format.refusals, .missing, code: "invalid_request", description: "The request carries no token, or lacks a member.",
            Self.refused("missing"))
    }

    private func malformed(_ format: WireFormat, _ description: String) -> EndpointAnswer {
        maker.refused(
            format.refusals, .malformed, code: "invalid_request", description: description, Self.refused("malformed_request"))
    }

    private func unmet(_ format: WireFormat, _ required: WireFormat.RequiredMember) -> EndpointAnswer {
        let isGrant = required.name == "grant_type"
        return maker.refused(
            format.refusals, .requirement, code: isGrant ? "unsupported_grant_type" : "invalid_request",
            description: isGrant ? "This type of grant is not supported here." : "A member of the content has another value.",
            Self.refused("requirement"))
    }

    private func invalid(
        _ format: WireFormat, _ reason: String, _ token: Fingerprint, session: SessionID? = nil,
        event: EndpointOutcome.Event = .refreshRefused, isAboutForgery: Bool = false
    ) -> EndpointAnswer {
        // One sentence for all of them: who presents a token need not learn more about it.
        maker.refused(
            format.refusals, .invalid, code: "invalid_grant", description: "The token is invalid, expired, or has been used.",
            EndpointOutcome(event, reason: reason, session: session, token: token, isAboutForgery: isAboutForgery))
    }

    private static func looksLikeAccessToken(_ text: [UInt8]) -> Bool { text.count { $0 == UInt8(ascii: ".") } == 2 }
}
