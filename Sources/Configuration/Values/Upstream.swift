extension Configuration {
    /// An existing API that requests are forwarded to.
    package struct Upstream: Sendable, Equatable {
        /// As in the file; `default` in the short form.
        package var name: String
        /// Exactly one in this version.
        package var servers: [Server]
        /// Idle connections that each worker keeps open to this upstream; 0 closes each after use.
        package var keepaliveMax: Int
        /// From `connect()` to an established connection.
        package var connectTimeout: Duration
        /// From the end of the request to the end of the response head, and between two reads of the content.
        package var responseTimeout: Duration
        /// How long an unused connection is kept in the pool.
        package var idleTimeout: Duration
        /// Whether each connection begins with a PROXY header, version 2.
        package var sendsProxyProtocol = false
        /// Nil: HTTP in clear.
        package var tls: TLS?
        /// Nil: nobody asks the servers.
        package var health: HealthCheck?

        package struct Server: Sendable, Equatable {
            /// The port is never 0.
            package var address: Located<Endpoint>
        }
    }
}
