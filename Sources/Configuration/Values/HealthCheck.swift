extension Configuration {
    /// How the servers of an upstream are asked whether they are well.
    package struct HealthCheck: Sendable, Equatable {
        /// In origin-form.
        package var target: String
        /// The `Host` of the request; nil: the server's address.
        package var host: String?
        package var interval: Duration
        package var timeout: Duration
        /// Good checks in a row.
        package var healthyAfter: Int
        /// Bad checks in a row.
        package var unhealthyAfter: Int
        /// Never empty.
        package var statuses: [ClosedRange<Int>]
    }
}
