extension Configuration {
    /// The administration listener: metrics and the state of the gateway, for operators.
    package struct Admin: Sendable, Equatable {
        package var address: Located<Endpoint>
        /// What requests must bring as `Authorization: Bearer`. Nil only on loopback.
        package var secret: Located<SecretSource>?

        /// Where the secret is to be read from. Never the secret itself.
        package enum SecretSource: Sendable, Hashable {
            /// One line break at its end is not part of it.
            case file(String)
            case environment(String)
        }
    }
}
