package import Bytes
package import HTTP1
package import JOSE

extension Authenticator {
    /// Decides about a request: route, extract, verify, decide on renewal. In `head.fields` it drops the lines that must not
    /// go upstream: reserved names, and the token where the route says so.
    ///
    /// - Parameters:
    ///   - path: of the request in normal form (`PathNormalizer`), or `*`.
    ///   - bytes: what `head` was parsed from.
    ///   - instant: `now` in milliseconds of the monotonic clock.
    ///   - verificationPause: how long, in milliseconds, no token of this client is verified; those that have been still
    ///     pass. 0: they are verified.
    package func authenticate(
        _ head: inout RequestHead, path: Span<UInt8>, bytes: Span<UInt8>, now: NumericDate, instant: Int64,
        verificationPause: Int64 = 0
    ) -> Decision {
        let survey = survey(&head, in: bytes)
        let origin = survey.origin
        if survey.isPreflight, let crossOrigin { return answer(survey, head.fields.lines.span, bytes, crossOrigin) }
        let (requestMethod, methodName) = routedMethod(of: head, survey, bytes)

        let route: Int
        switch routes.match(
            path: path, host: bytes.extracting(head.host.bounds), method: requestMethod,
            methodName: bytes.extracting(methodName.bounds))
        {
        case .route(let index): route = index
        case .noRoute: return .refuse(Refusal(.noRoute, origin: origin))
        case .ambiguous: return .refuse(Refusal(.pathAmbiguous, origin: origin))
        case .methodNotAllowed:
            let allowed = routes.allowedMethods(path: path, host: bytes.extracting(head.host.bounds))
            return .refuse(Refusal(.methodNotAllowed(allowed: allowed), origin: origin))
        }
        let rules = rules[route]

        let search = tokenSearch(head.fields.lines.span, survey, bytes)

        if rules.authentication == .none || survey.isPreflight && search == .absent {
            guard search != .several else { return refuse(.severalTokens, nil, route, rules, origin, &head, bytes, now) }
            var ignored: TokenLocation?
            if case .found(let location) = search { ignored = location }
            return admit(nil, ignored, route, rules, origin, .skip(.noToken), &head, bytes, now)
        }
        let location: TokenLocation
        switch search {
        case .found(let found):
            location = found
        case .absent where rules.authentication == .optional:
            return admit(nil, nil, route, rules, origin, .skip(.noToken), &head, bytes, now)
        case .absent: return refuse(.tokenMissing, nil, route, rules, origin, &head, bytes, now)
        case .malformed: return refuse(.tokenMalformed, nil, route, rules, origin, &head, bytes, now)
        case .several: return refuse(.severalTokens, nil, route, rules, origin, &head, bytes, now)
        }

        if readsCookies, case .cookie = sources[location.source], isCrossSite(head, origin, bytes: bytes) {
            return refuse(.crossSite, location, route, rules, origin, &head, bytes, now)
        }

        let token = bytes.extracting(location.token.bounds)
        let entry: TokenEntry
        do {
            entry = try verified(token, now: now, verificationPause)
        } catch {
            // `Bearer a, Bearer b` is one field with two tokens; a comma is in no token.
            let kind: Refusal.Kind = token.firstIndex(of: 0x2C) == nil ? .token(error) : .severalTokens
            return refuse(kind, location, route, rules, origin, &head, bytes, now)
        }
        keyUse[entry.token.keyIndex].addVerified(at: now)
        if let refusal = revocationRefusal(of: entry, rules.storeAway, now: now, instant: instant) {
            return refuse(.token(refusal), location, route, rules, origin, &head, bytes, now)
        }

        guard rules.requirements < 0 || isMet(Int(rules.requirements), by: entry) else {
            let scope = requirements[Int(rules.requirements)].scope
            return refuse(.insufficientScope(scope: scope), location, route, rules, origin, &head, bytes, now)
        }
        let renewal = decideRenewal(of: entry, rules: rules, optsOut: survey.optsOut, now: now)
        if now.seconds >= entry.expiration, let refusal = latenessRefusal(of: entry, renewal, now: now) {
            return refuse(.token(refusal), location, route, rules, origin, &head, bytes, now)
        }
        return admit(entry, location, route, rules, origin, renewal, &head, bytes, now)
    }

    /// Whether what is decided on a route has no effect.
    package func isShadow(route: Int) -> Bool { rules[route].isShadow }

    /// Appends the lines that the gateway adds to the request, each with its CRLF: what stands for the token's own line,
    /// and the identity of the token.
    package func appendRequestFields(_ admission: borrowing Admission, to buffer: inout ByteBuffer) {
        if !admission.substitutes.isEmpty { buffer.append(admission.substitutes) }
        appendIdentityFields(admission, to: &buffer)
    }

    /// Appends the identity of the token as the route tells it to upstreams, in lines each with its CRLF.
    package func appendIdentityFields(_ admission: borrowing Admission, to buffer: inout ByteBuffer) {
        let set = rules[admission.route].claimHeaders
        guard set >= 0, let entry = admission.token else { return }
        if let identity = entry.identity, identity.set == set {
            buffer.append(identity.lines)
            return
        }
        let lines = claimHeaders[Int(set)].lines(for: entry.token)
        entry.identity = (set, lines)
        buffer.append(lines)
    }

    /// Whether a trailer field of that name must not go upstream: those that `authenticate` drops from the head.
    package func isReserved(trailer name: Span<UInt8>) -> Bool { reserved.isReserved(name) }
}

extension Authenticator {
    /// The method that a route is searched by: of a preflight, that of the request which the browser is asking about.
    @inline(__always)
    func routedMethod(of head: borrowing RequestHead, _ survey: RequestSurvey, _ bytes: Span<UInt8>) -> (Method, ByteRange) {
        guard survey.isPreflight else { return (head.method, head.methodName) }
        let name = head.fields.lines[survey.requestMethod].value
        return (Method(bytes.extracting(name.bounds)), name)
    }

    /// What the places for tokens together say.
    @inline(__always)
    func tokenSearch(_ lines: Span<FieldLine>, _ survey: RequestSurvey, _ bytes: Span<UInt8>) -> TokenSearch {
        // Two of them are never right, whatever they say and whoever is meant to read them.
        if survey.isAuthorizationRepeated { return .several }
        var search = survey.search
        var index = 0
        while index < sources.count {
            sources[index].search(lines, in: bytes, survey, index: index, into: &search)
            index &+= 1
        }
        return search
    }

    func answer(
        _ survey: RequestSurvey, _ lines: Span<FieldLine>, _ bytes: Span<UInt8>, _ crossOrigin: CrossOriginRules
    ) -> Decision {
        guard crossOrigin.allows(survey.origin) else { return .refuse(Refusal(.originNotAllowed, origin: survey.origin)) }
        var requested: [UInt8] = []
        for index in 0..<lines.count where lines[index].id == .accessControlRequestHeaders {
            let value = bytes.extracting(lines[index].value.bounds)
            if FieldNameList.isWellFormed(value) { requested = Array(copying: value) }
            break
        }
        return .preflight(Preflight(origin: survey.origin, requestedHeaders: requested))
    }

    func verified(
        _ token: Span<UInt8>, now: NumericDate, _ pause: Int64
    ) throws(TokenRefusal) -> TokenEntry {
        if let entry = cache.findRecent(token), entry.isCurrent(at: now) {
            tokenCounts.found &+= 1
            return entry
        }
        let limit = policy.validation.limits.tokenBytesMax
        guard token.count <= limit else { throw .tooLarge(limitBytes: limit) }
        let isFirstSight = cache.isFirstSight(token)
        if !isFirstSight {
            let digest = Digest(hasher.sha256(token))
            if let entry = cache.find(digest, of: token) {
                if entry.isCurrent(at: now) {
                    tokenCounts.found &+= 1
                    return entry
                }
                // The clock was set back, or the token has ended; leeway and grace are the verifier's business.
                cache.remove(digest)
            }
        }
        guard pause == 0 else { throw .tooManyFailures(retryAfterSeconds: Int((pause + 999) / 1000)) }
        tokenCounts.verified &+= 1
        let verified = try verifier.verify(token, now: now)
        let entry = TokenEntry(verified, compact: Array(copying: token), hasher: hasher, now: now)
        if now < verified.expiration {
            if isFirstSight { cache.note(token) } else { cache.insert(entry) }
        }
        return entry
    }

    private func isMet(_ set: Int, by entry: TokenEntry) -> Bool {
        guard set < 64 else { return requirements[set].isMet(by: entry.token) }
        let bit: UInt64 = 1 << UInt64(set)
        if entry.requirementsChecked & bit == 0 {
            entry.requirementsChecked |= bit
            if requirements[set].isMet(by: entry.token) { entry.requirementsMet |= bit }
        }
        return entry.requirementsMet & bit != 0
    }

    /// Why a token that has ended is not let in. The grace is for renewing: where it will not be renewed, nothing but the leeway admits it.
    func latenessRefusal(of entry: TokenEntry, _ renewal: RenewalDecision, now: NumericDate) -> TokenRefusal? {
        guard case .skip = renewal else { return nil }
        let lateness = now.seconds - entry.expiration
        return lateness >= policy.validation.leewaySeconds ? .expired(bySeconds: lateness) : nil
    }

    func decideRenewal(of entry: TokenEntry, rules: RouteRules, optsOut: Bool, now: NumericDate) -> RenewalDecision {
        guard delivery != nil, let sliding = policy.sliding else { return .skip(.slidingOff) }
        guard rules.slides else { return .skip(.routeDoesNotSlide) }
        guard !optsOut else { return .skip(.optedOut) }
        return sliding.decide(
            expiration: entry.expiration, issuedAt: entry.issuedAt, anchor: entry.anchor, now: now.seconds)
    }

    /// What is not to be let in on a route, which in shadow mode it is all the same.
    @inline(never)
    private func refuse(
        _ kind: Refusal.Kind, _ location: TokenLocation?, _ route: Int, _ rules: RouteRules, _ origin: CrossOrigin,
        _ head: inout RequestHead, _ bytes: Span<UInt8>, _ now: NumericDate
    ) -> Decision {
        var refusal = Refusal(kind, route: route, origin: origin)
        guard rules.isShadow else {
            if refusal.isAboutToken, let location { refusal.token = fingerprint(of: bytes.extracting(location.token.bounds)) }
            return .refuse(refusal)
        }
        var token: Fingerprint?
        if let location { token = fingerprint(of: bytes.extracting(location.token.bounds)) }
        let verdict = ShadowVerdict(refusal, token: token)
        return admit(nil, location, route, rules, origin, .skip(.noToken), &head, bytes, now, verdict)
    }

    private func fingerprint(of token: Span<UInt8>) -> Fingerprint { Fingerprint(bits: Digest(hasher.sha256(token)).first) }

    private func admit(
        _ entry: TokenEntry?, _ location: TokenLocation?, _ route: Int, _ rules: RouteRules, _ origin: CrossOrigin,
        _ renewal: RenewalDecision, _ head: inout RequestHead, _ bytes: Span<UInt8>, _ now: NumericDate,
        _ verdict: ShadowVerdict? = nil
    ) -> Decision {
        var substitutes: [UInt8] = []
        switch rules.forwarding {
        case .original:
            break
        case .stripped:
            head.fields.drop(.authorization)
            if let location { substitutes = replaceToken(at: location, with: [], &head, bytes) }
        case .renewed:
            if !rules.isShadow, let entry, let location, case .renew(let due) = renewal,
                let successor = successor(of: entry, due, now: now) {
                substitutes = replaceToken(at: location, with: successor, &head, bytes)
            }
        }
        return .admit(
            Admission(route: route, token: entry, renewal: renewal, origin: origin, substitutes: substitutes, verdict: verdict))
    }
}
