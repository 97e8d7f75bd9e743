import COpenSSL
import Glibc
import Synchronization

/// What session tickets are sealed with (RFC 5077, RFC 8446 §4.6.1): one store for the process, handed on at reloads, so
/// that every worker can open what any other has sealed.
///
/// Whoever learns a key can read the TLS 1.2 traffic of the tickets sealed with it, so keys live in memory alone and not
/// for long: a new one seals from time to time, the ones before only open, until their tickets have expired.
package final class TicketKeys: Sendable {
    struct Key {
        /// RFC 5077 §4: tells the key in a ticket.
        var name: InlineArray<16, UInt8>
        var cipherKey: InlineArray<32, UInt8>
        var hashKey: InlineArray<32, UInt8>
        var madeAt: Int64
    }

    /// How long one key seals, and how long a session may be resumed: a working day needs few full handshakes.
    package static let rotationSeconds: Int64 = 2 * 3600
    package static let lifetimeSeconds: Int64 = 8 * 3600

    private let now: @Sendable () -> Int64
    /// Newest first; never empty once used.
    private let keys = Mutex<[Key]>([])
    nonisolated(unsafe) private let cipher: OpaquePointer

    /// - Parameter now: seconds of a clock that only goes forward.
    package init(now: @escaping @Sendable () -> Int64 = { Instant.current().milliseconds / 1000 }) throws(TLSSetupError) {
        guard let cipher = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil) else {
            throw .library(ErrorQueue.drain() ?? "EVP_CIPHER_fetch")
        }
        self.cipher = cipher
        self.now = now
    }

    deinit { EVP_CIPHER_free(cipher) }

    /// The key to seal with now; nil without randomness.
    private func sealing() -> Key? {
        let now = now()
        return keys.withLock { keys in
            if let newest = keys.first, now &- newest.madeAt < Self.rotationSeconds { return newest }
            guard let fresh = Self.make(now) else { return nil }
            keys.insert(fresh, at: 0)
            keys.removeAll { now &- $0.madeAt >= Self.rotationSeconds + Self.lifetimeSeconds }
            return fresh
        }
    }

    /// All that can open a ticket, newest first, with one that seals.
    func current() -> [Key] {
        _ = sealing()
        return keys.withLock { $0 }
    }

    func replaceAll(_ others: [Key]) { keys.withLock { $0 = others } }

    private func opening(_ name: UnsafePointer<UInt8>) -> (key: Key, seals: Bool)? {
        let now = now()
        return keys.withLock { keys in
            for (index, key) in keys.enumerated() {
                let isNamed = key.name.span.withUnsafeBufferPointer { memcmp($0.baseAddress!, name, $0.count) == 0 }
                guard isNamed, now &- key.madeAt < Self.rotationSeconds + Self.lifetimeSeconds else { continue }
                return (key, index == 0 && now &- key.madeAt < Self.rotationSeconds)
            }
            return nil
        }
    }

    private static func make(_ now: Int64) -> Key? {
        var key = Key(name: .init(repeating: 0), cipherKey: .init(repeating: 0), hashKey: .init(repeating: 0), madeAt: now)
        let isRandom = withUnsafeMutableBytes(of: &key.name) { RAND_bytes($0.baseAddress, CInt($0.count)) == 1 }
            && withUnsafeMutableBytes(of: &key.cipherKey) { RAND_priv_bytes($0.baseAddress, CInt($0.count)) == 1 }
            && withUnsafeMutableBytes(of: &key.hashKey) { RAND_priv_bytes($0.baseAddress, CInt($0.count)) == 1 }
        return isRandom ? key : nil
    }
}

// MARK: - Sealing and opening (SSL_CTX_set_tlsext_ticket_key_evp_cb)

extension TicketKeys {
    /// Prepares `cipher` and `mac` for a new ticket and fills in its first 16 bytes and the vector; false on failure.
    func seal(
        name: UnsafeMutablePointer<UInt8>, vector: UnsafeMutablePointer<UInt8>, cipher: OpaquePointer?, mac: OpaquePointer?
    ) -> Bool {
        guard let key = sealing(), RAND_bytes(vector, EVP_CIPHER_get_iv_length(self.cipher)) == 1 else { return false }
        key.name.span.withUnsafeBufferPointer { name.update(from: $0.baseAddress!, count: $0.count) }
        let isReady = key.cipherKey.span.withUnsafeBufferPointer {
            EVP_EncryptInit_ex2(cipher, self.cipher, $0.baseAddress, vector, nil) == 1
        }
        return isReady && Self.set(mac, key)
    }

    enum Opened { case no, yes, yesButRenew }

    /// Prepares both for opening a ticket; `no` when its key is gone or was never ours.
    func open(
        name: UnsafePointer<UInt8>, vector: UnsafePointer<UInt8>, cipher: OpaquePointer?, mac: OpaquePointer?
    ) -> Opened {
        guard let (key, seals) = opening(name) else { return .no }
        let isReady = key.cipherKey.span.withUnsafeBufferPointer {
            EVP_DecryptInit_ex2(cipher, self.cipher, $0.baseAddress, vector, nil) == 1
        }
        guard isReady, Self.set(mac, key) else { return .no }
        return seals ? .yes : .yesButRenew
    }

    private static func set(_ mac: OpaquePointer?, _ key: Key) -> Bool {
        var hashKey = key.hashKey
        var digest: (CChar, CChar, CChar, CChar, CChar, CChar, CChar) = (83, 72, 65, 50, 53, 54, 0)  // "SHA256"
        return withUnsafeMutableBytes(of: &hashKey) { hashKey in
            withUnsafeMutableBytes(of: &digest) { digest in
                let parameters: InlineArray<3, OSSL_PARAM> = [
                    shim_OSSL_MAC_PARAM_KEY(hashKey.baseAddress, hashKey.count),
                    shim_OSSL_MAC_PARAM_DIGEST(digest.baseAddress?.assumingMemoryBound(to: CChar.self)),
                    OSSL_PARAM_construct_end(),
                ]
                return parameters.span.withUnsafeBufferPointer { EVP_MAC_CTX_set_params(mac, $0.baseAddress) == 1 }
            }
        }
    }
}
