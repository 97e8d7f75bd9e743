import COpenSSL

/// One of the SHA-2 functions with a context that is made once and started again for each message.
final class Digest {
    private let function: OpaquePointer
    private let context: OpaquePointer
    let byteCount: Int

    /// - Parameter name: as OpenSSL calls it: `SHA256`, `SHA384`, `SHA512`.
    init(_ name: String) throws(KeyError) {
        guard let function = EVP_MD_fetch(nil, name, nil) else { throw .library(ErrorQueue.drain() ?? "EVP_MD_fetch") }
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, function, nil) == 1 else {
            EVP_MD_free(function)
            throw .library(ErrorQueue.drain() ?? "EVP_DigestInit")
        }
        self.function = function
        self.context = context
        byteCount = Int(EVP_MD_get_size(function))
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(function)
    }

    /// Writes the digest of `message` to `output`, where there must be room for `byteCount` bytes.
    func digest(_ message: Span<UInt8>, into output: UnsafeMutablePointer<UInt8>) -> Bool {
        message.withUnsafeBufferPointer { message in
            EVP_DigestInit_ex2(context, nil, nil) == 1 && EVP_DigestUpdate(context, message.baseAddress, message.count) == 1
                && EVP_DigestFinal_ex(context, output, nil) == 1
        }
    }
}
