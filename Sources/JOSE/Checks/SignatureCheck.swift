import Bytes

extension TokenVerifier {
    /// Tries the keys that may have made the signature: those for the token's algorithm, and among them those with the
    /// `kid` that the token names. A token without `kid` is tried on all, and a key without one is tried for all.
    ///
    /// - Returns: the index of the key that did.
    func checkSignature(
        of token: UnverifiedToken, _ algorithm: Algorithm, over signingInput: Span<UInt8>, now: NumericDate
    ) throws(TokenRefusal) -> Int {
        var isAnyTried = false
        for index in keys.candidates.indices where isCandidate(index, algorithm, token.header.keyID) {
            isAnyTried = true
            let signature = token.decoded.span.extracting(token.payloadLength..<token.decoded.count)
            if keys.verifiers[index].isValid(signature: signature, over: signingInput) { return index }
        }
        let refusal: TokenRefusal = isAnyTried ? .badSignature : .unknownKey
        guard let fetched else { throw refusal }
        throw fetched.reconsider(refusal, algorithm, now: now)
    }

    func isCandidate(_ index: Int, _ algorithm: Algorithm, _ keyID: [UInt8]?) -> Bool {
        guard keys.candidates[index].algorithm == algorithm else { return false }
        guard let wanted = keyID, let own = keys.candidates[index].keyID else { return true }
        return wanted.span.elementsEqual(own.span)
    }
}
