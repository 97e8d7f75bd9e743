import JOSE
import Signatures

extension Key {
    /// One JWK; `algorithm` and `id`, where given, prevail.
    init(jwk text: [UInt8], algorithm: Algorithm?, id: String?) throws(KeyError) {
        throw .noUsableKey(skipped: 0)
    }

    /// The usable keys of a JWK set.
    static func keys(jwkSet text: [UInt8]) throws(KeyError) -> [Key] {
        throw .noUsableKey(skipped: 0)
    }
}
