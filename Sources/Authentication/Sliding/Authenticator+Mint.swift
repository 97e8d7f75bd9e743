internal import JOSE

extension Authenticator {
    /// The successor that `due` describes; nil when nothing signs here or signing fails.
    ///
    /// Remembered with the token; where the algorithm signs differently each time, in the process's cache, too.
    func successor(of entry: TokenEntry, _ due: Renewal, now: NumericDate) -> [UInt8]? {
        if let minted = entry.successor, minted.renewal == due { return minted.bytes }
        guard let signer else { return nil }
        let bytes: [UInt8]?
        if signer.algorithm.isDeterministic {
            bytes = mint(entry, due, signer)
        } else {
            let key = MintKey(
                parent: entry.digest, expiration: due.expiration, issuedAt: due.issuedAt, keyID: signer.keyID)
            bytes = mintCache.successor(for: key, now: now.seconds) { mint(entry, due, signer) }
        }
        guard let bytes else { return nil }
        entry.successor = (due, bytes)
        // A token of an exchange that began under other keys may have been verified by one that is gone.
        if let signing = verifier.keys.signingIndex, signing != entry.token.keyIndex, entry.token.keyIndex < keyUse.count {
            keyUse[entry.token.keyIndex].migrated &+= 1
        }
        return bytes
    }

    private func mint(_ entry: TokenEntry, _ due: Renewal, _ signer: any TokenSigner) -> [UInt8]? {
        tokenCounts.minted &+= 1
        let claims = SuccessorClaims(
            expiration: NumericDate(seconds: due.expiration), issuedAt: NumericDate(seconds: due.issuedAt),
            tokenID: SuccessorNames.tokenID(of: entry, slot: due.slot, signer: signer),
            sessionID: SuccessorNames.sessionID(of: entry, signer: signer), anchor: NumericDate(seconds: due.anchor))
        return entry.token.successor(claims, signer: signer)
    }
}
