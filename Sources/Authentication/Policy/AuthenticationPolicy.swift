package import JOSE

/// Everything that decides about a request, as plain values: the executable fills it from the configuration, and an
/// `Authenticator` compiles it once for a worker.
package struct AuthenticationPolicy: Sendable {
    package var tokens: TokenSourcePolicy
    package var validation: ValidationRules
    /// Nil: tokens are verified and never renewed.
    package var sliding: RenewalPolicy?
    /// Nil: preflights pass upstream without a token, and the upstream speaks for itself.
    package var cors: CORSPolicy?
    /// Searched by path, host and method; see `RouteTable`. A request that none of them matches is refused with 404.
    package var routes: [RoutePolicy]
    /// Of the `Bearer` challenge (RFC 6750 §3). Printable ASCII without `"` and `\`.
    package var realm: String
    package var cache: VerifiedTokenCacheLimits
    /// Request fields that say what the gateway knows of a client's connection, and those that are meant for the gateway itself: none of
    /// them goes upstream as a client has sent it.
    package var connectionHeaders: [String] = []

    package init(
        tokens: TokenSourcePolicy = TokenSourcePolicy(), validation: ValidationRules, sliding: RenewalPolicy? = nil,
        cors: CORSPolicy? = nil, routes: [RoutePolicy], realm: String = "slidegate",
        cache: VerifiedTokenCacheLimits = VerifiedTokenCacheLimits()
    ) {
        self.tokens = tokens
        self.validation = validation
        self.sliding = sliding
        self.cors = cors
        self.routes = routes
        self.realm = realm
        self.cache = cache
    }
}

/// Where a request may carry its token. Two tokens in one request are refused, whatever the order here.
package struct TokenSourcePolicy: Sendable, Equatable {
    package enum Source: Sendable, Hashable {
        /// `Authorization: Bearer …` (RFC 6750 §2.1). Other schemes are not tokens.
        case authorization
        /// The value of a cookie (RFC 6265 §4.2).
        case cookie(name: String)
        /// The whole value of a request field.
        case header(name: String)
        /// `Sec-WebSocket-Protocol: bearer, …`: the subprotocol offered right after `bearer` (RFC 6455 §11.3.4), for
        /// browsers, whose WebSocket constructor can set no other field. Upgrade requests only.
        case webSocketProtocol
    }

    /// Never empty.
    package var sources: [Source]

    package init(sources: [Source] = [.authorization]) { self.sources = sources }
}

/// How much a worker remembers of the tokens that it has verified.
package struct VerifiedTokenCacheLimits: Sendable, Equatable {
    /// Sessions active within a lifetime, for one worker of a mid-sized service.
    package var entriesMax: Int
    /// Of tokens, parsed claims and successors together; an estimate from above.
    package var bytesMax: Int

    package init(entriesMax: Int = 16_384, bytesMax: Int = 32 << 20) {
        self.entriesMax = entriesMax
        self.bytesMax = bytesMax
    }
}
