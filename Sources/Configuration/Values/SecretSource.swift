extension Configuration {
    /// Where a secret is to be read from. Never the secret itself.
    package enum SecretSource: Sendable, Hashable {
        /// One line break at its end is not part of it.
        case file(String)
        case environment(String)
    }
}
