package import JOSE

/// Why a key cannot be used, with what was expected. Never holds a byte of a secret.
package enum KeyError: Error, Equatable, Sendable {
    case empty
    /// An HMAC secret shorter than the hash (RFC 7518 §3.2).
    case secretTooShort(Algorithm, bytes: Int, expectedAtLeast: Int)
    case algorithmNeedsSecret(Algorithm)
    /// HMAC with a text that is a PEM key: the public half would become the secret.
    case secretIsPEM
    case algorithmNeedsAsymmetricKey(Algorithm)
    /// No PEM block, or none with a key.
    case noPEMBlock
    case encryptedPEM
    case unsupportedPEM(label: String)
    case severalPrivateKeys
    /// The bytes inside the armour are not what the label says.
    case malformedKey(label: String, detail: String)
    case wrongKeyType(Algorithm, found: String, expected: String)
    case rsaTooShort(bits: Int)
    case rsaTooLong(bits: Int)
    case wrongCurve(Algorithm, found: String, expected: String)
    /// The numbers of the key do not belong together, or not to the curve.
    case inconsistentKey(detail: String)
    case privateKeyNeeded
    // JWK (RFC 7517)
    case notJSON(JSONError)
    case missingMember(String)
    case wrongMember(String, expected: String)
    case unsupportedKeyType(String)
    /// A JWK that names no algorithm, where its type allows several and the configuration names none.
    case algorithmMissing(expected: String)
    case algorithmMismatch(found: String, expected: String)
    /// A shared secret, or a private key, in a set that is there for everyone.
    case publishedSecret
    /// A JWK set without one usable key.
    case noUsableKey(skipped: Int)
    /// OpenSSL failed where it should not.
    case library(String)
}

extension KeyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty: "the key is empty"
        case .secretTooShort(let algorithm, let bytes, let least):
            "the secret has \(bytes) bytes; \(algorithm.rawValue) needs at least \(least) (RFC 7518 section 3.2)"
        case .algorithmNeedsSecret(let algorithm):
            "\(algorithm.rawValue) needs a shared secret, and this is an asymmetric key"
        case .secretIsPEM: "the secret is a PEM text; an HMAC secret must be random bytes, never a key file"
        case .algorithmNeedsAsymmetricKey(let algorithm):
            "\(algorithm.rawValue) needs a key pair, and this is a shared secret"
        case .noPEMBlock:
            "no PEM key found; expected BEGIN PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE"
        case .encryptedPEM: "the private key is encrypted; expected an unencrypted one (openssl pkey -in … -out …)"
        case .unsupportedPEM(let label):
            "a PEM block \"\(label)\" is not supported; expected PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE"
        case .severalPrivateKeys: "more than one private key in one file; expected one"
        case .malformedKey(let label, let detail): "the \(label) cannot be read (\(detail))"
        case .wrongKeyType(let algorithm, let found, let expected):
            "\(algorithm.rawValue) needs \(expected), and this is \(found)"
        case .rsaTooShort(let bits): "the RSA key has \(bits) bits; expected at least 2048 (RFC 7518 section 3.3)"
        case .rsaTooLong(let bits): "the RSA key has \(bits) bits; expected at most 16384"
        case .wrongCurve(let algorithm, let found, let expected):
            "\(algorithm.rawValue) needs the curve \(expected), and the key is on \(found)"
        case .inconsistentKey(let detail): "the key is not valid (\(detail))"
        case .privateKeyNeeded: "a public key cannot sign; expected a private key"
        case .notJSON(let error): "not a JWK: \(error.description)"
        case .missingMember(let name): "the JWK has no \"\(name)\""
        case .wrongMember(let name, let expected): "\"\(name)\" of the JWK: expected \(expected)"
        case .unsupportedKeyType(let type): "the JWK has kty \"\(type)\"; expected oct, RSA, EC or OKP"
        case .algorithmMissing(let expected): "no algorithm is named for the key; expected one of \(expected)"
        case .algorithmMismatch(let found, let expected): "the JWK is for \"\(found)\"; expected \(expected)"
        case .publishedSecret: "a secret or private key that is published is none any more"
        case .noUsableKey(let skipped): "the JWK set has no usable key (\(skipped) skipped)"
        case .library(let detail): "OpenSSL: \(detail)"
        }
    }
}
