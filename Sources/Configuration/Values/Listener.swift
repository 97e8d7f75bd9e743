extension Configuration {
    /// One address to accept connections on.
    package struct Listener: Sendable, Equatable {
        /// Port 0 asks the system for a free port.
        package var address: Located<Endpoint>
        /// Whether each connection begins with a PROXY header; those without one are refused.
        package var hasProxyProtocol = false
        /// Permissions of a Unix socket's file.
        package var mode = Defaults.socketMode
        /// Nil: HTTP in clear.
        package var tls: TLS?
        /// Every request is told to come again over HTTPS, at this port.
        package var redirectPort: Int?
        /// Only with `tls`.
        package var strictTransport: StrictTransport?
    }
}
