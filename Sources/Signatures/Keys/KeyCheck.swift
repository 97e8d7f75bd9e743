import COpenSSL
import JOSE

/// Which asymmetric keys an algorithm accepts (RFC 7518 §3.3–3.5, RFC 8037 §3.1).
enum KeyCheck {
    static let rsaBitsMin = 2048
    /// What OpenSSL itself still computes with; a longer modulus is a way to keep the processor busy.
    static let rsaBitsMax = 16384

    static func check(_ key: AsymmetricKey, for algorithm: Algorithm) throws(KeyError) {
        switch algorithm.family {
        case .hmac: throw .algorithmNeedsSecret(algorithm)
        case .rsaPKCS1, .rsaPSS: try checkRSA(key, algorithm)
        case .ecdsa: try checkCurve(key, algorithm)
        case .edwards:
            guard key.isA("ED25519") else { throw .wrongKeyType(algorithm, found: typeName(key), expected: "an Ed25519 key") }
        }
    }

    private static func checkRSA(_ key: AsymmetricKey, _ algorithm: Algorithm) throws(KeyError) {
        // A key of type RSA-PSS may not be used for PKCS #1 v1.5 (RFC 4055 §1.2).
        guard key.isA("RSA") || (algorithm.family == .rsaPSS && key.isA("RSA-PSS")) else {
            throw .wrongKeyType(algorithm, found: typeName(key), expected: "an RSA key")
        }
        guard key.bits >= rsaBitsMin else { throw .rsaTooShort(bits: key.bits) }
        guard key.bits <= rsaBitsMax else { throw .rsaTooLong(bits: key.bits) }
        try checkPublic(key)
    }

    private static func checkCurve(_ key: AsymmetricKey, _ algorithm: Algorithm) throws(KeyError) {
        guard let expected = Curve(algorithm) else { throw .algorithmNeedsSecret(algorithm) }
        guard key.isA("EC") else {
            throw .wrongKeyType(algorithm, found: typeName(key), expected: "an EC key on \(expected.rawValue)")
        }
        guard let name = key.curveName else {
            throw .wrongCurve(algorithm, found: "a curve without a name", expected: expected.rawValue)
        }
        guard name == expected.openSSLName else {
            throw .wrongCurve(algorithm, found: name, expected: expected.rawValue)
        }
        try checkPublic(key)
    }

    /// For RSA an odd exponent above 1 and a modulus that is no prime; for EC a point on the curve, of its order.
    private static func checkPublic(_ key: AsymmetricKey) throws(KeyError) {
        ErrorQueue.clear()
        let context = EVP_PKEY_CTX_new(key.pointer, nil)
        defer { EVP_PKEY_CTX_free(context) }
        guard let context, EVP_PKEY_public_check(context) == 1 else {
            throw .inconsistentKey(detail: ErrorQueue.drain() ?? "public key check")
        }
    }

    private static func typeName(_ key: AsymmetricKey) -> String {
        switch true {
        case key.isA("RSA"): "an RSA key"
        case key.isA("RSA-PSS"): "an RSA-PSS key"
        case key.isA("EC"): "an EC key"
        case key.isA("ED25519"): "an Ed25519 key"
        case key.isA("ED448"): "an Ed448 key"
        default: "a key of another type"
        }
    }
}

/// The curves of ECDSA in JOSE (RFC 7518 §6.2.1.1). The raw value is the `crv` parameter.
enum Curve: String, CaseIterable, Sendable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    init?(_ algorithm: Algorithm) {
        switch algorithm {
        case .ES256: self = .p256
        case .ES384: self = .p384
        case .ES512: self = .p521
        default: return nil
        }
    }

    var algorithm: Algorithm {
        switch self {
        case .p256: .ES256
        case .p384: .ES384
        case .p521: .ES512
        }
    }

    var openSSLName: String {
        switch self {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }

    /// Of a coordinate, and of each half of a signature.
    var coordinateBytes: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}
