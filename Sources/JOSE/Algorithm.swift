/// The JWS algorithms of this program (RFC 7518 §3.1, RFC 8037 §3.1). The raw value is the `alg` parameter.
///
/// `none` is not among them, so that no code path can accept it.
package enum Algorithm: String, CaseIterable, Sendable {
    case HS256, HS384, HS512
    case RS256, RS384, RS512
    case PS256, PS384, PS512
    case ES256, ES384, ES512
    /// With Ed25519 only.
    case EdDSA

    package enum Family: Sendable, Equatable { case hmac, rsaPKCS1, rsaPSS, ecdsa, edwards }

    package var family: Family {
        switch self {
        case .HS256, .HS384, .HS512: .hmac
        case .RS256, .RS384, .RS512: .rsaPKCS1
        case .PS256, .PS384, .PS512: .rsaPSS
        case .ES256, .ES384, .ES512: .ecdsa
        case .EdDSA: .edwards
        }
    }

    /// Of the hash that the algorithm names; of SHA-512, which it uses inside, for EdDSA.
    package var hashBytes: Int {
        switch self {
        case .HS256, .RS256, .PS256, .ES256: 32
        case .HS384, .RS384, .PS384, .ES384: 48
        case .HS512, .RS512, .PS512, .ES512, .EdDSA: 64
        }
    }

    /// Whether signer and verifier share one secret.
    package var isSymmetric: Bool { family == .hmac }

    /// Whether two signatures over the same bytes are equal, so that all processes with the key mint the same token.
    ///
    /// PSS salts are random. ECDSA nonces are too, until OpenSSL 3.2 can derive them (RFC 6979).
    package var isDeterministic: Bool {
        switch family {
        case .hmac, .rsaPKCS1, .edwards: true
        case .rsaPSS, .ecdsa: false
        }
    }

    /// The length of a signature in bytes where the algorithm fixes it; nil for RSA, where it is that of the modulus.
    package var signatureBytes: Int? {
        switch self {
        case .HS256: 32
        case .HS384: 48
        case .HS512: 64
        case .ES256: 64
        case .ES384: 96
        case .ES512: 132
        case .EdDSA: 64
        case .RS256, .RS384, .RS512, .PS256, .PS384, .PS512: nil
        }
    }
}
