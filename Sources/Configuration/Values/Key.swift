extension Configuration {
    /// One key, or one file of keys, that tokens are verified with.
    package struct Key: Sendable, Equatable {
        /// The `kid` it answers to, and that it writes when it signs. Nil: it is tried by algorithm alone.
        package var id: String?
        /// Nil only for JWKs and sets of them, where `alg` of each key says it.
        package var algorithm: Algorithm?
        /// Sets only: the algorithms to take from the set; empty takes every one that this program knows.
        package var allowedAlgorithms: [Algorithm]
        package var source: Located<Source>
        /// How the secret is written; only for secrets.
        package var encoding: SecretEncoding
        package var use: Use
        /// Only for a URL, and always for one.
        package var fetching: Fetching?
        /// Of the whole entry, for errors that concern more than its source.
        package var place: Place

        /// Where the key is to be read from. Never the key itself: a secret in this file is refused.
        package enum Source: Sendable, Hashable {
            /// An HMAC secret; one line break at the end of the file is not part of it.
            case secretFile(String)
            /// An HMAC secret in an environment variable.
            case secretEnvironment(String)
            /// PEM: PKCS#8, PKCS#1 or SEC 1.
            case privateKeyFile(String)
            /// PEM: SPKI, PKCS#1, or a certificate.
            case publicKeyFile(String)
            /// One JWK (RFC 7517 §4).
            case jwkFile(String)
            /// A JWK set (RFC 7517 §5); verifies only.
            case jwkSetFile(String)
            /// A JWK set that is fetched while the gateway runs; verifies only.
            case jwkSetURL(WebAddress)
        }

        /// How a set is kept up to date.
        package struct Fetching: Sendable, Equatable {
            /// From one fetch to the next at most; the server may ask for less.
            package var refresh: Duration
            /// From one fetch to the next at least, however many tokens name keys that are not there.
            package var refetch: Duration
            /// How long a set is used that could not be fetched again. At least `refresh`.
            package var maxStale: Duration
            /// PEM: who alone may issue the server's certificate; nil: whom the system trusts.
            package var authoritiesFile: String?
        }

        package enum SecretEncoding: String, Sendable, CaseIterable { case text, base64, base64url, hex }

        package enum Use: String, Sendable, CaseIterable {
            /// Signs successors, and verifies.
            case sign
            case verify
        }
    }

    /// JWS algorithms (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not among them.
    package enum Algorithm: String, Sendable, CaseIterable {
        case HS256, HS384, HS512
        case RS256, RS384, RS512
        case PS256, PS384, PS512
        case ES256, ES384, ES512
        case EdDSA

        /// Whether the key is a shared secret.
        package var isSymmetric: Bool {
            switch self {
            case .HS256, .HS384, .HS512: true
            case .RS256, .RS384, .RS512, .PS256, .PS384, .PS512, .ES256, .ES384, .ES512, .EdDSA: false
            }
        }

        /// Whether two signatures over the same bytes are equal, so that every process mints identical successors.
        package var isDeterministic: Bool {
            switch self {
            case .HS256, .HS384, .HS512, .RS256, .RS384, .RS512, .EdDSA: true
            case .PS256, .PS384, .PS512, .ES256, .ES384, .ES512: false
            }
        }
    }
}
