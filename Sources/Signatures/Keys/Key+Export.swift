import Bytes
import COpenSSL
import JOSE

extension Key {
    /// The public half as a JWK, with `alg`, `use` and `kid` (the thumbprint, where the key has none); nil for a secret.
    package func publicJWK() -> String? {
        guard let members = publicMembers(), let kid = id ?? thumbprint() else { return nil }
        return Self.json(members + [("kid", kid), ("use", "sig"), ("alg", algorithm.rawValue)])
    }

    /// The whole key as a JWK. Secret.
    package func privateJWK() -> String? {
        let names = [("use", "sig"), ("alg", algorithm.rawValue)]
        switch material {
        case .secret(let secret):
            let text = secret.withSpan { Base64URL.string($0) }
            return Self.json([("kty", "oct"), ("k", text)] + (id.map { [("kid", $0)] } ?? []) + names)
        case .asymmetric(let key):
            guard let members = publicMembers(), let hidden = privateMembers(key), let kid = id ?? thumbprint() else { return nil }
            return Self.json(members + hidden + [("kid", kid)] + names)
        }
    }

    /// Public keys as a JWK set; secrets are left out.
    package static func publicJWKSet(_ keys: [Key]) -> String {
        #"{"keys":["# + keys.compactMap { $0.publicJWK() }.joined(separator: ",") + "]}"
    }

    /// SHA-256 over the required members (RFC 7638), in base64url; nil for a secret, of which it would be a trace.
    package func thumbprint() -> String? {
        guard let members = publicMembers(), let hasher = try? SHA256Hasher() else { return nil }
        let text = Array(Self.json(members.sorted { $0.0 < $1.0 }).utf8)
        let hash = hasher.sha256(text.span)
        return Base64URL.string(hash.span)
    }

    /// The private key as PKCS #8 in PEM, unencrypted; nil for a secret or a public key.
    package func privatePEM() -> String? {
        guard case .asymmetric(let key) = material, key.isPrivate else { return nil }
        return Self.text { PEM_write_bio_PKCS8PrivateKey($0, key.pointer, nil, nil, 0, nil, nil) == 1 }
    }

    /// The public key as SPKI in PEM; nil for a secret.
    package func publicPEM() -> String? {
        guard case .asymmetric(let key) = material else { return nil }
        return Self.text { PEM_write_bio_PUBKEY($0, key.pointer) == 1 }
    }

    /// The secret in base64url; nil for a key pair.
    package func secretText() -> String? {
        guard case .secret(let secret) = material else { return nil }
        return secret.withSpan { Base64URL.string($0) }
    }
}

extension Key {
    /// The members that make the key what it is (RFC 7638 §3.2); nil for a secret.
    private func publicMembers() -> [(String, String)]? {
        guard case .asymmetric(let key) = material else { return nil }
        if key.isA("ED25519") {
            guard let x = key.rawBytes(isPrivate: false) else { return nil }
            return [("kty", "OKP"), ("crv", "Ed25519"), ("x", Base64URL.string(x.span))]
        }
        if let curve = Curve(algorithm) {
            guard let x = key.number(OSSL_PKEY_PARAM_EC_PUB_X, width: curve.coordinateBytes),
                let y = key.number(OSSL_PKEY_PARAM_EC_PUB_Y, width: curve.coordinateBytes)
            else { return nil }
            return [
                ("kty", "EC"), ("crv", curve.rawValue), ("x", Base64URL.string(x.span)), ("y", Base64URL.string(y.span)),
            ]
        }
        guard let n = key.number(OSSL_PKEY_PARAM_RSA_N), let e = key.number(OSSL_PKEY_PARAM_RSA_E) else { return nil }
        return [("kty", "RSA"), ("n", Base64URL.string(n.span)), ("e", Base64URL.string(e.span))]
    }

    private func privateMembers(_ key: AsymmetricKey) -> [(String, String)]? {
        guard key.isPrivate else { return nil }
        if key.isA("ED25519") {
            return key.rawBytes(isPrivate: true).map { [("d", Base64URL.string($0.span))] }
        }
        if let curve = Curve(algorithm) {
            let d = key.number(OSSL_PKEY_PARAM_PRIV_KEY, width: curve.coordinateBytes)
            return d.map { [("d", Base64URL.string($0.span))] }
        }
        let names = [
            ("d", OSSL_PKEY_PARAM_RSA_D), ("p", RSAParameter.p), ("q", RSAParameter.q),
            ("dp", RSAParameter.dp), ("dq", RSAParameter.dq),
            ("qi", RSAParameter.qi),
        ]
        let members = names.compactMap { name, parameter in key.number(parameter).map { (name, Base64URL.string($0.span)) } }
        // A key that was given without its primes has only `d`.
        return members.count == names.count ? members : members.filter { $0.0 == "d" }
    }

    /// An object of strings, without white space, as a thumbprint is made over.
    private static func json(_ members: [(String, String)]) -> String {
        let texts = members.map { String(decoding: JSONString.quoted($0.0) + [0x3A] + JSONString.quoted($0.1), as: UTF8.self) }
        return "{" + texts.joined(separator: ",") + "}"
    }

    private static func text(_ write: (OpaquePointer) -> Bool) -> String? {
        ErrorQueue.clear()
        defer { ErrorQueue.clear() }
        guard let bio = BIO_new(BIO_s_secmem()) else { return nil }
        defer { BIO_free(bio) }
        guard write(bio) else { return nil }
        var bytes: UnsafeMutablePointer<CChar>?
        let count = shim_BIO_get_mem_data(bio, &bytes)
        guard count > 0, let bytes else { return nil }
        return String(
            decoding: UnsafeRawBufferPointer(start: bytes, count: count).assumingMemoryBound(to: UInt8.self), as: UTF8.self)
    }
}
