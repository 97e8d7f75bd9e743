/// What the configuration says of sessions, as stores and the machine need it. Durations are in whole seconds.
package struct SessionRules: Sendable, Equatable {
    /// When a refresh token ends (semantics §3.3).
    package enum Expiry: Sendable, Equatable {
        /// Where the first one of the session ends.
        case fixed
        /// One lifetime from each rotation.
        case sliding
        /// One lifetime from each rotation, and never later than `capSeconds` from the session's beginning.
        case slidingWithCap(capSeconds: Int64)
    }

    /// Of a refresh token. Above zero.
    package var refreshSeconds: Int64
    package var expiry: Expiry
    /// False: a session keeps its one refresh token, and only access tokens are new.
    package var rotates: Bool
    /// How long the immediate predecessor of the current refresh token is answered with that one.
    package var graceSeconds: Int64
    /// Sessions alive for one subject; nil: any number.
    package var perSubjectMax: Int?
    /// Of an access token as it is issued with a refresh. Above zero.
    package var accessSeconds: Int64
    /// After this time no access token of a session that ends now is valid, successors and leeway included: so long is the
    /// end of a session remembered by all gateways.
    package var accessReachSeconds: Int64

    package init(
        refreshSeconds: Int64 = 7 * 86_400, expiry: Expiry = .sliding, rotates: Bool = true, graceSeconds: Int64 = 10,
        perSubjectMax: Int? = nil, accessSeconds: Int64 = 900, accessReachSeconds: Int64 = 43_200
    ) {
        self.refreshSeconds = refreshSeconds
        self.expiry = expiry
        self.rotates = rotates
        self.graceSeconds = graceSeconds
        self.perSubjectMax = perSubjectMax
        self.accessSeconds = accessSeconds
        self.accessReachSeconds = accessReachSeconds
    }
}
