extension Configuration {
    /// An existing API that requests are forwarded to.
    package struct Upstream: Sendable, Equatable {
        /// As in the file; `default` in the short form.
        package var name: String
        /// In the order of the file; never empty, and no address twice.
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
        package var balance = Defaults.balance
        /// Nobody waits unless servers have limits.
        package var queue = Queue(size: Defaults.queueSize, timeout: Defaults.queueTimeout)
        /// From joining or coming back to a server's full share; zero: at once.
        package var slowStart = Defaults.slowStart
        package var retries = Retries(
            attempts: 0, conditions: Defaults.retryConditions, budgetPercent: Defaults.retryBudgetPercent)
        package var ejection = Ejection()

        package struct Server: Sendable, Equatable {
            /// The port is never 0.
            package var address: Located<Endpoint>
            /// Of the requests, relative to the other servers'; 0: takes none.
            package var weight = 1
            /// Takes requests only while no other server can.
            package var isBackup = false
            /// In use at a time, all workers together. Nil: no limit.
            package var connectionsMax: Int?
        }
    }
}
