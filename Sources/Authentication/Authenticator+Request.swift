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
    package func authenticate(
        _ head: inout RequestHead, path: Span<UInt8>, bytes: Span<UInt8>, now: NumericDate
    ) -> Decision {
        let origin = origin(of: head, in: bytes)
        var requestMethod = head.method
        var methodName = head.methodName
        var isPreflight = false
        if head.method == .options, origin.isPresent, let line = head.fields.first(.accessControlRequestMethod) {
            if let crossOrigin { return answer(origin, head, bytes, crossOrigin) }
            // The route is the one of the request that the browser is asking about.
            isPreflight = true
            methodName = line.value
            requestMethod = Method(bytes.extracting(methodName.bounds))
        }

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

        var search = TokenSearch.absent
        let optsOut = dropReserved(&head, in: bytes, search: &search)
        if head.fields.count(of: .authorization) > 1 { search = .several }
        var index = 0
        while index < sources.count {
            sources[index].search(head, in: bytes, index: index, into: &search)
            index &+= 1
        }

        if rules.authentication == .none || isPreflight && search == .absent {
            guard search != .several else { return .refuse(Refusal(.severalTokens, route: route, origin: origin)) }
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
        case .absent: return .refuse(Refusal(.tokenMissing, route: route, origin: origin))
        case .malformed: return .refuse(Refusal(.tokenMalformed, route: route, origin: origin))
        case .several: return .refuse(Refusal(.severalTokens, route: route, origin: origin))
        }

        let token = bytes.extracting(location.token.bounds)
        let entry: TokenEntry
        do {
            entry = try verified(token, now: now)
        } catch {
            // `Bearer a, Bearer b` is one field with two tokens; a comma is in no token.
            let kind: Refusal.Kind = token.firstIndex(of: 0x2C) == nil ? .token(error) : .severalTokens
            return .refuse(Refusal(kind, route: route, origin: origin))
        }
        // Revocation is looked up here, and once more in `prepareResponse`, just before a successor is attached.

        guard rules.requirements < 0 || isMet(Int(rules.requirements), by: entry) else {
            let scope = requirements[Int(rules.requirements)].scope
            return .refuse(Refusal(.insufficientScope(scope: scope), route: route, origin: origin))
        }
        let renewal = decideRenewal(of: entry, rules: rules, optsOut: optsOut, now: now)
        return admit(entry, location, route, rules, origin, renewal, &head, bytes, now)
    }

    /// Appends the lines that the gateway adds to the request, each with its CRLF: what stands for the token's own line,
    /// and the identity of the token.
    package func appendRequestFields(_ admission: borrowing Admission, to buffer: inout ByteBuffer) {
        if !admission.substitutes.isEmpty { buffer.append(admission.substitutes) }
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
    /// What `Origin` says. Two of them match nothing.
    private func origin(of head: borrowing RequestHead, in bytes: Span<UInt8>) -> CrossOrigin {
        guard let line = head.fields.first(.origin) else { return .absent }
        guard let crossOrigin, head.fields.count(of: .origin) == 1 else { return CrossOrigin(isPresent: true, listed: -1) }
        return CrossOrigin(isPresent: true, listed: crossOrigin.match(bytes.extracting(line.value.bounds)))
    }

    private func answer(
        _ origin: CrossOrigin, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ crossOrigin: CrossOriginRules
    ) -> Decision {
        guard crossOrigin.allows(origin) else { return .refuse(Refusal(.originNotAllowed, origin: origin)) }
        var requested: [UInt8] = []
        if let line = head.fields.first(.accessControlRequestHeaders) {
            let value = bytes.extracting(line.value.bounds)
            if FieldNameList.isWellFormed(value) { requested = Array(copying: value) }
        }
        return .preflight(Preflight(origin: origin, requestedHeaders: requested))
    }

    /// Drops reserved lines, takes up tokens from header sources, and tells whether the client opts out of renewal.
    @inline(__always)
    private func dropReserved(_ head: inout RequestHead, in bytes: Span<UInt8>, search: inout TokenSearch) -> Bool {
        var optsOut = false
        let count = head.fields.lines.count
        var index = 0
        while index < count {
            if let role = reserved.role(
                hash: head.fields.lines[index].canonicalHash, name: head.fields.lines[index].name, in: bytes)
            {
                switch role {
                case .dropped:
                    head.fields.drop(at: index)
                case .optOut:
                    optsOut = true
                    head.fields.drop(at: index)
                case .token(let source):
                    let value = head.fields.lines[index].value
                    if !value.isEmpty { search.combine(.token(0..<value.count), source: source, line: index, value: value) }
                }
            }
            index &+= 1
        }
        return optsOut
    }

    private func verified(_ token: Span<UInt8>, now: NumericDate) throws(TokenRefusal) -> TokenEntry {
        let limit = policy.validation.limits.tokenBytesMax
        guard token.count <= limit else { throw .tooLarge(limitBytes: limit) }
        let digest = Digest(hasher.sha256(token))
        if let entry = cache.find(digest) {
            if now.seconds >= entry.verifiedAt, now.seconds < entry.expiration { return entry }
            // The clock was set back, or the token has ended; leeway and grace are the verifier's business.
            cache.remove(digest)
        }
        let entry = TokenEntry(try verifier.verify(token, now: now), digest: digest, now: now)
        if now.seconds < entry.expiration {
            cache.insert(entry, bytes: Self.cost(ofTokenBytes: token.count), for: digest)
        }
        return entry
    }

    /// An estimate from above of what an entry holds: claims and header decoded, a successor, identity lines, and the objects
    /// themselves.
    private static func cost(ofTokenBytes count: Int) -> Int { 1_024 + 4 * count }

    private func isMet(_ set: Int, by entry: TokenEntry) -> Bool {
        guard set < 64 else { return requirements[set].isMet(by: entry.token) }
        let bit: UInt64 = 1 << UInt64(set)
        if entry.requirementsChecked & bit == 0 {
            entry.requirementsChecked |= bit
            if requirements[set].isMet(by: entry.token) { entry.requirementsMet |= bit }
        }
        return entry.requirementsMet & bit != 0
    }

    private func decideRenewal(of entry: TokenEntry, rules: RouteRules, optsOut: Bool, now: NumericDate) -> RenewalDecision {
        guard delivery != nil, let sliding = policy.sliding else { return .skip(.slidingOff) }
        guard rules.slides else { return .skip(.routeDoesNotSlide) }
        guard !optsOut else { return .skip(.optedOut) }
        return sliding.decide(
            expiration: entry.expiration, issuedAt: entry.issuedAt, anchor: entry.anchor, now: now.seconds)
    }

    private func admit(
        _ entry: TokenEntry?, _ location: TokenLocation?, _ route: Int, _ rules: RouteRules, _ origin: CrossOrigin,
        _ renewal: RenewalDecision, _ head: inout RequestHead, _ bytes: Span<UInt8>, _ now: NumericDate
    ) -> Decision {
        var substitutes: [UInt8] = []
        switch rules.forwarding {
        case .original:
            break
        case .stripped:
            head.fields.drop(.authorization)
            if let location { substitutes = replaceToken(at: location, with: [], &head, bytes) }
        case .renewed:
            if let entry, let location, case .renew(let due) = renewal, let successor = successor(of: entry, due, now: now) {
                substitutes = replaceToken(at: location, with: successor, &head, bytes)
            }
        }
        return .admit(Admission(route: route, token: entry, renewal: renewal, origin: origin, substitutes: substitutes))
    }
}
