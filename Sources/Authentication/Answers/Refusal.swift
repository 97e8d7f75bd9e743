internal import Bytes
package import JOSE

/// Why the gateway answers a request itself. The one place that knows status, `code` and challenge (RFC 6750 §3,
/// RFC 9457); the proxy writes status line and body from it.
package struct Refusal: Sendable {
    package enum Kind: Sendable {
        case tokenMissing
        case token(TokenRefusal)
        /// A field means to carry a token and does not: `Authorization: Bearer` with nothing behind.
        case tokenMalformed
        /// Two tokens, or two `Authorization` lines.
        case severalTokens
        /// A required claim is missing or has another value. `scope` is what RFC 6750 §3 lets a challenge name.
        case insufficientScope(scope: [String])
        case noRoute
        case methodNotAllowed(allowed: [String])
        /// See `RouteTable.Match.ambiguous`.
        case pathAmbiguous
        case path(PathError)
        /// A preflight from an origin that is not listed.
        case originNotAllowed
        /// The token came in a cookie, and another site's page may have had it sent.
        case crossSite
    }

    package var kind: Kind
    /// Index into the policy's routes, once one was found.
    package var route: Int?
    package var origin: CrossOrigin
    /// Of the token that was refused. Nil: there was none, or it was not looked at.
    package var token: Fingerprint?

    package init(_ kind: Kind, route: Int? = nil, origin: CrossOrigin = .absent) {
        self.kind = kind
        self.route = route
        self.origin = origin
    }

    package var status: Int {
        switch kind {
        case .token(.tooManyFailures): 429
        case .token(.keysUnavailable), .token(.revocationUnknown): 503
        case .tokenMissing, .tokenMalformed, .token: 401
        case .severalTokens, .pathAmbiguous, .path: 400
        case .insufficientScope, .originNotAllowed, .crossSite: 403
        case .noRoute: 404
        case .methodNotAllowed: 405
        }
    }

    /// Stable, for problem details.
    package var code: String {
        switch kind {
        case .tokenMissing: "token_missing"
        case .token(let refusal): refusal.code
        case .tokenMalformed: "token_malformed"
        case .severalTokens: "invalid_request"
        case .insufficientScope: "insufficient_scope"
        case .noRoute: "no_route"
        case .methodNotAllowed: "method_not_allowed"
        case .pathAmbiguous: "path_ambiguous"
        case .path(let error): error.code
        case .originNotAllowed: "origin_not_allowed"
        case .crossSite: "cross_site"
        }
    }

    /// Stable and finer than `code`, for logs.
    package var reason: String {
        if case .token(let refusal) = kind { return refusal.reason }
        return code
    }

    /// One sentence for whoever sent the request. Holds nothing of the request, and is safe inside a quoted string.
    package var detail: String {
        switch kind {
        case .tokenMissing: "The request carries no token."
        case .token(let refusal): refusal.description
        case .tokenMalformed: "The field that should carry a token is malformed."
        case .severalTokens: "The request carries more than one token."
        case .insufficientScope: "The token does not grant access to this resource."
        case .noRoute: "Nothing is served here."
        case .methodNotAllowed: "The method is not allowed here."
        case .pathAmbiguous, .path: "The path could be read in more than one way."
        case .originNotAllowed: "The origin may not read answers from here."
        case .crossSite: "A page of another site may not make such a request with a cookie."
        }
    }
}

extension Refusal {
    /// Whether it counts against the client that nobody who issues tokens here can have made this one.
    package var isAboutForgery: Bool { if case .token(let refusal) = kind { refusal.isAboutForgery } else { false } }

    /// Whether it is about one token, which was looked at: logs tell which.
    var isAboutToken: Bool {
        switch kind {
        case .token(.tooManyFailures), .token(.tooLarge): false
        case .token, .insufficientScope, .crossSite: true
        case .tokenMissing, .tokenMalformed, .severalTokens, .noRoute, .methodNotAllowed, .pathAmbiguous, .path, .originNotAllowed: false
        }
    }

    /// Whether the token was not looked at, because too many before it were not genuine.
    package var isThrottled: Bool { if case .token(.tooManyFailures) = kind { true } else { false } }
}

extension Refusal {
    /// `WWW-Authenticate` (RFC 6750 §3) or `Allow`, with its CRLF, where the refusal calls for it.
    func appendChallenge(realm: [UInt8], to buffer: inout ByteBuffer) {
        switch kind {
        case .tokenMissing:
            Self.openChallenge(realm, to: &buffer)
            buffer.append("\r\n")
        case .token(.tooManyFailures(let seconds)):
            buffer.append("Retry-After: ")
            buffer.append(decimal: seconds)
            buffer.append("\r\n")
        case .token(.keysUnavailable), .token(.revocationUnknown):
            // Nothing is wrong with the token: its keys are being fetched, and that takes no longer; nor does it to find
            // the store again.
            buffer.append("Retry-After: 2\r\n")
        case .token, .tokenMalformed:
            appendChallenge("invalid_token", scope: [], realm: realm, to: &buffer)
        case .severalTokens:
            appendChallenge("invalid_request", scope: [], realm: realm, to: &buffer)
        case .insufficientScope(let scope):
            appendChallenge("insufficient_scope", scope: scope, realm: realm, to: &buffer)
        case .methodNotAllowed(let allowed):
            buffer.append("Allow: ")
            buffer.append(allowed.joined(separator: ", "))
            buffer.append("\r\n")
        case .noRoute, .pathAmbiguous, .path, .originNotAllowed, .crossSite:
            break
        }
    }

    private func appendChallenge(_ error: StaticString, scope: [String], realm: [UInt8], to buffer: inout ByteBuffer) {
        Self.openChallenge(realm, to: &buffer)
        buffer.append(", error=\"")
        buffer.append(error)
        buffer.append("\", error_description=\"")
        buffer.append(detail)
        buffer.append(0x22)
        if !scope.isEmpty {
            buffer.append(", scope=\"")
            buffer.append(scope.joined(separator: " "))
            buffer.append(0x22)
        }
        buffer.append("\r\n")
    }

    private static func openChallenge(_ realm: [UInt8], to buffer: inout ByteBuffer) {
        buffer.append("WWW-Authenticate: Bearer realm=\"")
        buffer.append(realm)
        buffer.append(0x22)
    }
}
