import COpenSSL
import JOSE

/// Contexts of `EVP_PKEY_sign` and `EVP_PKEY_verify`, which may be used many times with the same parameters.
enum SignatureContext {
    /// - Parameter start: `EVP_PKEY_sign_init` or `EVP_PKEY_verify_init`.
    static func make(
        _ key: AsymmetricKey, _ algorithm: Algorithm, start: (OpaquePointer?) -> Int32
    ) throws(KeyError) -> OpaquePointer {
        ErrorQueue.clear()
        guard let context = EVP_PKEY_CTX_new(key.pointer, nil) else { throw .library(ErrorQueue.drain() ?? "EVP_PKEY_CTX_new") }
        guard let hash = EVP_get_digestbyname(digestName(algorithm)), start(context) == 1,
            EVP_PKEY_CTX_set_signature_md(context, hash) == 1, setPadding(context, algorithm.family, hash)
        else {
            EVP_PKEY_CTX_free(context)
            throw .library(ErrorQueue.drain() ?? "signature parameters")
        }
        return context
    }

    /// PSS with MGF1 over the same hash and a salt as long as the hash (RFC 7518 §3.5): other salts are not accepted.
    private static func setPadding(_ context: OpaquePointer, _ family: Algorithm.Family, _ hash: OpaquePointer) -> Bool {
        switch family {
        case .rsaPKCS1: EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
        case .rsaPSS:
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1
                && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
        case .ecdsa, .edwards, .hmac: true
        }
    }
}
