extension Configuration {
    /// A path where a proxy in front asks whether a request that it has may pass (forward authentication).
    package struct ForwardAuth: Sendable, Equatable {
        /// In normal form, longer than `/`, and without a slash at its end.
        package var path: String
        /// Who asks, and so how it says what request it asks about.
        package var proxy: Proxy
        package var place: Place

        package enum Proxy: String, Sendable, CaseIterable {
            case nginx, caddy, traefik, envoy, haproxy
        }
    }
}
