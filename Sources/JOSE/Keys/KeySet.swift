/// The keys of one worker: many verify, at most one signs.
package struct KeySet {
    package let verifiers: [any SignatureVerifier]
    package let signer: (any TokenSigner)?
    /// Index into `verifiers` of the key that signs; nil when it is not among them.
    package let signingIndex: Int?
    /// Keys that could sign and do not, as the one that did before the keys were changed: they know the names that were
    /// derived from it.
    package let formerSigners: [any TokenSigner]
    /// Nil: all keys are here.
    package let fetched: FetchedKeys?
    /// What choosing a key needs, beside `verifiers`.
    let candidates: [Candidate]

    struct Candidate {
        let algorithm: Algorithm
        /// `kid`, nil for a key without.
        let keyID: [UInt8]?
    }

    package init(
        verifiers: [any SignatureVerifier], signer: (any TokenSigner)? = nil, signingIndex: Int? = nil,
        formerSigners: [any TokenSigner] = [], fetched: FetchedKeys? = nil
    ) {
        self.formerSigners = formerSigners
        self.signingIndex = signingIndex
        self.fetched = fetched
        self.verifiers = verifiers
        self.signer = signer
        candidates = verifiers.map { Candidate(algorithm: $0.algorithm, keyID: $0.keyID.map { Array($0.utf8) }) }
    }
}
