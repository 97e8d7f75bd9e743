internal import Synchronization

/// Names a successor: whoever asks with the same key wants the same bytes.
package struct MintKey: Hashable, Sendable {
    /// SHA-256 of the presented token.
    var parent: Digest
    var expiration: Int64
    var issuedAt: Int64
    /// Of the signing key; differs after a reload with another key.
    var keyID: String?
}

/// Keeps the first successor that any worker minted for a key, for algorithms whose signatures differ from one call to
/// the next (ECDSA, PSS): inside the process everyone hands out the same bytes.
package protocol MintCache: AnyObject, Sendable {
    /// What is kept for `key`, or else what `mint` returns; nil when that fails. Not called with deterministic
    /// algorithms. `now` and `key.expiration` bound how long it is kept.
    func successor(for key: MintKey, now: Int64, mint: () -> [UInt8]?) -> [UInt8]?
}

/// The one for a process: a lock around a bounded dictionary. Signing happens outside the lock; when two workers race,
/// both hand out what the first one stored.
package final class SharedMintCache: MintCache {
    private struct State {
        var successors: [MintKey: [UInt8]] = [:]
        /// In the order of insertion, for eviction; a ring once it is full.
        var order: [MintKey] = []
        var next = 0
    }

    private let state = Mutex(State())
    private let entriesMax: Int

    /// - Parameter entriesMax: what is evicted is minted again, with other bytes and the same claims.
    package init(entriesMax: Int = 65_536) { self.entriesMax = max(1, entriesMax) }

    package func successor(for key: MintKey, now: Int64, mint: () -> [UInt8]?) -> [UInt8]? {
        if let kept = state.withLock({ $0.successors[key] }) { return kept }
        guard let minted = mint() else { return nil }
        return state.withLock { state in
            if let kept = state.successors[key] { return kept }
            if state.order.count < entriesMax {
                state.order.append(key)
            } else {
                state.successors[state.order[state.next]] = nil
                state.order[state.next] = key
                state.next = (state.next + 1) % entriesMax
            }
            state.successors[key] = minted
            return minted
        }
    }
}
