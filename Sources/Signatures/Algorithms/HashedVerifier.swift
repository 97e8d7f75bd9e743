import COpenSSL
import JOSE

/// RS*, PS* and ES* (RFC 7518 §3.3–3.5): the message is hashed here, and the hash verified in a context that is made once.
final class HashedVerifier: SignatureVerifier {
    let algorithm: Algorithm
    let keyID: String?
    private let digest: Digest
    private let context: OpaquePointer
    /// Exact length of a signature in its JOSE form.
    private let signatureBytes: Int
    private var hash = [UInt8](repeating: 0, count: 64)

    init(_ key: AsymmetricKey, algorithm: Algorithm, keyID: String?) throws(KeyError) {
        self.algorithm = algorithm
        self.keyID = keyID
        digest = try Digest(digestName(algorithm))
        signatureBytes = algorithm.signatureBytes ?? key.sizeBytes
        context = try SignatureContext.make(key, algorithm, start: EVP_PKEY_verify_init)
    }

    deinit { EVP_PKEY_CTX_free(context) }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        guard signature.count == signatureBytes else { return false }
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard hash.withUnsafeMutableBufferPointer({ digest.digest(signingInput, into: $0.baseAddress!) }) else { return false }
        guard algorithm.family == .ecdsa else {
            return signature.withUnsafeBufferPointer { verify($0) }
        }
        guard let encoded = ECDSASignature.der(fromConcatenation: signature) else { return false }
        return encoded.withUnsafeBufferPointer { verify($0) }
    }

    private func verify(_ signature: UnsafeBufferPointer<UInt8>) -> Bool {
        EVP_PKEY_verify(context, signature.baseAddress, signature.count, hash, digest.byteCount) == 1
    }
}
