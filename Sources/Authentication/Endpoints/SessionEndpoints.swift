internal import Bytes
package import HTTP1
package import JOSE
package import Sessions

/// The endpoints that the gateway serves itself, and login capture. One for a worker and a configuration snapshot, as is the
/// `Authenticator` that it asks about access tokens.
package final class SessionEndpoints {
    package let policy: SessionPolicy
    /// Content of a request above this is refused (413). Forms and JSON objects with one token fit many times.
    package static let contentBytesMax = 16 << 10

    let authenticator: Authenticator
    let issuer: SessionIssuer
    let codec: RefreshTokenCodec
    private let paths: [(path: [UInt8], endpoint: EndpointMatch.Endpoint)]
    /// The path of the list with a slash at its end.
    private let sessionPrefix: [UInt8]?
    /// The members that a refresh token may be in, where any will do.
    let refreshMembers: [String]
    /// What a logout clears: name, path, domain.
    let clearedCookies: [CookieDelivery]

    /// - Returns: nil when the authenticator has no key that signs.
    package init?(policy: SessionPolicy, codec: RefreshTokenCodec, authenticator: Authenticator) {
        guard
            let issuer = SessionIssuer(
                rules: policy.rules, keys: authenticator.verifier.keys, validation: authenticator.policy.validation,
                sliding: authenticator.policy.sliding, codec: codec, mintCache: authenticator.mintCache)
        else { return nil }
        self.policy = policy
        self.codec = codec
        self.issuer = issuer
        self.authenticator = authenticator

        var paths: [(path: [UInt8], endpoint: EndpointMatch.Endpoint)] = []
        for (index, refresh) in policy.refreshes.enumerated() { paths.append((Array(refresh.path.utf8), .refresh(index))) }
        let plain: [(PlainEndpoint?, EndpointMatch.Endpoint)] = [
            (policy.logout, .logout), (policy.logoutEverywhere, .logoutEverywhere), (policy.revocation, .revocation),
            (policy.introspection.map { PlainEndpoint(path: $0.path) }, .introspection), (policy.sessions, .sessions),
        ]
        for case (let endpoint?, let kind) in plain { paths.append((Array(endpoint.path.utf8), kind)) }
        self.paths = paths
        sessionPrefix = policy.sessions.map { Array(($0.path.hasSuffix("/") ? $0.path : $0.path + "/").utf8) }

        var members: [String] = []
        for refresh in policy.refreshes {
            switch refresh.format.token {
            case .form(let name), .json(let name): if !members.contains(name) { members.append(name) }
            case .cookie, .bearer, .access: break
            }
        }
        refreshMembers = members.contains("refresh_token") ? members : members + ["refresh_token"]
        clearedCookies = Self.clearedCookies(policy, authenticator.policy)
    }

    /// The endpoint that a path belongs to, whatever the method; nil: none, so the request is one for the routes.
    ///
    /// - Parameter path: in normal form.
    package func match(_ path: Span<UInt8>) -> EndpointMatch? {
        for (candidate, endpoint) in paths where candidate.count == path.count && path.elementsEqual(candidate.span) {
            return EndpointMatch(endpoint: endpoint)
        }
        if let sessionPrefix, path.count > sessionPrefix.count, path.starts(with: sessionPrefix.span),
            path.firstIndex(of: UInt8(ascii: "/"), from: sessionPrefix.count) == nil
        {
            return EndpointMatch(endpoint: .session(idStart: sessionPrefix.count))
        }
        return nil
    }

    /// Begins a call. `EndpointCall.next` tells how it goes on.
    ///
    /// - Parameters:
    ///   - head: what identifies the client to nobody but the gateway is dropped from it, as `Authenticator.authenticate` does.
    ///   - path: in normal form.
    ///   - bytes: what `head` was parsed from.
    ///   - address: of the client, without port: it is remembered with the session.
    ///   - instant: `now` in milliseconds of the monotonic clock.
    ///   - verificationPause: as for `Authenticator.authenticate`.
    package func begin(
        _ match: EndpointMatch, _ head: inout RequestHead, path: Span<UInt8>, bytes: Span<UInt8>, address: String, now: NumericDate,
        instant: Int64, verificationPause: Int64 = 0
    ) -> EndpointCall {
        let survey = authenticator.survey(&head, in: bytes)
        let request = EndpointRequest(
            endpoints: self, head: head, survey: survey, now: now, instant: instant, verificationPause: verificationPause)
        return EndpointCall(self, request, match.endpoint, path, bytes, address: address)
    }

    private static func clearedCookies(_ policy: SessionPolicy, _ authentication: AuthenticationPolicy) -> [CookieDelivery] {
        let formats = policy.logins.map(\.answer) + policy.refreshes.map(\.format.answer)
        var cookies: [CookieDelivery] = []
        func add(_ name: String, like model: CookieDelivery) {
            guard !cookies.contains(where: { $0.name == name }) else { return }
            cookies.append(CookieDelivery(name: name, path: model.path, domain: model.domain, sameSite: model.sameSite))
        }
        if formats.contains(where: \.setsRefreshCookie) { add(policy.cookie.name, like: policy.cookie) }
        for format in formats { if let name = format.accessCookie { add(name, like: policy.cookie) } }
        if case .cookie(let cookie)? = authentication.sliding?.delivery { add(cookie.name, like: cookie) }
        for case .cookie(let name) in authentication.tokens.sources { add(name, like: policy.cookie) }
        return cookies
    }
}

/// Which endpoint a path belongs to.
package struct EndpointMatch: Sendable, Equatable {
    enum Endpoint: Sendable, Equatable {
        case refresh(Int), logout, logoutEverywhere, revocation, introspection, sessions
        /// One of them, by the id that begins there in the path.
        case session(idStart: Int)
    }

    let endpoint: Endpoint
}

extension SessionEndpoints {
    /// What the configuration calls an endpoint.
    package func name(of match: EndpointMatch) -> String {
        switch match.endpoint {
        case .refresh(let index): policy.refreshes.count == 1 ? "refresh" : "refresh[\(index)]"
        case .logout: "logout"
        case .logoutEverywhere: "logout_everywhere"
        case .revocation: "revocation"
        case .introspection: "introspection"
        case .sessions, .session: "sessions"
        }
    }

    package func methods(of match: EndpointMatch) -> [String] { methods(of: match.endpoint) }

    func methods(of endpoint: EndpointMatch.Endpoint) -> [String] {
        switch endpoint {
        case .refresh(let index): policy.refreshes[index].methods
        case .logout, .logoutEverywhere, .revocation, .introspection: ["POST"]
        case .sessions: ["GET", "HEAD"]
        case .session: ["DELETE"]
        }
    }

    /// What logs call a token that has not been verified.
    func fingerprint(of token: Span<UInt8>) -> Fingerprint { Fingerprint(bits: Digest(authenticator.hasher.sha256(token)).first) }

    /// The lines that make a browser forget its tokens.
    var clearingLines: [UInt8] {
        var lines = ByteBuffer()
        for cookie in clearedCookies {
            AnswerMaker(authenticator: authenticator, cookie: cookie, origin: .absent)
                .appendCookie(cookie.name, [], maxAge: 0, to: &lines)
        }
        return lines.bytes()
    }
}
