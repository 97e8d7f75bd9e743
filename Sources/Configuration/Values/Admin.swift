extension Configuration {
    /// The administration listener: metrics and the state of the gateway, for operators.
    package struct Admin: Sendable, Equatable {
        package var address: Located<Endpoint>
        /// What requests must bring as `Authorization: Bearer`. Nil only on loopback.
        package var secret: Located<SecretSource>?
    }
}
