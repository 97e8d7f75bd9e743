import COpenSSL
import JOSE

/// HS256, HS384 and HS512 (RFC 7518 §3.2): signs and verifies.
final class HMACKey: SignatureVerifier, TokenSigner {
    let algorithm: Algorithm
    let keyID: String?
    private let hash: KeyedHash
    private let derivation: Derivation

    init(_ secret: Secret, algorithm: Algorithm, keyID: String?) throws(KeyError) {
        self.algorithm = algorithm
        self.keyID = keyID
        hash = try KeyedHash(digestName(algorithm), key: secret)
        derivation = try Derivation(from: secret)
    }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        guard signature.count == hash.byteCount, hash.compute(signingInput) else { return false }
        return signature.withUnsafeBufferPointer { CRYPTO_memcmp($0.baseAddress, hash.output, $0.count) == 0 }
    }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        guard hash.compute(signingInput) else { return nil }
        return Array(UnsafeBufferPointer(start: hash.output, count: hash.byteCount))
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { derivation.derive(label, input) }
}

/// OpenSSL's name for the hash of `algorithm`.
func digestName(_ algorithm: Algorithm) -> String {
    switch algorithm.hashBytes {
    case 32: "SHA256"
    case 48: "SHA384"
    default: "SHA512"
    }
}
