internal import Bytes
internal import HTTP1
internal import JOSE
internal import Sessions

// One's own sessions: to look at, and to end one of.

extension EndpointCall {
    /// Who asks, by an access token that is let in.
    private struct Caller {
        var subject: String
        /// The `sid` of the token.
        var session: String?
        var entry: TokenEntry

        var token: Fingerprint { entry.fingerprint }
    }

    private enum Asking {
        case caller(Caller)
        case refused(EndpointAnswer)
    }

    private func caller(_ request: EndpointRequest, _ bytes: Span<UInt8>) -> Asking {
        switch request.accessToken(bytes) {
        case .absent: return .refused(refused(.tokenMissing, nil))
        case .refused(let kind, let token): return .refused(refused(kind, token))
        case .refreshToken(let text):
            return .refused(refused(.token(.notThreeSegments(count: 1)), endpoints.fingerprint(of: text.span)))
        case .valid(let entry):
            if let refusal = request.refusal(of: entry) { return .refused(refused(.token(refusal), entry.fingerprint)) }
            guard let subject = entry.token.claims.string(.subject), !subject.isEmpty else {
                return .refused(refused(.insufficientScope(scope: []), entry.fingerprint))
            }
            return .caller(
                Caller(subject: subject, session: endpoints.authenticator.sessionID(of: entry), entry: entry))
        }
    }

    func planList(_ request: EndpointRequest, _ bytes: Span<UInt8>) -> Plan {
        let caller: Caller
        switch self.caller(request, bytes) {
        case .caller(let known): caller = known
        case .refused(let answer): return .ignore(then: .answer(answer), nil)
        }
        var query = SessionQuery(subject: caller.subject)
        do throws(ContentError) {
            query.cursor = try FormContent(bytes.extracting(request.head.query.bounds)).value("cursor")
                .map { String(copying: $0.span) }
        } catch {
            let outcome = EndpointOutcome(.endpointRefused, reason: "malformed_request", token: caller.token)
            return .ignore(
                then: .answer(maker.problem(400, code: "invalid_request", detail: "The query is malformed.", outcome)), nil)
        }
        let (step, question) = ask(.list(query), now: request.now, .list(current: caller.session, caller.token))
        return .ignore(then: step, question, by: caller.entry)
    }

    func planEnd(_ request: EndpointRequest, id: Span<UInt8>, _ bytes: Span<UInt8>) -> Plan {
        switch caller(request, bytes) {
        case .refused(let answer): return .ignore(then: .answer(answer), nil)
        case .caller(let caller):
            guard let id = SessionID(text: id) else { return .ignore(then: .answer(notFound(caller.token)), nil) }
            let (step, question) = ask(
                .find(id), now: request.now, .own(id, subject: caller.subject, current: caller.session, caller.token))
            return .ignore(then: step, question, by: caller.entry)
        }
    }

    func answerList(
        current: String?, _ token: Fingerprint, _ result: Result<StoreReply, StoreError>
    ) -> (Step, Question?) {
        guard case .success(let reply) = result else { return failed(result, nil, token) }
        guard case .page(let page) = reply else { return failed(.failure(.failed("not a page")), nil, token) }
        let sessions = page.sessions.map { Self.json($0, isCurrent: $0.id.text == current) }
        var text = ObjectText()
        text.append("sessions", [UInt8(ascii: "[")] + sessions.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")])
        if let next = page.next { text.append("next", next) }
        return (.answer(maker.json(200, text.finished, EndpointOutcome(.sessionsListed, token: token))), nil)
    }

    func answerOwn(
        _ id: SessionID, subject: String, current: String?, _ token: Fingerprint, _ result: Result<StoreReply, StoreError>,
        now: NumericDate
    ) -> (Step, Question?) {
        guard case .success(let reply) = result else { return failed(result, id, token) }
        guard case .found(let session?) = reply, session.belongs(to: subject), session.isAlive(at: now) else {
            return (.answer(notFound(token)), nil)
        }
        let isCurrent = id.text == current
        let ending = Ending(event: .sessionEnded, answer: isCurrent ? .logout : .ended, token: token, session: id)
        return ask(.end(id, isCurrent ? .logout : .endedByUser), now: now, .end(ending))
    }

    /// Also for sessions of others: nobody learns that there are such.
    private func notFound(_ token: Fingerprint) -> EndpointAnswer {
        maker.problem(
            404, code: "session_not_found", detail: "There is no such session.",
            EndpointOutcome(.endpointRefused, reason: "session_not_found", token: token))
    }

    private static func json(_ session: Session, isCurrent: Bool) -> [UInt8] {
        var device = ObjectText()
        if let id = session.device.id { device.append("id", id) }
        if let name = session.device.name { device.append("name", name) }
        if let application = session.device.application { device.append("application", application) }
        var text = ObjectText()
        text.append("id", session.id.text)
        text.append("created_at", session.createdAt.seconds)
        text.append("last_used_at", session.lastUsedAt.seconds)
        text.append("expires_at", session.expiresAt.seconds)
        text.append("address", session.address)
        text.append("device", device.finished)
        text.append("current", isCurrent)
        return text.finished
    }
}
