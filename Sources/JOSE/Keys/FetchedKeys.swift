/// What is known of the sets of keys that are fetched from elsewhere: they may not be there, and they may be out of date.
///
/// A token whose key is not here is refused for good only where it is certain that the key is nowhere. Until a set has
/// been fetched, or when it has been given up as too old, nobody can tell about tokens of its algorithms; and a key name that
/// is not in a set may be in the one that the issuer has published since.
package struct FetchedKeys: Sendable, Equatable {
    /// Algorithms of the sets that are not there.
    package var missing: Set<Algorithm>
    /// Algorithms of all fetched sets.
    package var possible: Set<Algorithm>
    /// Until then the sets are believed to be whole.
    package var confirmedUntil: NumericDate

    package init(missing: Set<Algorithm>, possible: Set<Algorithm>, confirmedUntil: NumericDate) {
        self.missing = missing
        self.possible = possible
        self.confirmedUntil = confirmedUntil
    }

    /// What to say of a token that none of the keys here has signed.
    func reconsider(_ refusal: TokenRefusal, _ algorithm: Algorithm, now: NumericDate) -> TokenRefusal {
        if missing.contains(algorithm) { return .keysUnavailable }
        guard refusal != .badSignature, possible.contains(algorithm), now >= confirmedUntil else { return refusal }
        return .keysUnavailable
    }
}
