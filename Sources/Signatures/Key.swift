import Bytes
import COpenSSL
package import JOSE

/// Why a key cannot be used. Says what was found and what was expected, and never holds a byte of the key.
package enum KeyError: Error, Equatable, Sendable {
    case secretTooShort(bytes: Int, minimum: Int, algorithm: Algorithm)
    case notPEM
    case encryptedPEM
    case wrongKeyType(found: String, expected: String)
    case modulusTooSmall(bits: Int)
    case privateKeyMissing
    case algorithmNeedsSecret(Algorithm)
    case algorithmNeedsKeyPair(Algorithm)
    case jwkMalformed(String)
    case noUsableKey
    case library(String)
}

extension KeyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .secretTooShort(let bytes, let minimum, let algorithm):
            "the secret has \(bytes) bytes; \(algorithm.rawValue) needs at least \(minimum) (RFC 7518 §3.2)"
        case .notPEM: "not a PEM key; expected PKCS#8, PKCS#1, SEC 1, SPKI or a certificate"
        case .encryptedPEM: "the PEM key is encrypted; expected an unencrypted one, protected by file permissions"
        case .wrongKeyType(let found, let expected): "the key is \(found); expected \(expected)"
        case .modulusTooSmall(let bits): "the RSA key has \(bits) bits; expected at least 2048 (RFC 7518 §3.3)"
        case .privateKeyMissing: "the key has no private part; expected a private key to sign with"
        case .algorithmNeedsSecret(let algorithm): "\(algorithm.rawValue) is keyed by a secret; expected secret_file or secret_env"
        case .algorithmNeedsKeyPair(let algorithm): "\(algorithm.rawValue) needs a key pair, not a secret"
        case .jwkMalformed(let what): "malformed JWK: \(what)"
        case .noUsableKey: "no key in it can be used"
        case .library(let reason): "OpenSSL: \(reason)"
        }
    }
}

/// A key for one algorithm, loaded once; each worker makes its own verifier and signer from it.
///
/// The algorithm belongs to the key: what a token's header says only chooses among keys (RFC 8725 §3.1).
package final class Key: Sendable {
    enum Material: Sendable {
        case secret(Secret)
        case pair(KeyPair)
    }

    package let algorithm: Algorithm
    package let id: String?
    let material: Material

    init(_ material: Material, algorithm: Algorithm, id: String?) {
        self.material = material
        self.algorithm = algorithm
        self.id = id
    }

    /// An HMAC key.
    /// - Throws: `secretTooShort` below the hash's size; `algorithmNeedsKeyPair`.
    package convenience init(secret bytes: [UInt8], algorithm: Algorithm, id: String? = nil) throws(KeyError) {
        guard algorithm.isSymmetric else { throw .algorithmNeedsKeyPair(algorithm) }
        guard bytes.count >= algorithm.hashBytes else {
            throw .secretTooShort(bytes: bytes.count, minimum: algorithm.hashBytes, algorithm: algorithm)
        }
        self.init(.secret(Secret(bytes)), algorithm: algorithm, id: id)
    }

    /// A public or private key in PEM: PKCS#8, PKCS#1, SEC 1, SPKI or an X.509 certificate.
    package convenience init(pem: [UInt8], algorithm: Algorithm, id: String? = nil) throws(KeyError) {
        guard !algorithm.isSymmetric else { throw .algorithmNeedsSecret(algorithm) }
        let pair = try KeyPair(pem: pem)
        try pair.check(algorithm)
        self.init(.pair(pair), algorithm: algorithm, id: id)
    }

    package var isPrivate: Bool {
        switch material {
        case .secret: true
        case .pair(let pair): pair.isPrivate
        }
    }

    /// A verifier with contexts of its own, for one thread.
    package func makeVerifier() throws(KeyError) -> any SignatureVerifier {
        switch material {
        case .secret(let secret): try HMACKey(secret, algorithm: algorithm, id: id)
        case .pair(let pair): try KeyPairVerifier(pair, algorithm: algorithm, id: id)
        }
    }

    /// A signer with contexts of its own, for one thread.
    /// - Throws: `privateKeyMissing`.
    package func makeSigner() throws(KeyError) -> any TokenSigner {
        switch material {
        case .secret(let secret): return try HMACKey(secret, algorithm: algorithm, id: id)
        case .pair(let pair):
            guard pair.isPrivate else { throw .privateKeyMissing }
            return try KeyPairSigner(pair, algorithm: algorithm, id: id)
        }
    }
}

/// Bytes that must not be printed: no description shows them.
package final class Secret: Sendable, CustomStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var count: Int { bytes.count }
    package func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        let bytes = bytes
        return body(bytes.span)
    }
    package var description: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Drains OpenSSL's queue of this thread into one sentence.
func libraryError() -> KeyError {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return .library("unknown error") }
    return .library(String(cString: reason))
}
