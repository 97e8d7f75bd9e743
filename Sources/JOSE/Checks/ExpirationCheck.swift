extension TokenVerifier {
    /// A token ends at `exp`, that instant excluded (RFC 7519 §4.1.4); the leeway, or the grace in which it may still be
    /// renewed, is added.
    func checkExpiration(_ expiration: NumericDate, now: NumericDate) throws(TokenRefusal) {
        let end = expiration.advanced(bySeconds: max(rules.leewaySeconds, rules.graceSeconds))
        guard now < end else { throw .expired(bySeconds: now.seconds &- expiration.seconds) }
    }
}
