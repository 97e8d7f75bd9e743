/// Cross-origin access (Fetch standard, "CORS protocol"), answered by the gateway in the upstream's place.
package struct CORSPolicy: Sendable, Equatable {
    package enum Origins: Sendable, Equatable {
        /// Anyone may read; never together with `credentials`.
        case any
        /// Serialized origins (RFC 6454 §6.2) in lower case; compared byte for byte. `null` never matches: every
        /// sandboxed document has it.
        case listed([String])
    }

    package var origins: Origins
    package var credentials: Bool
    /// Granted to preflights.
    package var methods: [String]
    /// Request fields granted to preflights. Empty: those that the preflight asks for.
    package var headers: [String]
    /// Response fields that scripts may read, besides those that the gateway adds itself.
    package var exposed: [String]
    /// How long a browser may keep the answer to a preflight.
    package var maxAgeSeconds: Int

    package init(
        origins: Origins, credentials: Bool = false,
        methods: [String] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], headers: [String] = [],
        exposed: [String] = [], maxAgeSeconds: Int = 600
    ) {
        self.origins = origins
        self.credentials = credentials
        self.methods = methods
        self.headers = headers
        self.exposed = exposed
        self.maxAgeSeconds = maxAgeSeconds
    }
}
