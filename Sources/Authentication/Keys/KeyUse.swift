package import JOSE

/// What one key has been used for by one worker.
package struct KeyUse: Sendable, Equatable {
    /// Requests whose token the key had signed. While tokens are moved to another key, this is how many are left.
    package var verified = 0
    /// Of those tokens, the ones that got a successor signed by another key.
    package var migrated = 0
    /// When the last of those requests came, in seconds since 1970; 0: there was none.
    package var lastUsed: Int64 = 0

    package init() {}

    package static func += (total: inout KeyUse, part: KeyUse) {
        total.verified += part.verified
        total.migrated += part.migrated
        total.lastUsed = max(total.lastUsed, part.lastUsed)
    }

    mutating func addVerified(at now: NumericDate) {
        verified &+= 1
        lastUsed = now.seconds
    }
}

extension Authenticator {
    /// Of the key that signs, in `keyNames`; nil when none does.
    package var signingKeyIndex: Int? { verifier.keys.signingIndex }

    /// The keys by name, as metrics show them, in the order of `KeySet.verifiers`.
    package var keyNames: [KeyName] { verifier.keys.verifiers.map { KeyName(id: $0.keyID, algorithm: $0.algorithm) } }
}

/// What a key is called: two without `kid` for the same algorithm share a name.
package struct KeyName: Sendable, Hashable {
    package var id: String?
    package var algorithm: Algorithm

    package init(id: String?, algorithm: Algorithm) {
        self.id = id
        self.algorithm = algorithm
    }
}
