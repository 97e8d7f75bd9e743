import COpenSSL
package import JOSE

/// A key that has been checked for its one algorithm. Loaded once and shared; every worker makes verifiers and signers
/// of its own from it.
package struct Key: Sendable {
    enum Material: Sendable {
        case secret(Secret)
        case asymmetric(AsymmetricKey)
    }

    package let algorithm: Algorithm
    /// The `kid` it answers to and writes; nil: none.
    package let id: String?
    let material: Material

    /// Whether it can sign: a secret, or a private key.
    package var isPrivate: Bool {
        switch material {
        case .secret: true
        case .asymmetric(let key): key.isPrivate
        }
    }

    /// A shared secret for HMAC.
    ///
    /// - Throws: `.secretTooShort` below the length of the hash; `.secretIsPEM`, because a file that was meant as a key
    ///   pair is often public.
    package init(secret bytes: [UInt8], algorithm: Algorithm, id: String? = nil) throws(KeyError) {
        guard algorithm.isSymmetric else { throw .algorithmNeedsAsymmetricKey(algorithm) }
        guard !bytes.isEmpty else { throw .empty }
        guard PEM.blocks(in: bytes.span).isEmpty else { throw .secretIsPEM }
        guard bytes.count >= algorithm.hashBytes else {
            throw .secretTooShort(algorithm, bytes: bytes.count, expectedAtLeast: algorithm.hashBytes)
        }
        self.algorithm = algorithm
        self.id = id
        material = .secret(Secret(bytes))
    }

    /// - Throws: when `key` does not fit `algorithm`, or is not consistent.
    init(_ key: AsymmetricKey, algorithm: Algorithm, id: String?) throws(KeyError) {
        try KeyCheck.check(key, for: algorithm)
        self.algorithm = algorithm
        self.id = id
        material = .asymmetric(key)
        if key.isPrivate { try checkPair() }
    }

    /// A verifier with contexts of its own, for one worker.
    package func makeVerifier() throws(KeyError) -> any SignatureVerifier {
        switch material {
        case .secret(let secret): try HMACKey(secret, algorithm: algorithm, keyID: id)
        case .asymmetric(let key): try makeAsymmetricVerifier(key)
        }
    }

    /// A signer with contexts of its own, for one worker, that writes the key's own name.
    ///
    /// - Throws: `.privateKeyNeeded` for a public key.
    package func makeSigner() throws(KeyError) -> any TokenSigner { try makeSigner(named: id) }

    /// A signer that writes `id` as `kid`, or none.
    package func makeSigner(named id: String?) throws(KeyError) -> any TokenSigner {
        switch material {
        case .secret(let secret): return try HMACKey(secret, algorithm: algorithm, keyID: id)
        case .asymmetric(let key):
            guard key.isPrivate else { throw .privateKeyNeeded }
            return algorithm == .EdDSA
                ? try EdDSASigner(key, keyID: id) : try HashedSigner(key, algorithm: algorithm, keyID: id)
        }
    }

    private func makeAsymmetricVerifier(_ key: AsymmetricKey) throws(KeyError) -> any SignatureVerifier {
        algorithm == .EdDSA
            ? try EdDSAVerifier(key, keyID: id) : try HashedVerifier(key, algorithm: algorithm, keyID: id)
    }

    /// That the private half belongs to the public one: what one signs the other accepts.
    private func checkPair() throws(KeyError) {
        let probe: [UInt8] = Array("slidegate key check".utf8)
        guard let signature = try makeSigner().sign(probe.span),
            try makeVerifier().isValid(signature: signature.span, over: probe.span)
        else { throw .inconsistentKey(detail: "the private and the public part do not belong together") }
    }
}

extension Key: CustomStringConvertible {
    package var description: String { "\(algorithm.rawValue) key\(id.map { " \"\($0)\"" } ?? "")" }
}
