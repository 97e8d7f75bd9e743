/// One key that signatures are checked with, meant for one algorithm. Belongs to one worker: it re-uses its contexts.
package protocol SignatureVerifier: AnyObject {
    var algorithm: Algorithm { get }
    /// The `kid` that tokens name it by; nil: it is tried for every token of its algorithm.
    var keyID: String? { get }
    /// Whether `signature` is the key's over `signingInput` (RFC 7515 §5.2). Never traps, whatever the lengths.
    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool
}

/// The one key that successors are signed with. Belongs to one worker.
package protocol TokenSigner: AnyObject {
    var algorithm: Algorithm { get }
    /// Written as `kid`; nil: the key has none.
    var keyID: String? { get }
    /// The signature over `signingInput` (RFC 7515 §5.1); nil when the cryptography library fails.
    func sign(_ signingInput: Span<UInt8>) -> [UInt8]?
    /// HMAC-SHA-256 over `input` under a secret derived from the signing key and `label`: equal on every node that has
    /// the key, and of no use to anyone who has not.
    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8>
}

/// SHA-256, for naming tokens in caches and logs. Belongs to one worker.
package protocol TokenHasher: AnyObject {
    func sha256(_ bytes: Span<UInt8>) -> InlineArray<32, UInt8>
}
