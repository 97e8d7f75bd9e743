import COpenSSL
import JOSE

// Ed25519 hashes the message itself, so it has only the one-shot calls. A context that has finished may not be used
// again in every OpenSSL 3, and starting it anew costs about a hundredth of the signature.

/// EdDSA with Ed25519 (RFC 8037 §3.1).
final class EdDSAVerifier: SignatureVerifier {
    let keyID: String?
    private let key: AsymmetricKey
    private let context: OpaquePointer

    var algorithm: Algorithm { .EdDSA }

    init(_ key: AsymmetricKey, keyID: String?) throws(KeyError) {
        guard let context = EVP_MD_CTX_new() else { throw .library("EVP_MD_CTX_new") }
        self.key = key
        self.keyID = keyID
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        guard signature.count == 64 else { return false }
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard EVP_MD_CTX_reset(context) == 1, EVP_DigestVerifyInit(context, nil, nil, nil, key.pointer) == 1 else { return false }
        return signature.withUnsafeBufferPointer { signature in
            signingInput.withUnsafeBufferPointer { message in
                EVP_DigestVerify(context, signature.baseAddress, signature.count, message.baseAddress, message.count) == 1
            }
        }
    }
}

final class EdDSASigner: TokenSigner {
    let keyID: String?
    private let key: AsymmetricKey
    private let context: OpaquePointer
    private let derivation: Derivation

    var algorithm: Algorithm { .EdDSA }

    init(_ key: AsymmetricKey, keyID: String?) throws(KeyError) {
        derivation = try Derivation(from: key.privateNumber())
        guard let context = EVP_MD_CTX_new() else { throw .library("EVP_MD_CTX_new") }
        self.key = key
        self.keyID = keyID
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard EVP_MD_CTX_reset(context) == 1, EVP_DigestSignInit(context, nil, nil, nil, key.pointer) == 1 else { return nil }
        var signature = [UInt8](repeating: 0, count: 64)
        var length = signature.count
        let isDone = signingInput.withUnsafeBufferPointer { message in
            EVP_DigestSign(context, &signature, &length, message.baseAddress, message.count) == 1
        }
        return isDone && length == 64 ? signature : nil
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { derivation.derive(label, input) }
}
