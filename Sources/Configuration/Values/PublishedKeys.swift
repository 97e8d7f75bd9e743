extension Configuration {
    /// Where the gateway serves its own public keys.
    package struct PublishedKeys: Sendable, Equatable {
        /// In normal form.
        package var path: String
        /// How long others may keep them.
        package var maxAge: Duration
    }
}
