/// A successor that is due: a pure function of the presented token, the policy and the slot that `now` falls into.
package struct Renewal: Sendable, Hashable {
    /// `exp1`, seconds since 1970. Greater than the `exp` of the presented token.
    package var expiration: Int64
    /// `iat1`; never later than the instant of the decision.
    package var issuedAt: Int64
    /// `floor((now - w0) / q)`.
    package var slot: Int64
    /// Where the session began: `orig_iat`, else `auth_time`, else `iat`.
    package var anchor: Int64
    /// `anchor + S`; nil without a cap.
    package var sessionEnd: Int64?

    package init(expiration: Int64, issuedAt: Int64, slot: Int64, anchor: Int64, sessionEnd: Int64?) {
        self.expiration = expiration
        self.issuedAt = issuedAt
        self.slot = slot
        self.anchor = anchor
        self.sessionEnd = sessionEnd
    }
}

/// Why no successor is due, or why one that was due did not ride on the answer. The raw value is stable: it stands in
/// logs and names a counter.
package enum RenewalSkip: String, Sendable, CaseIterable, Error {
    // Decided when the request arrives.
    case slidingOff = "sliding_off"
    case noToken = "no_token"
    /// The route says `slide: false`.
    case routeDoesNotSlide = "route_does_not_slide"
    /// The client sent the opt-out field.
    case optedOut = "opted_out"
    /// More than `B` is left.
    case notDue = "not_due"
    case expired = "expired"
    /// Neither `orig_iat` nor `auth_time` nor `iat`.
    case noAnchor = "no_anchor"
    /// `L` is to be inherited, and the token has no `iat`, or one that is not before its `exp`.
    case lifetimeUnknown = "lifetime_unknown"
    /// `B >= L` for this token: its successor would end no later than itself.
    case bufferExceedsLifetime = "buffer_exceeds_lifetime"
    /// The session is at its end, or so near that a renewal would gain too little.
    case sessionCap = "session_cap"

    // Decided when the answer arrives.
    /// The upstream answered with one of the excepted statuses (401).
    case exceptedStatus = "excepted_status"
    case notModified = "not_modified"
    /// 1xx and 101.
    case interimResponse = "interim_response"
    /// The upstream set the field that would carry the successor.
    case upstreamSetIt = "upstream_set_it"
    case mintFailed = "mint_failed"
    /// The token, or its session, has been revoked since the request arrived.
    case revoked = "revoked"
    /// It may have been: the store has gone away since.
    case revocationUnknown = "revocation_unknown"
    /// The answer took so long that the successor has ended too.
    case answeredTooLate = "answered_too_late"
    /// Nothing else is in the way: the route is in shadow mode.
    case shadow = "shadow"
}

package enum RenewalDecision: Sendable, Hashable {
    case renew(Renewal)
    case skip(RenewalSkip)
}
