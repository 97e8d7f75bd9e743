extension Configuration {
    /// Cross-origin access (Fetch standard, CORS protocol).
    package struct CORS: Sendable, Equatable {
        package var origins: Origins
        /// Never together with `.any`.
        package var credentials: Bool
        /// Methods that a preflight is granted.
        package var methods: [String]
        /// Request fields that a preflight is granted.
        package var headers: [String]
        /// Response fields that scripts may read, besides those that the gateway adds itself.
        package var expose: [String]
        /// How long a browser may keep the answer to a preflight.
        package var maxAge: Duration

        package enum Origins: Sendable, Equatable {
            case any
            /// Serialized origins (RFC 6454 §6.2), in lower case, without a default port. Never empty.
            case listed([String])
        }
    }
}
