import COpenSSL

/// Names that only the owners of a signing key can compute, and all of them alike: HMAC-SHA-256 under a secret that is
/// itself an HMAC over a fixed text, keyed with the signing key (as the expand step of RFC 5869).
///
/// The fixed text holds a space, so it can never be the signing input of a token: the derived secret is not a signature
/// that the gateway would hand out.
final class Derivation {
    private let hash: KeyedHash
    private var message: [UInt8] = []

    /// - Parameter key: an HMAC secret, or the private number of a key pair, which is the same in every file format.
    init(from key: Secret) throws(KeyError) {
        let purpose: [UInt8] = Array("slidegate derivation 1".utf8)
        let extract = try KeyedHash("SHA256", key: key)
        guard extract.compute(purpose.span) else { throw .library(ErrorQueue.drain() ?? "EVP_MAC_final") }
        let derived = UnsafeBufferPointer(start: extract.output, count: extract.byteCount)
        hash = try KeyedHash("SHA256", key: Secret(copying: derived.span))
    }

    /// The label ends with a zero byte, so that label and input cannot be told apart in two ways.
    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> {
        message.removeAll(keepingCapacity: true)
        message.append(contentsOf: UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
        message.append(0)
        input.withUnsafeBufferPointer { message.append(contentsOf: $0) }
        // HMAC over memory fails only when there is no memory, and a name that is not unique would be worse than an end.
        let isDone = hash.compute(message.span)
        precondition(isDone, "HMAC failed")
        return InlineArray { hash.output[$0] }
    }
}
