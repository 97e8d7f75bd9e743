internal import Bytes
internal import HTTP1
package import JOSE
package import Sessions

/// One request to an endpoint, from its head to its answer: bytes and what the store says go in, what is to be done next comes
/// out.
///
/// What the head alone decides is decided at its end, before content is read or the store asked; content that nobody wants is still
/// taken, so that the connection can go on.
package struct EndpointCall {
    package enum Step {
        /// The whole content is wanted (`contentEnded`), at most `SessionEndpoints.contentBytesMax`.
        case receive
        /// The store is to be asked, and `storeAnswered` to be called with what it says.
        case ask(StoreRequest)
        case answer(EndpointAnswer)
        /// A CORS preflight is to be answered (`Authenticator.appendPreflightFields`).
        case preflight(Preflight)
    }

    /// What the content is for, once it is whole.
    enum Plan {
        /// For nothing. With the access token that it goes by, which may have been revoked by then.
        case ignore(then: Step, Question?, by: TokenEntry? = nil)
        case refresh(WireFormat)
        case logout(LogoutTokens, everywhere: Bool)
        case revocation
        case introspection
    }

    /// What the store has been asked, and what its reply is for.
    enum Question {
        case refresh(WireFormat, presented: [UInt8], Fingerprint)
        case end(Ending)
        case revoke(Ending)
        /// Whose session it is, to end all of that user's.
        case subject(RefreshToken, Ending)
        /// The session that an access token belongs to, before all others of its user are ended.
        case first(subject: String, Ending)
        case endAll(Ending)
        /// To revoke the name of a session that the store does not have: whose it was, nobody knows.
        case lost(Ending)
        case list(current: String?, Fingerprint)
        /// Whether the session is the user's own, to end it.
        case own(SessionID, subject: String, current: String?, Fingerprint)
        case introspect(RefreshToken, Fingerprint)
    }

    /// What to do now.
    package private(set) var next: Step
    let endpoints: SessionEndpoints
    let maker: AnswerMaker
    let address: String
    let mediaType: MediaType
    let verificationPause: Int64
    private var plan: Plan?
    private var question: Question?

    init(
        _ endpoints: SessionEndpoints, _ request: EndpointRequest, _ endpoint: EndpointMatch.Endpoint, _ path: Span<UInt8>,
        _ bytes: Span<UInt8>, address: String
    ) {
        self.endpoints = endpoints
        self.address = address
        mediaType = MediaType(request.head, bytes)
        verificationPause = request.verificationPause
        maker = AnswerMaker(
            authenticator: endpoints.authenticator, cookie: endpoints.policy.cookie, origin: request.survey.origin)
        next = .receive

        if let step = preliminary(request, endpoint, bytes) {
            next = step
            return
        }
        let plan =
            switch endpoint {
            case .refresh(let index): planRefresh(endpoints.policy.refreshes[index].format, request, bytes)
            case .logout: planLogout(request, bytes, everywhere: false)
            case .logoutEverywhere: planLogout(request, bytes, everywhere: true)
            case .revocation: Plan.revocation
            case .introspection: planIntrospection(request, bytes)
            case .sessions: planList(request, bytes)
            case .session(let idStart): planEnd(request, id: path.extracting(idStart...), bytes)
            }
        if request.head.framing.hasContent {
            self.plan = plan
        } else {
            let nothing: [UInt8] = []
            proceed(with: plan, nothing.span, now: request.now, instant: request.instant)
        }
    }

    /// - Parameter instant: `now` in milliseconds of the monotonic clock.
    package mutating func contentEnded(_ content: Span<UInt8>, now: NumericDate, instant: Int64) {
        guard let plan else { return }
        self.plan = nil
        guard content.count <= SessionEndpoints.contentBytesMax else { return contentTooLarge(now: now) }
        proceed(with: plan, content, now: now, instant: instant)
    }

    /// Instead of `contentEnded`: there is more than is taken. The answer follows at once.
    package mutating func contentTooLarge(now: NumericDate) {
        plan = nil
        next = .answer(
            maker.problem(
                413, code: "content_too_large", detail: "The content is larger than any request to this endpoint.",
                EndpointOutcome(.endpointRefused, reason: "content_too_large")))
    }

    package mutating func storeAnswered(_ result: Result<StoreReply, StoreError>, now: NumericDate) {
        guard let question else { return }
        self.question = nil
        take(answer(question, result, now: now))
    }

    private mutating func proceed(with plan: Plan, _ content: Span<UInt8>, now: NumericDate, instant: Int64) {
        switch plan {
        case .ignore(_, _, let entry?) where endpoints.authenticator.standing(of: entry, now: now, instant: instant) == .revoked:
            next = .answer(refused(.token(.revoked), entry.fingerprint))
        case .ignore(let step, let question, _): take((step, question))
        case .refresh(let format): take(readRefresh(format, content, now: now))
        case .logout(let tokens, let everywhere): take(readLogout(tokens, content, everywhere: everywhere, now: now))
        case .revocation: take(readRevocation(content, now: now))
        case .introspection: take(readIntrospection(content, now: now, instant: instant))
        }
    }

    private mutating func take(_ outcome: (step: Step, question: Question?)) { (next, question) = outcome }

    /// What is the same at every endpoint.
    private func preliminary(
        _ request: EndpointRequest, _ endpoint: EndpointMatch.Endpoint, _ bytes: Span<UInt8>
    ) -> Step? {
        if request.survey.isPreflight, let crossOrigin = endpoints.authenticator.crossOrigin {
            switch endpoints.authenticator.answer(request.survey, request.head.fields.lines.span, bytes, crossOrigin) {
            case .preflight(let preflight): return .preflight(preflight)
            case .refuse(let refusal):
                return .answer(maker.refused(refusal.kind, EndpointOutcome(.endpointRefused, reason: refusal.reason)))
            case .admit: return nil
            }
        }
        let methods = endpoints.methods(of: endpoint)
        let name = bytes.extracting(request.head.methodName.bounds)
        guard methods.contains(where: { method in name.elementsEqual(method) }) else {
            return .answer(
                maker.refused(.methodNotAllowed(allowed: methods), EndpointOutcome(.endpointRefused, reason: "method_not_allowed")))
        }
        if case .length(let length) = request.head.framing, length > SessionEndpoints.contentBytesMax {
            var call = self
            call.contentTooLarge(now: request.now)
            return call.next
        }
        return nil
    }

    func ask(
        _ operation: StoreRequest.Operation, now: NumericDate, reachSeconds: Int64? = nil, _ question: Question
    ) -> (Step, Question?) {
        (.ask(StoreRequest(operation, rules: rules(reachSeconds: reachSeconds), now: now)), question)
    }

    /// - Parameter reachSeconds: how long ends are to be remembered at least.
    func rules(reachSeconds: Int64?) -> SessionRules {
        var rules = endpoints.policy.rules
        rules.accessReachSeconds = max(rules.accessReachSeconds, reachSeconds ?? 0)
        return rules
    }

    /// Refused for what is presented as an access token.
    func refused(_ kind: Refusal.Kind, _ token: Fingerprint?, clearing: Bool = false) -> EndpointAnswer {
        let refusal = Refusal(kind)
        return maker.refused(
            kind, lines: clearing ? endpoints.clearingLines : [],
            EndpointOutcome(.endpointRefused, reason: refusal.reason, token: token, isAboutForgery: refusal.isAboutForgery))
    }
}

extension Span<UInt8> {
    fileprivate func elementsEqual(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return elementsEqual(bytes.span)
    }
}
