extension TokenVerifier {
    /// `iat`, `orig_iat` and `auth_time` tell of the past. Stricter than RFC 7519 §4.1.6, because the session is counted
    /// from them: a date in the future would move its end.
    func checkDatesOfIssue(_ dates: TokenDates, now: NumericDate) throws(TokenRefusal) {
        try checkPast(dates.issuedAt, now: now)
        try checkPast(dates.originallyIssuedAt, now: now)
        try checkPast(dates.authenticatedAt, now: now)
    }

    private func checkPast(_ date: NumericDate?, now: NumericDate) throws(TokenRefusal) {
        guard let date, now.advanced(bySeconds: rules.leewaySeconds) < date else { return }
        throw .issuedInFuture(bySeconds: date.seconds &- now.seconds)
    }
}
