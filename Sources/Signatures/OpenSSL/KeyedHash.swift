import COpenSSL

/// HMAC (RFC 2104) with one key. The context is keyed once and started again for each message, which costs a third of
/// making one.
final class KeyedHash {
    private let context: OpaquePointer
    let byteCount: Int
    /// Of the last message. Valid as long as this object, and until its next message.
    let output = UnsafeMutablePointer<UInt8>.allocate(capacity: outputBytes)
    private static let outputBytes = 64

    init(_ digest: String, key: Secret) throws(KeyError) {
        ErrorQueue.clear()
        output.initialize(repeating: 0, count: Self.outputBytes)
        guard let function = EVP_MAC_fetch(nil, "HMAC", nil) else { throw .library(ErrorQueue.drain() ?? "EVP_MAC_fetch") }
        defer { EVP_MAC_free(function) }  // the context keeps a reference
        guard let context = EVP_MAC_CTX_new(function) else { throw .library(ErrorQueue.drain() ?? "EVP_MAC_CTX_new") }
        var name = Array(digest.utf8CString)
        let isKeyed = name.withUnsafeMutableBufferPointer { name in
            let parameters = [shim_OSSL_MAC_PARAM_DIGEST(name.baseAddress), OSSL_PARAM_construct_end()]
            return key.withSpan { key in
                key.withUnsafeBufferPointer { EVP_MAC_init(context, $0.baseAddress, $0.count, parameters) == 1 }
            }
        }
        guard isKeyed else {
            EVP_MAC_CTX_free(context)
            throw .library(ErrorQueue.drain() ?? "EVP_MAC_init")
        }
        self.context = context
        byteCount = EVP_MAC_CTX_get_mac_size(context)
    }

    deinit {
        EVP_MAC_CTX_free(context)
        OPENSSL_cleanse(output, Self.outputBytes)
        output.deallocate()
    }

    /// Leaves the MAC of `message` in the first `byteCount` bytes of `output`; false when OpenSSL fails.
    func compute(_ message: Span<UInt8>) -> Bool {
        var length = 0
        let isRead = message.withUnsafeBufferPointer { message in
            // Without a key: the one of before is kept.
            EVP_MAC_init(context, nil, 0, nil) == 1 && EVP_MAC_update(context, message.baseAddress, message.count) == 1
        }
        return isRead && EVP_MAC_final(context, output, &length, Self.outputBytes) == 1 && length == byteCount
    }
}
