internal import Bytes
package import HTTP1
package import JOSE

extension Authenticator {
    /// Decides about a request as `authenticate` does, with the same arguments, and tells all that led there.
    package func explain(
        _ head: RequestHead, path: Span<UInt8>, bytes: Span<UInt8>, now: NumericDate, instant: Int64
    ) -> DecisionExplanation {
        var surveyed = head
        let survey = survey(&surveyed, in: bytes)
        let (method, methodName) = routedMethod(of: head, survey, bytes)
        let match = routes.match(
            path: path, host: bytes.extracting(head.host.bounds), method: method,
            methodName: bytes.extracting(methodName.bounds))
        let search = tokenSearch(surveyed.fields.lines.span, survey, bytes)
        var location: TokenLocation?
        if case .found(let found) = search { location = found }

        var forwarded = head
        let decision = authenticate(&forwarded, path: path, bytes: bytes, now: now, instant: instant)
        var route: Int?
        if case .route(let index) = match, !survey.isPreflight || crossOrigin == nil { route = index }
        var builder = ExplanationBuilder(authenticator: self, route: route, now: now, instant: instant)
        if let route, rules[route].authentication != .none, let location {
            let isCookie = if case .cookie = sources[location.source] { true } else { false }
            builder.noteSite(isCookie: isCookie, isCrossSite: isCookie && isCrossSite(head, survey.origin, bytes: bytes))
            builder.examine(bytes.extracting(location.token.bounds), optsOut: survey.optsOut)
        } else if route != nil {
            builder.notePresence(search, isPreflight: survey.isPreflight)
        }

        var fields = ExplainedFields(presented: location.map { Array(copying: bytes.extracting($0.token.bounds)) })
        var outcome: RenewalOutcome?
        if case .admit(let admission) = decision {
            fields.noteRequest(admission, head, forwarded: forwarded, bytes: bytes, of: self)
            outcome = fields.noteResponse(admission, of: self, now: now, instant: instant)
        }
        return DecisionExplanation(
            now: now, match: match, isPreflight: survey.isPreflight, place: place(search),
            fingerprint: location.map { Fingerprint(bits: Digest(hasher.sha256(bytes.extracting($0.token.bounds))).first) },
            token: builder.examination, checks: builder.checks, requirements: builder.requirements, decision: decision,
            mode: route.map { policy.routes[$0].mode } ?? .enforce, prospect: builder.prospect, outcome: outcome,
            dropped: fields.dropped, requestFields: fields.request, responseFields: fields.response)
    }

    private func place(_ search: TokenSearch) -> DecisionExplanation.Place {
        switch search {
        case .absent: .nowhere
        case .malformed: .malformed
        case .several: .several
        case .found(let location): .found(policy.tokens.sources[location.source])
        }
    }
}

/// Asks one check after the other.
private struct ExplanationBuilder {
    let authenticator: Authenticator
    let route: Int?
    let now: NumericDate
    let instant: Int64
    var checks: [(check: DecisionExplanation.Check, finding: DecisionExplanation.Finding)] = []
    var requirements: [DecisionExplanation.RequirementFinding] = []
    var examination: TokenExamination?
    var prospect: DecisionExplanation.Prospect?

    private var rules: RouteRules? { route.map { authenticator.rules[$0] } }

    init(authenticator: Authenticator, route: Int?, now: NumericDate, instant: Int64) {
        (self.authenticator, self.route, self.now, self.instant) = (authenticator, route, now, instant)
    }

    private mutating func note(_ check: DecisionExplanation.Check, _ failure: Refusal.Kind?) {
        checks.append((check, failure.map { .failed($0) } ?? .passed))
    }

    /// Of a request without one token to look at.
    mutating func notePresence(_ search: TokenSearch, isPreflight: Bool) {
        guard let rules else { return }
        let isNeeded = rules.authentication == .required && !isPreflight
        switch search {
        case .several: note(.presence, .severalTokens)
        case .malformed where rules.authentication != .none: note(.presence, .tokenMalformed)
        case .absent where isNeeded: note(.presence, .tokenMissing)
        case .absent, .malformed, .found: note(.presence, nil)
        }
    }

    mutating func noteSite(isCookie: Bool, isCrossSite: Bool) {
        note(.presence, nil)
        if isCookie { note(.sameSite, isCrossSite ? .crossSite : nil) }
    }

    mutating func examine(_ token: Span<UInt8>, optsOut: Bool) {
        let examination = authenticator.verifier.examine(token, now: now)
        self.examination = examination
        // `Bearer a, Bearer b` is one field with two tokens.
        let holdsSeveral = token.firstIndex(of: 0x2C) != nil
        for check in TokenExamination.Check.allCases {
            guard let finding = examination.findings.first(where: { $0.check == check }) else {
                checks.append((.token(check), .open))
                continue
            }
            note(.token(check), finding.refusal.map { holdsSeveral ? .severalTokens : .token($0) })
        }
        guard let rules, let route else { return }
        let policy = authenticator.policy.routes[route]
        // A token that is not verified has no entry, and nothing else is asked of it.
        let entry = examination.refusal == nil ? try? authenticator.verified(token, now: now, 0) : nil
        if authenticator.revocations != nil {
            if let entry {
                let refusal = authenticator.revocationRefusal(of: entry, rules.storeAway, now: now, instant: instant)
                note(.revocation, refusal.map { .token($0) })
            } else {
                checks.append((.revocation, .open))
            }
        }
        let scope = rules.requirements < 0 ? [] : authenticator.requirements[Int(rules.requirements)].scope
        for (index, requirement) in policy.requirements.enumerated() {
            let member = examination.claims?.member(named: requirement.claim)
            let claim = member.flatMap { member in examination.claims?.withValue(of: member) { String(copying: $0) } }
            let isMet = examination.claims.map { RequirementSet.isMet(requirement, by: $0) } ?? false
            requirements.append(DecisionExplanation.RequirementFinding(requirement: requirement, claim: claim, isMet: isMet))
            if entry == nil {
                checks.append((.requirement(index), .open))
            } else {
                note(.requirement(index), isMet ? nil : .insufficientScope(scope: scope))
            }
        }
        guard let entry else { return }
        let renewal = authenticator.decideRenewal(of: entry, rules: rules, optsOut: optsOut, now: now)
        if now.seconds >= entry.expiration {
            note(.lateness, authenticator.latenessRefusal(of: entry, renewal, now: now).map { .token($0) })
        }
        prospect = self.prospect(of: entry, rules, renewal)
    }

    private func prospect(of entry: TokenEntry, _ rules: RouteRules, _ renewal: RenewalDecision) -> DecisionExplanation.Prospect {
        let sliding = rules.slides && authenticator.delivery != nil ? authenticator.policy.sliding : nil
        let windowStart = sliding?.windowStart(expiration: entry.expiration, issuedAt: entry.issuedAt)
        var next = renewal
        // An opted-out request is one of many: the next need not be.
        if case .skip(let reason) = renewal, let sliding, let windowStart, reason == .notDue || reason == .optedOut {
            next = sliding.decide(
                expiration: entry.expiration, issuedAt: entry.issuedAt, anchor: entry.anchor, now: max(windowStart, now.seconds))
        }
        return DecisionExplanation.Prospect(
            tokenEnd: entry.expiration, windowStart: windowStart, sessionEnd: authenticator.sessionEnd(of: entry), now: renewal,
            next: next, idleSeconds: sliding?.idleSeconds(expiration: entry.expiration, issuedAt: entry.issuedAt))
    }
}

/// What goes on, and comes back, beside what is only passed on.
private struct ExplainedFields {
    let presented: [UInt8]?
    var dropped: [String] = []
    var request: [DecisionExplanation.Field] = []
    var response: [DecisionExplanation.Field] = []

    init(presented: [UInt8]?) { self.presented = presented }

    /// - Parameter head: as the client has sent it; what belongs to its connection has been dropped already.
    mutating func noteRequest(
        _ admission: Admission, _ head: RequestHead, forwarded: RequestHead, bytes: Span<UInt8>, of authenticator: Authenticator
    ) {
        for (line, sent) in zip(forwarded.fields.lines, head.fields.lines) where line.isDropped && !sent.isDropped {
            dropped.append(String(copying: bytes.extracting(line.name.bounds)))
        }
        var lines = ByteBuffer()
        authenticator.appendRequestFields(admission, to: &lines)
        request = fields(lines.bytes(), successor: admission.token?.successor?.bytes)
    }

    mutating func noteResponse(
        _ admission: Admission, of authenticator: Authenticator, now: NumericDate, instant: Int64
    ) -> RenewalOutcome? {
        let bytes = Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
        var head = ResponseHead()
        guard (try? head.parse(bytes.span, answering: .get)) == true else { return nil }
        let outcome = authenticator.prepareResponse(admission, &head, bytes: bytes.span, now: now, instant: instant)
        var lines = ByteBuffer()
        authenticator.appendResponseFields(admission, outcome, head, bytes: bytes.span, now: now, to: &lines)
        response = fields(lines.bytes(), successor: admission.token?.successor?.bytes)
        return outcome
    }

    private func fields(_ lines: [UInt8], successor: [UInt8]?) -> [DecisionExplanation.Field] {
        lines.split(separator: 0x0A).map { line in
            let name = line.prefix { $0 != 0x3A }
            let value = line.dropFirst(name.count + 1).drop { $0 == 0x20 }.prefix { $0 != 0x0D }
            let text = String(decoding: name, as: UTF8.self)
            // Whatever else the line says, of a cookie for instance, may be as secret as the token in it.
            if let successor, holds(value, successor) { return DecisionExplanation.Field(name: text, value: .token(.successor)) }
            if let presented, holds(value, presented) { return DecisionExplanation.Field(name: text, value: .token(.presented)) }
            return DecisionExplanation.Field(name: text, value: .text(String(decoding: value, as: UTF8.self)))
        }
    }

    private func holds(_ value: ArraySlice<UInt8>, _ token: [UInt8]) -> Bool {
        guard let first = token.first, value.count >= token.count else { return false }
        return value.indices.contains { value[$0] == first && value[$0...].starts(with: token) }
    }
}
