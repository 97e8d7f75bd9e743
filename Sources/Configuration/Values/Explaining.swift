package import ProxyProtocol

extension Configuration {
    /// Who may ask, with a field of a request, why it was decided as it was.
    package struct Explaining: Sendable, Equatable {
        /// Never empty.
        package var networks: TrustedPeers
        /// The field that asks, and the one that tells.
        package var header: String
        package var place: Place
    }
}
