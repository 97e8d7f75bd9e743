/// What the claims of a token must say besides being signed.
package struct ValidationRules: Sendable, Equatable {
    /// `iss` must be one of these; empty accepts any, or none.
    package var issuers: [String]
    /// `aud` must contain one of these; empty accepts any, or none.
    package var audiences: [String]
    /// By how much the issuer's clock may differ: `exp`, `nbf` and the dates of issue are read with it. Not negative.
    package var leewaySeconds: Int64
    /// For how long after `exp` a token may still be presented to be renewed (semantics §1.7). The larger of this and the
    /// leeway counts, for `exp` alone.
    package var graceSeconds: Int64
    /// Accepted `typ` values, in lower case and without `application/` (RFC 7515 §4.1.9); a token without `typ` passes.
    package var types: [String]
    package var limits: TokenLimits

    package init(
        issuers: [String] = [], audiences: [String] = [], leewaySeconds: Int64 = 0, graceSeconds: Int64 = 0,
        types: [String] = ["jwt", "at+jwt"], limits: TokenLimits = TokenLimits()
    ) {
        self.issuers = issuers
        self.audiences = audiences
        self.leewaySeconds = leewaySeconds
        self.graceSeconds = graceSeconds
        self.types = types
        self.limits = limits
    }
}
