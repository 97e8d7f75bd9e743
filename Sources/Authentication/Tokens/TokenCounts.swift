/// What one authenticator has done with tokens.
package struct TokenCounts: Sendable, Equatable {
    /// Tokens that had been verified before, and were remembered.
    package var found = 0
    /// Tokens that were verified, genuine or not.
    package var verified = 0
    /// Successors that were signed rather than remembered.
    package var minted = 0

    package init() {}

    package static func += (total: inout TokenCounts, part: TokenCounts) {
        total.found &+= part.found
        total.verified &+= part.verified
        total.minted &+= part.minted
    }
}
