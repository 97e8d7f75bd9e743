import COpenSSL
import JOSE

/// SHA-256 with a context that is used again and again. Belongs to one worker.
package final class SHA256Hasher: TokenHasher {
    private let digest: Digest

    package init() throws(KeyError) { digest = try Digest("SHA256") }

    package func sha256(_ bytes: Span<UInt8>) -> InlineArray<32, UInt8> {
        var result = InlineArray<32, UInt8>(repeating: 0)
        var output = result.mutableSpan
        let isDone = output.withUnsafeMutableBufferPointer { digest.digest(bytes, into: $0.baseAddress!) }
        // Hashing memory does not fail; if it did, all tokens would look alike to the cache.
        precondition(isDone, "SHA-256 failed")
        return result
    }
}
