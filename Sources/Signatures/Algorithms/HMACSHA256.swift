import COpenSSL
import JOSE

/// HMAC-SHA-256 (RFC 2104) under one secret, for what is no JWS. Belongs to one thread: it re-uses its context.
package final class HMACSHA256 {
    private let hash: KeyedHash

    package init(_ secret: Secret) throws(KeyError) { hash = try KeyedHash("SHA256", key: secret) }

    package func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8> {
        // HMAC over memory fails only when there is no memory, and a code that anyone could guess would be worse than an end.
        let isDone = hash.compute(message)
        precondition(isDone, "HMAC failed")
        return InlineArray { hash.output[$0] }
    }
}
