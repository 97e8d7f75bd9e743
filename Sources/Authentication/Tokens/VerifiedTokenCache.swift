internal import Bytes

/// The tokens that this worker has verified, by the SHA-256 digest of the whole token.
///
/// Hashing costs as much as all the rest of a hit, so tokens seen lately are also found without: a small table of guesses,
/// indexed by a few bytes of the signature, says where in the cache a token may be. There it is compared byte for byte
/// with the one presented, which is surer than any hash; the comparison takes the same time wherever they differ. A
/// guess that is wrong, or out of date because the entry has been evicted, costs nothing but the way to the digest.
///
/// A token is let in when it comes for the second time. Of one that comes once, only a guess is kept: hashing it,
/// storing it and evicting another would cost more than verifying it did. Where the guess's place is taken by a token
/// that is let in, the two could not be told apart this way, and the new one is let in at once.
struct VerifiedTokenCache {
    private struct Guess {
        /// In `entries`; -1: the token has been seen, and is not there.
        var slot: Int32 = -1
        /// Half of the hash of the token, so that most wrong guesses are seen without a look at the entry.
        var tag: UInt32 = 0
    }

    private var entries: DigestCache<TokenEntry>
    /// A power of two, at least twice the number of entries. Made with the first token.
    private var guesses: [Guess] = []
    private static let leastGuesses = 4096
    /// Keeps clients from choosing which tokens share a guess. Odd.
    private let seed = UInt64.random(in: .min ... .max) | 1

    init(_ limits: VerifiedTokenCacheLimits) {
        entries = DigestCache(entriesMax: limits.entriesMax, bytesMax: limits.bytesMax)
    }

    var count: Int { entries.count }

    /// The entry of `token` if the guess about it is right.
    mutating func findRecent(_ token: Span<UInt8>) -> TokenEntry? {
        guard !guesses.isEmpty, token.count >= 16 else { return nil }
        let hash = hash(of: token)
        let guess = guesses[index(hash)]
        guard guess.slot >= 0, guess.tag == UInt32(truncatingIfNeeded: hash),
            let entry = entries.entry(in: guess.slot), entry.isFor(token)
        else { return nil }
        entries.touch(guess.slot)
        return entry
    }

    /// Whether the token is not in the cache and should not be let in: it has not come lately.
    func isFirstSight(_ token: Span<UInt8>) -> Bool {
        guard !guesses.isEmpty, token.count >= 16 else { return true }
        let hash = hash(of: token)
        let guess = guesses[index(hash)]
        return guess.slot < 0 && guess.tag != UInt32(truncatingIfNeeded: hash)
    }

    /// Notes a token that has just been verified for the first time.
    mutating func note(_ token: Span<UInt8>) {
        if guesses.isEmpty { guesses = [Guess](repeating: Guess(), count: Self.leastGuesses) }
        guess(-1, for: token)
    }

    /// The entry of the token with that digest, which is guessed right the next time.
    mutating func find(_ digest: Digest, of token: Span<UInt8>) -> TokenEntry? {
        let slot = entries.slot(of: digest)
        guard slot >= 0 else { return nil }
        entries.touch(slot)
        guess(slot, for: token)
        return entries.entry(in: slot)
    }

    mutating func insert(_ entry: TokenEntry) {
        entries.insert(entry, bytes: entry.byteCount, for: entry.digest)
        let slot = entries.slot(of: entry.digest)
        guard slot >= 0 else { return }
        if guesses.count < 2 * entries.count {
            // Guesses are lost here, and made again as tokens come back.
            guesses = [Guess](repeating: Guess(), count: max(Self.leastGuesses, 2 * guesses.count))
        }
        let token = entry.compact
        guess(slot, for: token.span)
    }

    mutating func remove(_ digest: Digest) { entries.remove(digest) }

    private mutating func guess(_ slot: Int32, for token: Span<UInt8>) {
        guard token.count >= 16, !guesses.isEmpty else { return }
        let hash = hash(of: token)
        guesses[index(hash)] = Guess(slot: slot, tag: UInt32(truncatingIfNeeded: hash))
    }

    private func index(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 32) & (guesses.count &- 1) }

    /// Of the last sixteen characters, which are the signature's.
    private func hash(of token: Span<UInt8>) -> UInt64 {
        let mixed = (token.word(at: token.count &- 8) &* seed) ^ token.word(at: token.count &- 16)
        let spread = (mixed ^ (mixed >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return spread ^ (spread >> 29)
    }
}
