package import Sessions

/// What an endpoint answers, and what has happened.
package struct EndpointAnswer: Sendable {
    package let status: Int
    /// All field lines, each with its CRLF, but those that a connection writes: `Date`, `Content-Length`, `Connection`.
    package let lines: [UInt8]
    package let content: [UInt8]
    package let outcome: EndpointOutcome
}

/// What came of a call or of a login, for logs and counters. Holds no token and no claim.
package struct EndpointOutcome: Sendable {
    /// The raw value is stable: it stands in logs and names a counter.
    package enum Event: String, Sendable, CaseIterable {
        case sessionCreated = "session_created"
        case refreshed
        /// The answer to an earlier refresh has been given again.
        case refreshReplayed = "refresh_replayed"
        case refreshRefused = "refresh_refused"
        /// A used-up refresh token came back, and the session has ended by that.
        case reuseDetected = "reuse_detected"
        case loggedOut = "logged_out"
        case loggedOutEverywhere = "logged_out_everywhere"
        /// By RFC 7009, whether there was something to revoke or not.
        case revoked
        case introspected
        case sessionsListed = "sessions_listed"
        /// One's own, by its id.
        case sessionEnded = "session_ended"
        /// The request to an endpoint was not one that it serves.
        case endpointRefused = "endpoint_refused"
        /// The store could not be asked.
        case sessionsUnavailable = "sessions_unavailable"
        /// An access token was asked to be signed and was not.
        case signingFailed = "signing_failed"
        case loginNotCaptured = "login_not_captured"
    }

    package var event: Event
    /// Stable; why it was refused or not captured, or how an introspection came out.
    package var reason: String?
    package var session: SessionID?
    /// Of the token that came with the request.
    package var token: Fingerprint?
    /// How many sessions ended: by a logout, or because a login had one too many.
    package var endedSessions = 0
    /// Whether it counts against the client that nobody who issues tokens here can have made the one it presented.
    package var isAboutForgery = false

    package init(
        _ event: Event, reason: String? = nil, session: SessionID? = nil, token: Fingerprint? = nil, endedSessions: Int = 0,
        isAboutForgery: Bool = false
    ) {
        self.event = event
        self.reason = reason
        self.session = session
        self.token = token
        self.endedSessions = endedSessions
        self.isAboutForgery = isAboutForgery
    }
}

extension EndpointAnswer: CustomStringConvertible {
    /// Without content and lines: tokens are in there.
    package var description: String { "EndpointAnswer(\(status), \(outcome.event.rawValue))" }
}
