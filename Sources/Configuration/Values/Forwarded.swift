extension Configuration {
    /// Which of the fields that name a client the gateway writes, and believes from trusted proxies.
    package enum Forwarded: String, Sendable, CaseIterable {
        /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
        case xForwarded = "x-forwarded"
        /// `Forwarded`.
        case rfc7239
        case both
    }

    /// So many times in a length of time.
    package struct Rate: Sendable, Equatable {
        /// 1 or more.
        package var count: Int
        package var period: Duration
    }
}
