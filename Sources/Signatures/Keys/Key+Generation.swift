import COpenSSL
package import JOSE

extension Key {
    /// A new key for `algorithm`, from OpenSSL's random numbers.
    ///
    /// - Parameter rsaBits: of the modulus, at least 2048; more is slower to sign with and only then to verify.
    package static func generate(_ algorithm: Algorithm, id: String? = nil, rsaBits: Int = 2048) throws(KeyError) -> Key {
        switch algorithm.family {
        case .hmac:
            var bytes = [UInt8](repeating: 0, count: algorithm.hashBytes)
            defer { OPENSSL_cleanse(&bytes, bytes.count) }
            ErrorQueue.clear()
            guard RAND_priv_bytes(&bytes, Int32(bytes.count)) == 1 else { throw .library(ErrorQueue.drain() ?? "RAND_priv_bytes") }
            return try Key(secret: bytes, algorithm: algorithm, id: id)
        case .rsaPKCS1, .rsaPSS:
            guard rsaBits >= KeyCheck.rsaBitsMin else { throw .rsaTooShort(bits: rsaBits) }
            guard rsaBits <= KeyCheck.rsaBitsMax else { throw .rsaTooLong(bits: rsaBits) }
            let pair = try generatePair("RSA") { EVP_PKEY_CTX_set_rsa_keygen_bits($0, Int32(rsaBits)) == 1 }
            return try Key(pair, algorithm: algorithm, id: id)
        case .ecdsa:
            guard let curve = Curve(algorithm) else { throw .algorithmNeedsSecret(algorithm) }
            let pair = try generatePair("EC") { EVP_PKEY_CTX_set_group_name($0, curve.openSSLName) == 1 }
            return try Key(pair, algorithm: algorithm, id: id)
        case .edwards: return try Key(generatePair("ED25519") { _ in true }, algorithm: algorithm, id: id)
        }
    }

    private static func generatePair(
        _ type: String, _ configure: (OpaquePointer) -> Bool
    ) throws(KeyError) -> AsymmetricKey {
        ErrorQueue.clear()
        let context = EVP_PKEY_CTX_new_from_name(nil, type, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard let context, EVP_PKEY_keygen_init(context) == 1, configure(context), EVP_PKEY_generate(context, &key) == 1, let key
        else { throw .library(ErrorQueue.drain() ?? "EVP_PKEY_generate") }
        return AsymmetricKey(owning: key, isPrivate: true)
    }
}
