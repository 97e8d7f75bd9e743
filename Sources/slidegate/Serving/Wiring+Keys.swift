import Bytes
import Configuration
import JOSE
import Proxy
import Signatures

extension PublishedKeys {
    /// The gateway's own public keys, as they are loaded.
    init(_ settings: Configuration.PublishedKeys, _ keys: LoadedKeys) {
        let content = keys.publicJWKSet()
        let bytes = Array(content.utf8)
        // Without a digest, which OpenSSL cannot fail to make, the set's length is a tag that is right as long as keys stay.
        let digest = (try? SHA256Hasher()).map { hasher in
            let hash = hasher.sha256(bytes.span)
            return Base64URL.string(hash.span)
        }
        self.init(
            path: settings.path, content: content, digest: digest ?? "\(bytes.count)",
            maxAgeSeconds: Int(settings.maxAge.wholeSeconds))
    }
}
