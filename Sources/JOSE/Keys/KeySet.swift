/// The keys of one worker: many verify, at most one signs.
package struct KeySet {
    package let verifiers: [any SignatureVerifier]
    package let signer: (any TokenSigner)?
    /// What choosing a key needs, beside `verifiers`.
    let candidates: [Candidate]

    struct Candidate {
        let algorithm: Algorithm
        /// `kid`, nil for a key without.
        let keyID: [UInt8]?
    }

    package init(verifiers: [any SignatureVerifier], signer: (any TokenSigner)? = nil) {
        self.verifiers = verifiers
        self.signer = signer
        candidates = verifiers.map { Candidate(algorithm: $0.algorithm, keyID: $0.keyID.map { Array($0.utf8) }) }
    }
}
