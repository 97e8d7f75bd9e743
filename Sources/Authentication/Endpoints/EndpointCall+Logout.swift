internal import Bytes
internal import JOSE
internal import Sessions

// Ending one's session, or all of them. Either token will do: what counts is that it is the user's.

/// The tokens in the head of a logout.
struct LogoutTokens {
    var cookie: EndpointRequest.Finding<[UInt8]>
    var access: EndpointRequest.AccessToken
    /// The access token is revoked: who is logged out already may say so again.
    var revoked: Fingerprint?
}

/// A session that is being ended, and how that is answered.
struct Ending {
    enum Answer {
        /// 204, and the cookies are cleared.
        case logout
        /// 204
        case ended
        /// RFC 7009 §2.2
        case revocation
    }

    var event: EndpointOutcome.Event
    var answer: Answer
    var token: Fingerprint
    var session: SessionID?
    /// The `sid` of the token that was presented: revoked by itself where the store does not have the session, or no longer.
    var name: String?
    /// As `SessionRules.accessReachSeconds`, where that is too short for the token that was presented.
    var reachSeconds: Int64?
}

extension EndpointCall {
    func planLogout(_ request: EndpointRequest, _ bytes: Span<UInt8>, everywhere: Bool) -> Plan {
        var tokens = LogoutTokens(
            cookie: request.cookie(endpoints.policy.cookie.name, bytes), access: request.accessToken(bytes))
        if case .valid(let entry) = tokens.access, let refusal = request.refusal(of: entry) {
            // One that may be revoked without our knowing it does no harm by revoking itself. Nothing else lets a token in that
            // is not good any more.
            switch refusal {
            case .revocationUnknown where !everywhere: break
            case .revoked where !everywhere:
                tokens.revoked = entry.fingerprint
                fallthrough
            default: tokens.access = .refused(.token(refusal), entry.fingerprint)
            }
        }
        return .logout(tokens, everywhere: everywhere)
    }

    func readLogout(_ tokens: LogoutTokens, _ content: Span<UInt8>, everywhere: Bool, now: NumericDate) -> (Step, Question?) {
        var candidates: [[UInt8]] = []
        if mediaType == .form || mediaType == .json {
            do throws(ContentError) {
                let members = try RequestContent(content, mediaType)
                for name in endpoints.refreshMembers {
                    if let token = try members.text(name) { candidates.append(token) }
                }
            } catch {
                let detail = "The content is malformed, or has a member twice."
                return (
                    .answer(
                        maker.problem(
                            400, code: "invalid_request", detail: detail,
                            EndpointOutcome(.endpointRefused, reason: "malformed_request"))), nil
                )
            }
        }
        if case .token(let token) = tokens.cookie { candidates.append(token) }
        if case .refreshToken(let token) = tokens.access { candidates.append(token) }

        for text in candidates {
            guard let token = try? endpoints.codec.read(text.span) else { continue }
            let fingerprint = endpoints.fingerprint(of: text.span)
            return end(by: token, everywhere: everywhere, fingerprint, now: now)
        }
        if let token = tokens.revoked {
            return (.answer(maker.empty(204, lines: endpoints.clearingLines, EndpointOutcome(.loggedOut, token: token))), nil)
        }
        switch tokens.access {
        case .valid(let entry): return end(by: entry, everywhere: everywhere, now: now)
        case .refused(let kind, let token): return (.answer(refused(kind, token, clearing: true)), nil)
        case .absent, .refreshToken: break
        }
        if let text = candidates.first {
            let token = endpoints.fingerprint(of: text.span)
            return (.answer(refused(.token(.badSignature), token, clearing: true)), nil)
        }
        switch tokens.cookie {
        case .crossSite: return (.answer(refused(.crossSite, nil)), nil)
        case .malformed: return (.answer(refused(.tokenMalformed, nil, clearing: true)), nil)
        case .absent, .token: return (.answer(refused(.tokenMissing, nil, clearing: true)), nil)
        }
    }

    /// The session of a refresh token, be it the current one or not: whoever has a used-up one may not have the session either.
    private func end(
        by token: RefreshToken, everywhere: Bool, _ fingerprint: Fingerprint, now: NumericDate
    ) -> (Step, Question?) {
        let ending = Ending(
            event: everywhere ? .loggedOutEverywhere : .loggedOut, answer: .logout, token: fingerprint, session: token.session,
            name: token.session.text)
        if everywhere { return ask(.find(token.session), now: now, .subject(token, ending)) }
        return ask(.end(token.session, .logout), now: now, .end(ending))
    }

    private func end(by entry: TokenEntry, everywhere: Bool, now: NumericDate) -> (Step, Question?) {
        guard everywhere else {
            return endSession(of: entry, .loggedOut, .logout, reason: .logout, now: now)
        }
        guard let subject = entry.token.claims.string(.subject), !subject.isEmpty else {
            return (.answer(refused(.insufficientScope(scope: []), entry.fingerprint)), nil)
        }
        let ending = Ending(
            event: .loggedOutEverywhere, answer: .logout, token: entry.fingerprint, reachSeconds: reachSeconds(of: entry, now: now))
        if let beginning = entry.anchor, beginning < now.seconds { return endAll(of: subject, ending, now: now) }
        // It began in this very second, and only by its name is known to have begun before the logout.
        guard let name = endpoints.authenticator.sessionID(of: entry) else {
            return (.answer(maker.signingFailed(nil, entry.fingerprint)), nil)
        }
        return ask(.revoke(revocation(of: name, ending, now: now)), now: now, .first(subject: subject, ending))
    }

    private func endAll(of subject: String, _ ending: Ending, now: NumericDate) -> (Step, Question?) {
        ask(.endAll(subject: subject, except: nil, .logoutEverywhere), now: now, reachSeconds: ending.reachSeconds, .endAll(ending))
    }

    /// The session that an access token belongs to, whether a store knows it or not (semantics §2).
    func endSession(
        of entry: TokenEntry, _ event: EndpointOutcome.Event, _ answer: Ending.Answer, reason: Session.Reason, now: NumericDate
    ) -> (Step, Question?) {
        guard let name = endpoints.authenticator.sessionID(of: entry) else {
            return (.answer(maker.signingFailed(nil, entry.fingerprint)), nil)
        }
        let id = SessionID(name)
        let ending = Ending(
            event: event, answer: answer, token: entry.fingerprint, session: id, name: name,
            reachSeconds: reachSeconds(of: entry, now: now))
        guard let id else { return revoke(ending, name, now: now) }
        return ask(.end(id, reason), now: now, reachSeconds: ending.reachSeconds, .end(ending))
    }

    /// How long tokens may live on that are as this one: its successors live no longer than it was meant to, and none is made
    /// any more. An application's own tokens may live longer than any that the gateway knows of.
    private func reachSeconds(of entry: TokenEntry, now: NumericDate) -> Int64 {
        let policy = endpoints.authenticator.policy
        let lifetime = entry.expiration - min(entry.issuedAt ?? now.seconds, now.seconds)
        return lifetime + policy.validation.leewaySeconds + (policy.sliding?.graceSeconds ?? 0)
    }

    private func revoke(_ ending: Ending, _ name: String, now: NumericDate) -> (Step, Question?) {
        ask(.revoke(revocation(of: name, ending, now: now)), now: now, .revoke(ending))
    }

    private func revocation(of name: String, _ ending: Ending, now: NumericDate) -> Revocation {
        let rules = rules(reachSeconds: ending.reachSeconds)
        return Revocation(.session(name), expiresAt: now.advanced(bySeconds: rules.accessReachSeconds))
    }

    // MARK: What the store says

    func answer(
        _ question: Question, _ result: Result<StoreReply, StoreError>, now: NumericDate
    ) -> (Step, Question?) {
        switch question {
        case .refresh(let format, let presented, let token):
            return (.answer(answerRefresh(format, presented: presented, token, result, now: now)), nil)
        case .end(let ending):
            guard case .success(let reply) = result else { return failed(result, ending.session, ending.token) }
            if case .ended(nil) = reply, let name = ending.name { return revoke(ending, name, now: now) }
            return (.answer(ended(ending, sessions: reply == .ended(nil) ? 0 : 1)), nil)
        case .revoke(let ending):
            guard case .success = result else { return failed(result, ending.session, ending.token) }
            return (.answer(ended(ending, sessions: 0)), nil)
        case .first(let subject, let ending):
            guard case .success = result else { return failed(result, ending.session, ending.token) }
            return endAll(of: subject, ending, now: now)
        case .endAll(let ending):
            guard case .success(let reply) = result else { return failed(result, ending.session, ending.token) }
            guard case .endedAll(let count) = reply else { return (.answer(ended(ending, sessions: 0)), nil) }
            return (.answer(ended(ending, sessions: count)), nil)
        case .subject(let token, let ending):
            guard case .success(let reply) = result else { return failed(result, ending.session, ending.token) }
            if case .found(nil) = reply {
                return ask(.revoke(revocation(of: token.session.text, ending, now: now)), now: now, .lost(ending))
            }
            guard case .found(let session?) = reply, isCurrent(token, in: session, now: now) else {
                return (.answer(refused(.token(.sessionEnded), ending.token, clearing: true)), nil)
            }
            return endAll(of: session.subject, ending, now: now)
        case .lost(let ending):
            guard case .success = result else { return failed(result, ending.session, ending.token) }
            return (.answer(refused(.token(.sessionEnded), ending.token, clearing: true)), nil)
        case .list(let current, let token): return answerList(current: current, token, result)
        case .own(let id, let subject, let current, let token):
            return answerOwn(id, subject: subject, current: current, token, result, now: now)
        case .introspect(let token, let fingerprint):
            return (.answer(answerIntrospection(token, fingerprint, result, now: now)), nil)
        }
    }

    func failed(
        _ result: Result<StoreReply, StoreError>, _ session: SessionID?, _ token: Fingerprint
    ) -> (Step, Question?) {
        guard case .failure(let error) = result else { return failed(.failure(.failed("")), session, token) }
        if error == .badCursor {
            let outcome = EndpointOutcome(.endpointRefused, reason: "bad_cursor", token: token)
            return (.answer(maker.problem(400, code: "invalid_request", detail: "The cursor is none of this list.", outcome)), nil)
        }
        return (.answer(maker.unavailable(error, session: session, token: token)), nil)
    }

    private func ended(_ ending: Ending, sessions: Int) -> EndpointAnswer {
        let outcome = EndpointOutcome(ending.event, session: ending.session, token: ending.token, endedSessions: sessions)
        return switch ending.answer {
        case .logout: maker.empty(204, lines: endpoints.clearingLines, outcome)
        case .ended: maker.empty(204, outcome)
        case .revocation: maker.empty(200, outcome)
        }
    }

    /// Whether the token would be good for a refresh, without one being made.
    func isCurrent(_ token: RefreshToken, in session: Session, now: NumericDate) -> Bool {
        guard session.isAlive(at: now) else { return false }
        if token.counter >= session.counter { return true }
        let graceEnd = session.rotatedAt.advanced(bySeconds: endpoints.policy.rules.graceSeconds)
        return token.counter == session.counter - 1 && now <= graceEnd
    }
}
