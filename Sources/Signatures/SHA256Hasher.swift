import COpenSSL
import JOSE

/// SHA-256 with one context, for one thread: what the verified-token cache is keyed by.
package final class SHA256Hasher: TokenHasher {
    private let context: OpaquePointer
    private let digest: OpaquePointer

    /// - Throws: when OpenSSL has no SHA-256 or no memory.
    package init() throws(KeyError) {
        guard let digest = EVP_MD_fetch(nil, "SHA256", nil) else { throw libraryError() }
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, digest, nil) == 1 else {
            EVP_MD_free(digest)
            throw libraryError()
        }
        self.digest = digest
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(digest)
    }

    package func sha256(_ bytes: Span<UInt8>) -> InlineArray<32, UInt8> {
        var output = InlineArray<32, UInt8>(repeating: 0)
        var span = output.mutableSpan
        let isDone = span.withUnsafeMutableBufferPointer { output in
            bytes.withUnsafeBufferPointer { bytes in
                EVP_DigestInit_ex2(context, nil, nil) == 1
                    && EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1
                    && EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1
            }
        }
        precondition(isDone, "SHA-256 in memory cannot fail once its context is made")
        return output
    }
}
