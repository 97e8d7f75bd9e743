package import Bytes
package import HTTP1
package import JOSE

extension Authenticator {
    /// Decides whether a successor rides on this answer, mints it, and drops the lines of the answer that what
    /// `appendResponseFields` writes will replace. A failure to mint never fails the request.
    ///
    /// - Parameters:
    ///   - bytes: what `head` was parsed from.
    ///   - instant: `now` in milliseconds of the monotonic clock.
    package func prepareResponse(
        _ admission: borrowing Admission, _ head: inout ResponseHead, bytes: Span<UInt8>, now: NumericDate, instant: Int64
    ) -> RenewalOutcome {
        guard head.status >= 200 else { return .skipped(.interimResponse) }
        let outcome = renewalOutcome(admission, &head, bytes, now, instant)
        if outcome.isAttached { Self.dropCacheFields(&head.fields) }
        if crossOrigin != nil {
            head.fields.drop(.accessControlAllowOrigin)
            head.fields.drop(.accessControlAllowCredentials)
        }
        if admission.origin.isPresent, exposesNames(admission, outcome, head) {
            head.fields.drop(.accessControlExposeHeaders)
        }
        return outcome
    }

    /// Appends the lines that the gateway adds to the answer, each with its CRLF: the successor with its cache rules, the
    /// seconds to the ends, and CORS.
    ///
    /// - Parameters:
    ///   - outcome: what `prepareResponse` returned for this head.
    ///   - now: as given to `prepareResponse`.
    package func appendResponseFields(
        _ admission: borrowing Admission, _ outcome: borrowing RenewalOutcome, _ head: borrowing ResponseHead,
        bytes: Span<UInt8>, now: NumericDate, to buffer: inout ByteBuffer
    ) {
        guard head.status >= 200 else { return }
        var tellsExpiry = false
        if let delivery {
            switch outcome {
            case .attached(let renewal, let successor):
                tellsExpiry = true
                let isUntransformed = Self.forbidsTransformation(head, bytes)
                delivery.append(
                    successor, remaining: renewal.expiration - now.seconds, keepsUntransformed: isUntransformed, to: &buffer)
                delivery.appendExpiry(
                    token: renewal.expiration - now.seconds, session: renewal.sessionEnd.map { $0 - now.seconds }, to: &buffer)
            case .skipped:
                if tellsExpiryUnrenewed(admission, head), let entry = admission.token {
                    tellsExpiry = true
                    delivery.appendExpiry(
                        token: entry.expiration - now.seconds, session: sessionEnd(of: entry).map { $0 - now.seconds },
                        to: &buffer)
                }
            }
        }
        if let crossOrigin {
            crossOrigin.appendFields(for: admission.origin, varies: !Self.varies(head, bytes), to: &buffer)
        }
        if admission.origin.isPresent, exposesNames(admission, outcome, head) {
            appendExposedNames(outcome, tellsExpiry: tellsExpiry, head, bytes, to: &buffer)
        }
    }

    /// Appends the CORS lines for an answer of the gateway's own to an admitted or refused request, or one that never came
    /// that far (`.absent`).
    package func appendCrossOriginFields(for origin: CrossOrigin, to buffer: inout ByteBuffer) {
        crossOrigin?.appendFields(for: origin, varies: true, to: &buffer)
    }

    /// Appends the lines that a refusal calls for: challenge or `Allow`, `Cache-Control: no-store`, and CORS.
    package func appendRefusalFields(_ refusal: borrowing Refusal, to buffer: inout ByteBuffer) {
        refusal.appendChallenge(realm: realm, to: &buffer)
        buffer.append("Cache-Control: no-store\r\n")
        appendCrossOriginFields(for: refusal.origin, to: &buffer)
    }

    /// Appends the lines of the 204 that answers a preflight.
    package func appendPreflightFields(_ preflight: borrowing Preflight, to buffer: inout ByteBuffer) {
        crossOrigin?.appendPreflightFields(copy preflight, to: &buffer)
    }

    /// When a tunnel that was opened under this admission must end: with the token, and no later than the session. Nil:
    /// nobody's tunnel.
    package func tunnelEnd(of admission: borrowing Admission) -> NumericDate? {
        guard let entry = admission.token else { return nil }
        return NumericDate(seconds: min(entry.expiration, sessionEnd(of: entry) ?? .max))
    }

    /// Names the family of a token: `sid`, or what its successors will carry as such. Nil when nothing is signed here and the
    /// token has none.
    package func sessionID(of entry: TokenEntry) -> String? {
        if let sessionID = entry.token.claims.string(.sessionID) { return sessionID }
        guard let signer else { return nil }
        return SuccessorNames.sessionID(of: entry, signer: signer)
    }
}

extension Authenticator {
    private func renewalOutcome(
        _ admission: borrowing Admission, _ head: inout ResponseHead, _ bytes: Span<UInt8>, _ now: NumericDate, _ instant: Int64
    ) -> RenewalOutcome {
        let due: Renewal
        switch admission.renewal {
        case .renew(let renewal): due = renewal
        case .skip(let reason): return .skipped(reason)
        }
        guard let delivery, let entry = admission.token else { return .skipped(.slidingOff) }
        if let obstacle = delivery.obstacle(status: head.status, head.fields.lines.span, bytes) { return .skipped(obstacle) }
        guard due.expiration > now.seconds else { return .skipped(.answeredTooLate) }
        // Again, so that a logout is not undone by an answer in flight.
        switch revocationRefusal(of: entry, rules[admission.route].storeAway, now: now, instant: instant) {
        case nil: break
        case .revoked: return .skipped(.revoked)
        default: return .skipped(.revocationUnknown)
        }
        guard !rules[admission.route].isShadow else { return .skipped(.shadow) }
        guard let successor = successor(of: entry, due, now: now) else { return .skipped(.mintFailed) }
        return .attached(due, successor: successor)
    }

    /// `anchor + S`
    func sessionEnd(of entry: TokenEntry) -> Int64? {
        guard let cap = policy.sliding?.capSeconds, let anchor = entry.anchor else { return nil }
        let (end, overflow) = anchor.addingReportingOverflow(cap)
        return overflow ? nil : end
    }

    private func tellsExpiryUnrenewed(_ admission: borrowing Admission, _ head: borrowing ResponseHead) -> Bool {
        guard let delivery, delivery.tellsExpiryOnEveryAnswer else { return false }
        return admission.token != nil && head.status != 304 && !rules[admission.route].isShadow
    }

    /// What lets a cache keep an answer, or take it for another (semantics §1.11).
    static func dropCacheFields(_ fields: inout FieldSection) {
        fields.drop(.cacheControl)
        fields.drop(.pragma)
        fields.drop(.expires)
        fields.drop(.etag)
        fields.drop(.lastModified)
        fields.drop(.age)
        fields.drop(.cdnCacheControl)
        fields.drop(.surrogateControl)
        fields.drop(.xAccelExpires)
    }

    /// `no-transform` says more than `private, no-store`, so it must survive their replacing what was there.
    static func forbidsTransformation(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>) -> Bool {
        list(.cacheControl, in: head, bytes, contains: "no-transform")
    }

    /// Whether the answer varies with the origin already.
    private static func varies(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>) -> Bool {
        list(.vary, in: head, bytes, contains: "origin") || list(.vary, in: head, bytes, contains: "*")
    }

    private static func list(
        _ id: FieldName, in head: borrowing ResponseHead, _ bytes: Span<UInt8>, contains element: String
    ) -> Bool {
        guard var index = head.fields.firstIndex(of: id) else { return false }
        while index < head.fields.lines.count {
            let line = head.fields.lines[index]
            if line.id == id, FieldNameList.list(bytes.extracting(line.value.bounds), contains: element.utf8.span) {
                return true
            }
            index &+= 1
        }
        return false
    }
}

// MARK: - What scripts may read

extension Authenticator {
    /// Whether this answer gets an `Access-Control-Expose-Headers` of the gateway's making: it goes to another origin that
    /// may read it, and there is a name to add.
    private func exposesNames(
        _ admission: borrowing Admission, _ outcome: borrowing RenewalOutcome, _ head: borrowing ResponseHead
    ) -> Bool {
        if let crossOrigin {
            guard crossOrigin.allows(admission.origin) else { return false }
            if crossOrigin.exposesNames { return true }
        } else if head.fields.firstIndex(of: .accessControlAllowOrigin) == nil {
            return false
        }
        if outcome.isAttached { return true }
        return tellsExpiryUnrenewed(admission, head)
    }

    private func appendExposedNames(
        _ outcome: borrowing RenewalOutcome, tellsExpiry: Bool, _ head: borrowing ResponseHead, _ bytes: Span<UInt8>,
        to buffer: inout ByteBuffer
    ) {
        var names = FieldNameList()
        if var index = head.fields.firstIndex(of: .accessControlExposeHeaders) {
            while index < head.fields.lines.count {
                let line = head.fields.lines[index]
                if line.id == .accessControlExposeHeaders { names.append(list: bytes.extracting(line.value.bounds)) }
                index &+= 1
            }
        }
        crossOrigin?.appendExposedNames(to: &names)
        if let delivery {
            if outcome.isAttached, let name = delivery.exposedName { names.append(name.span) }
            if tellsExpiry { delivery.appendExpiryNames(to: &names) }
        }
        guard !names.isEmpty else { return }
        buffer.append("Access-Control-Expose-Headers: ")
        names.append(to: &buffer)
        buffer.append("\r\n")
    }
}
