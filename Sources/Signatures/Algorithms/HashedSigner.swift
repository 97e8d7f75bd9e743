import COpenSSL
import JOSE

/// RS*, PS* and ES* (RFC 7518 §3.3–3.5): the message is hashed here, and the hash signed in a context that is made once.
final class HashedSigner: TokenSigner {
    let algorithm: Algorithm
    let keyID: String?
    private let digest: Digest
    private let context: OpaquePointer
    private let derivation: Derivation
    /// Of what OpenSSL writes: for ECDSA the longest DER form.
    private let outputBytesMax: Int
    private var hash = [UInt8](repeating: 0, count: 64)

    init(_ key: AsymmetricKey, algorithm: Algorithm, keyID: String?) throws(KeyError) {
        self.algorithm = algorithm
        self.keyID = keyID
        digest = try Digest(digestName(algorithm))
        derivation = try Derivation(from: key.privateNumber())
        outputBytesMax = key.sizeBytes
        context = try SignatureContext.make(key, algorithm, start: EVP_PKEY_sign_init)
    }

    deinit { EVP_PKEY_CTX_free(context) }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard hash.withUnsafeMutableBufferPointer({ digest.digest(signingInput, into: $0.baseAddress!) }) else { return nil }
        var signature = [UInt8](repeating: 0, count: outputBytesMax)
        var length = signature.count
        guard EVP_PKEY_sign(context, &signature, &length, hash, digest.byteCount) == 1, length <= signature.count else {
            return nil
        }
        signature.removeSubrange(length...)
        guard let curve = Curve(algorithm) else { return signature }
        return ECDSASignature.concatenation(fromDER: signature, coordinateBytes: curve.coordinateBytes)
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { derivation.derive(label, input) }
}

extension AsymmetricKey {
    /// What identifies the private key whatever file it came from: `d` of RSA and EC, the seed of Ed25519.
    func privateNumber() throws(KeyError) -> Secret {
        guard let bytes = isA("ED25519") ? rawBytes(isPrivate: true) : number(isA("EC") ? OSSL_PKEY_PARAM_PRIV_KEY : OSSL_PKEY_PARAM_RSA_D)
        else { throw .privateKeyNeeded }
        return Secret(copying: bytes.span)
    }
}
