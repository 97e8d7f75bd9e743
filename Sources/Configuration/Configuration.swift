package import ProxyProtocol

/// What one configuration file says: checked as a whole, every default filled in, every name resolved.
///
/// A value of this type exists only when the file had no error. It is immutable, holds nothing but plain values, and
/// can be handed to any thread. It has read no other file: keys are still names of files and environment variables,
/// addresses still names of hosts. Whoever loads or resolves them reports a failure at the `Place` kept beside each.
package struct Configuration: Sendable, Equatable {
    /// The name of the file as the operator gave it; diagnostics begin with it.
    package var file: String
    /// Where to listen. Never empty.
    package var listeners: [Listener]
    package var workers: Workers
    /// Where requests go, in the order of the file; a route names its upstream by index. Empty only with `forwardAuth`: then
    /// nothing is proxied, and routes say what decisions go by.
    package var upstreams: [Upstream]
    /// Verification keys and the signing key. Empty only when every route has `auth: none`.
    package var keys: [Key]
    package var tokens: Tokens
    /// Nil: tokens are verified and never renewed.
    package var sliding: Sliding?
    /// Nil: there are no refresh tokens, and nothing can be revoked.
    package var sessions: Sessions?
    /// Nil: the gateway adds no CORS fields and answers no preflight.
    package var cors: CORS?
    /// In the order of the file; matching is by specificity, not by order. Never empty.
    package var routes: [Route]
    /// Whom the gateway believes what they say about clients.
    package var trustedProxies: TrustedPeers
    package var forwarded: Forwarded
    package var limits: Limits
    package var timeouts: Timeouts
    package var paths: Paths
    package var logs: Logs
    /// Nil: no administration listener.
    package var admin: Admin?
    package var resolver: Resolver
    /// Nil: the gateway's own public keys are not served.
    package var publishedKeys: PublishedKeys?
    /// Nil: the module for browsers is not served.
    package var browser: Browser?
    /// Where proxies in front ask for decisions.
    package var forwardAuth: [ForwardAuth]
    /// Of logins; routes have their own.
    package var mode: Mode
    /// Nil: nobody can ask why a request was decided as it was.
    package var explaining: Explaining?
    /// What is allowed but probably not meant, in the order of the file.
    package var warnings: [Diagnostic]
    /// The first 16 hexadecimal digits of the SHA-256 of the file as it was read; empty where there was none.
    package var digest = ""

    /// The index in `keys` of the one that signs successors. Non-nil whenever `sliding` is, or sessions issue tokens.
    package var signingKey: Int? { keys.firstIndex { $0.use == .sign } }

    /// How many worker threads to run.
    package enum Workers: Sendable, Equatable {
        /// One for each processor that the process may run on.
        case automatic
        /// 1 to 1024.
        case count(Int)
    }
}
