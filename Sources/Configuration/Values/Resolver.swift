extension Configuration {
    /// How the host names of upstreams are resolved.
    package struct Resolver: Sendable, Equatable {
        /// Name servers, IP addresses all; empty: those of `/etc/resolv.conf`.
        package var servers: [Endpoint]
        /// Answers hold at least and at most so long.
        package var ttlMin: Duration
        package var ttlMax: Duration
        /// For a whole lookup.
        package var timeout: Duration
    }
}
