import Bytes
import COpenSSL
import JOSE

/// An OpenSSL key, public or private.
///
/// `@unchecked Sendable`: the `EVP_PKEY` is never changed after it is loaded, and OpenSSL counts references to it
/// atomically.
final class KeyPair: @unchecked Sendable {
    let handle: OpaquePointer
    let isPrivate: Bool

    /// Takes ownership of `handle`.
    init(owning handle: OpaquePointer, isPrivate: Bool) {
        self.handle = handle
        self.isPrivate = isPrivate
    }

    deinit { EVP_PKEY_free(handle) }

    convenience init(pem: [UInt8]) throws(KeyError) {
        let text = String(decoding: pem, as: UTF8.self)
        if text.contains("ENCRYPTED") { throw .encryptedPEM }
        let isPrivate = text.contains("PRIVATE KEY-----")
        ERR_clear_error()
        guard let bio = BIO_new_mem_buf(pem, CInt(clamping: pem.count)) else { throw libraryError() }
        defer { BIO_free(bio) }
        if text.contains("-----BEGIN CERTIFICATE-----") {
            guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else {
                ERR_clear_error()
                throw .notPEM
            }
            defer { X509_free(certificate) }
            guard let handle = X509_get_pubkey(certificate) else { throw libraryError() }
            self.init(owning: handle, isPrivate: false)
            return
        }
        var handle: OpaquePointer?
        let selection = isPrivate ? shim_EVP_PKEY_KEYPAIR() : shim_EVP_PKEY_PUBLIC_KEY()
        guard
            let decoder = OSSL_DECODER_CTX_new_for_pkey(
                &handle, "PEM", nil, nil, selection, nil, nil)
        else { throw libraryError() }
        defer { OSSL_DECODER_CTX_free(decoder) }
        guard OSSL_DECODER_from_bio(decoder, bio) == 1, let handle else {
            ERR_clear_error()
            throw .notPEM
        }
        self.init(owning: handle, isPrivate: isPrivate)
    }

    /// Whether the key is of the kind that `algorithm` is defined for, and strong enough.
    func check(_ algorithm: Algorithm) throws(KeyError) {
        switch algorithm {
        case .RS256, .RS384, .RS512, .PS256, .PS384, .PS512:
            try expect("RSA", for: algorithm)
            let bits = Int(EVP_PKEY_get_bits(handle))
            guard bits >= 2048 else { throw .modulusTooSmall(bits: bits) }
        case .ES256: try expectCurve("prime256v1", "P-256")
        case .ES384: try expectCurve("secp384r1", "P-384")
        case .ES512: try expectCurve("secp521r1", "P-521")
        case .EdDSA: try expect("ED25519", for: algorithm)
        case .HS256, .HS384, .HS512: throw .algorithmNeedsSecret(algorithm)
        }
    }

    private func expect(_ type: String, for algorithm: Algorithm) throws(KeyError) {
        guard EVP_PKEY_is_a(handle, type) == 1 else {
            throw .wrongKeyType(found: typeName, expected: "\(type) for \(algorithm.rawValue)")
        }
    }

    private func expectCurve(_ group: String, _ name: String) throws(KeyError) {
        guard EVP_PKEY_is_a(handle, "EC") == 1 else {
            throw .wrongKeyType(found: typeName, expected: "an EC key on \(name)")
        }
        guard curve == group else { throw .wrongKeyType(found: "an EC key on \(curve)", expected: "one on \(name)") }
    }

    var typeName: String { EVP_PKEY_get0_type_name(handle).map { String(cString: $0) } ?? "of an unknown type" }

    /// OpenSSL's name of an EC key's group.
    var curve: String {
        var name = [CChar](repeating: 0, count: 80)
        var length = 0
        guard EVP_PKEY_get_group_name(handle, &name, name.count, &length) == 1 else { return "an unknown curve" }
        return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The private key in DER: what names derived from it are keyed by.
    var privateDER: [UInt8]? {
        guard isPrivate else { return nil }
        let length = i2d_PrivateKey(handle, nil)
        guard length > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
            var end: UnsafeMutablePointer<UInt8>? = buffer.baseAddress
            count = Int(max(0, i2d_PrivateKey(handle, &end)))
        }
    }
}

extension Algorithm {
    /// The digest, as OpenSSL names it; nil for EdDSA, which has its own.
    var digestName: String? {
        switch self {
        case .HS256, .RS256, .PS256, .ES256: "SHA256"
        case .HS384, .RS384, .PS384, .ES384: "SHA384"
        case .HS512, .RS512, .PS512, .ES512: "SHA512"
        case .EdDSA: nil
        }
    }

    var isPSS: Bool {
        switch self {
        case .PS256, .PS384, .PS512: true
        default: false
        }
    }

    /// Bytes of each of `r` and `s` in an ECDSA signature (RFC 7518 §3.4); nil for other algorithms.
    var ecdsaIntegerBytes: Int? {
        switch self {
        case .ES256: 32
        case .ES384: 48
        case .ES512: 66
        default: nil
        }
    }
}
