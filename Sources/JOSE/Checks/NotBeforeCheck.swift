extension TokenVerifier {
    /// A token begins at `nbf`, that instant included (RFC 7519 §4.1.5).
    func checkNotBefore(_ notBefore: NumericDate?, now: NumericDate) throws(TokenRefusal) {
        guard let notBefore, now.advanced(bySeconds: rules.leewaySeconds) < notBefore else { return }
        throw .notYetValid(forSeconds: notBefore.seconds &- now.seconds)
    }
}
