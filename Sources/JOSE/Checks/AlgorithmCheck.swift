extension TokenVerifier {
    /// The algorithm belongs to the key, never to the header alone (RFC 8725 §3.1): a token may only name one that a
    /// key of the set is meant for. `none` is no algorithm here, and neither is `hs256`: names are case-sensitive.
    func checkAlgorithm(_ header: JOSEHeader, now: NumericDate) throws(TokenRefusal) -> Algorithm {
        guard let algorithm = header.algorithm else { throw .algorithmNotAllowed }
        for index in keys.candidates.indices where keys.candidates[index].algorithm == algorithm { return algorithm }
        guard let fetched else { throw .algorithmNotAllowed }
        throw fetched.reconsider(.algorithmNotAllowed, algorithm, now: now)
    }
}
