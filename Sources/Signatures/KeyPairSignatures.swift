import Bytes
import COpenSSL
import JOSE

/// RSASSA-PKCS1-v1_5, RSASSA-PSS, ECDSA or Ed25519 verification with one public key.
final class KeyPairVerifier: SignatureVerifier {
    let algorithm: Algorithm
    let keyID: String?
    private let pair: KeyPair
    private let context: OpaquePointer

    init(_ pair: KeyPair, algorithm: Algorithm, id: String?) throws(KeyError) {
        self.pair = pair
        self.algorithm = algorithm
        keyID = id
        guard let context = EVP_MD_CTX_new() else { throw libraryError() }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard algorithm.ecdsaIntegerBytes == nil else {
            guard let der = ECDSASignature.der(fromRaw: signature, algorithm: algorithm) else { return false }
            return verify(der.span, signingInput)
        }
        if algorithm == .EdDSA, signature.count != 64 { return false }
        return verify(signature, signingInput)
    }

    private func verify(_ signature: Span<UInt8>, _ signingInput: Span<UInt8>) -> Bool {
        var parameters: OpaquePointer?
        guard EVP_DigestVerifyInit_ex(context, &parameters, algorithm.digestName, nil, nil, pair.handle, nil) == 1,
            !algorithm.isPSS || setPSS(parameters)
        else { return false }
        return signature.withUnsafeBufferPointer { signature in
            signingInput.withUnsafeBufferPointer { input in
                EVP_DigestVerify(context, signature.baseAddress, signature.count, input.baseAddress, input.count) == 1
            }
        }
    }
}

/// The same for signing with one private key.
final class KeyPairSigner: TokenSigner {
    let algorithm: Algorithm
    let keyID: String?
    private let pair: KeyPair
    private let context: OpaquePointer
    private let derivation: KeyDerivation

    init(_ pair: KeyPair, algorithm: Algorithm, id: String?) throws(KeyError) {
        guard let der = pair.privateDER else { throw .privateKeyMissing }
        self.pair = pair
        self.algorithm = algorithm
        keyID = id
        derivation = try KeyDerivation(Secret(der))
        guard let context = EVP_MD_CTX_new() else { throw libraryError() }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        ERR_clear_error()
        defer { ERR_clear_error() }
        var parameters: OpaquePointer?
        guard EVP_DigestSignInit_ex(context, &parameters, algorithm.digestName, nil, nil, pair.handle, nil) == 1,
            !algorithm.isPSS || setPSS(parameters)
        else { return nil }
        let signature: [UInt8]? = signingInput.withUnsafeBufferPointer { input in
            var length = 0
            guard EVP_DigestSign(context, nil, &length, input.baseAddress, input.count) == 1 else { return nil }
            var signature = [UInt8](repeating: 0, count: length)
            guard EVP_DigestSign(context, &signature, &length, input.baseAddress, input.count) == 1 else { return nil }
            return Array(signature.prefix(length))
        }
        guard algorithm.ecdsaIntegerBytes != nil else { return signature }
        return signature.flatMap { ECDSASignature.raw(fromDER: $0, algorithm: algorithm) }
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { derivation.derive(label, input) }
}

/// RFC 7518 §3.5: MGF1 with the same hash, and a salt as long as it.
private func setPSS(_ parameters: OpaquePointer?) -> Bool {
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1
        && EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
}

/// JWS carries ECDSA signatures as `r || s` (RFC 7518 §3.4), OpenSSL as DER.
enum ECDSASignature {
    static func der(fromRaw raw: Span<UInt8>, algorithm: Algorithm) -> [UInt8]? {
        guard let size = algorithm.ecdsaIntegerBytes, raw.count == 2 * size else { return nil }
        guard let signature = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(signature) }
        let isSet = raw.withUnsafeBufferPointer { raw in
            let r = BN_bin2bn(raw.baseAddress, CInt(size), nil)
            let s = BN_bin2bn(raw.baseAddress! + size, CInt(size), nil)
            if ECDSA_SIG_set0(signature, r, s) == 1 { return true }
            BN_free(r)
            BN_free(s)
            return false
        }
        guard isSet else { return nil }
        let length = i2d_ECDSA_SIG(signature, nil)
        guard length > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            var end: UnsafeMutablePointer<UInt8>? = buffer.baseAddress
            count = Int(max(0, i2d_ECDSA_SIG(signature, &end)))
        }
    }

    static func raw(fromDER der: [UInt8], algorithm: Algorithm) -> [UInt8]? {
        guard let size = algorithm.ecdsaIntegerBytes else { return nil }
        return der.withUnsafeBufferPointer { der in
            var start: UnsafePointer<UInt8>? = der.baseAddress
            guard let signature = d2i_ECDSA_SIG(nil, &start, der.count) else { return nil }
            defer { ECDSA_SIG_free(signature) }
            var raw = [UInt8](repeating: 0, count: 2 * size)
            let isWhole = raw.withUnsafeMutableBufferPointer { raw in
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.baseAddress, CInt(size)) == size
                    && BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.baseAddress! + size, CInt(size)) == size
            }
            return isWhole ? raw : nil
        }
    }
}
