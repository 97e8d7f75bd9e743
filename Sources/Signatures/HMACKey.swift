import Bytes
import COpenSSL
import JOSE

/// HMAC under one secret: verifies and signs (RFC 7518 §3.2).
///
/// The keyed context is made once and re-initialised for each message, which costs a third of making one.
final class HMACKey: SignatureVerifier, TokenSigner {
    let algorithm: Algorithm
    let keyID: String?
    private let mac: KeyedMAC
    private let derivation: KeyDerivation

    init(_ secret: Secret, algorithm: Algorithm, id: String?) throws(KeyError) {
        self.algorithm = algorithm
        keyID = id
        mac = try KeyedMAC(secret, digest: algorithm.digestName!)
        derivation = try KeyDerivation(secret)
    }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        guard signature.count == algorithm.hashBytes, mac.compute(signingInput) else { return false }
        return signature.withUnsafeBufferPointer {
            CRYPTO_memcmp($0.baseAddress, mac.output, algorithm.hashBytes) == 0
        }
    }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        guard mac.compute(signingInput) else { return nil }
        return Array(UnsafeBufferPointer(start: mac.output, count: algorithm.hashBytes))
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { derivation.derive(label, input) }
}

/// An `EVP_MAC_CTX` with its key set.
final class KeyedMAC {
    private let context: OpaquePointer
    /// The code of the last message; 64 bytes, of which the digest's size is used.
    let output = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)

    init(_ secret: Secret, digest: String) throws(KeyError) {
        guard let mac = EVP_MAC_fetch(nil, "HMAC", nil) else { throw libraryError() }
        defer { EVP_MAC_free(mac) }
        guard let context = EVP_MAC_CTX_new(mac) else { throw libraryError() }
        self.context = context
        var name = Array(digest.utf8CString)
        let isReady = name.withUnsafeMutableBufferPointer { name in
            let parameters = [
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.baseAddress, 0), OSSL_PARAM_construct_end(),
            ]
            return secret.withSpan { key in
                key.withUnsafeBufferPointer { EVP_MAC_init(context, $0.baseAddress, $0.count, parameters) }
            }
        }
        guard isReady == 1 else { throw libraryError() }
    }

    deinit {
        EVP_MAC_CTX_free(context)
        output.deallocate()
    }

    /// Leaves the code of `message` in `output`; false when OpenSSL fails.
    func compute(_ message: Span<UInt8>) -> Bool {
        var length = 0
        return EVP_MAC_init(context, nil, 0, nil) == 1
            && message.withUnsafeBufferPointer({ EVP_MAC_update(context, $0.baseAddress, $0.count) }) == 1
            && EVP_MAC_final(context, output, &length, 64) == 1
    }
}

/// Names that every holder of a signing key derives alike: HMAC-SHA-256 under a secret that is itself derived from the
/// key, so that a name tells nothing of signatures.
final class KeyDerivation {
    private let mac: KeyedMAC

    init(_ secret: Secret) throws(KeyError) {
        let root = try KeyedMAC(secret, digest: "SHA256")
        guard root.compute(Array("slidegate derived names, version 1".utf8).span) else { throw libraryError() }
        mac = try KeyedMAC(Secret(Array(UnsafeBufferPointer(start: root.output, count: 32))), digest: "SHA256")
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> {
        var message = ByteBuffer(capacity: label.utf8CodeUnitCount + 1 + input.count)
        message.append(label)
        message.append(0)  // labels hold no NUL, so no two pairs of label and input run together alike
        message.append(input)
        precondition(message.withSpan { mac.compute($0) }, "HMAC-SHA-256 cannot fail under a key that was accepted")
        return InlineArray { mac.output[$0] }
    }
}
