import Bytes
import JOSE

/// A key and a hash that need no cryptography library: they tell different bytes apart, and nothing more is asked of
/// them here.
final class ToyKey: SignatureVerifier, TokenSigner {
    let algorithm: Algorithm
    let keyID: String?
    private let secret: UInt64
    /// Stands for the random part of a signature that is not deterministic.
    private var nonce: UInt64 = 0
    /// The signer reports failure, as a cryptography library may.
    var isBroken = false
    private(set) var signatures = 0

    init(secret: UInt64 = 1, algorithm: Algorithm = .HS256, keyID: String? = nil) {
        self.secret = secret
        self.algorithm = algorithm
        self.keyID = keyID
    }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        guard signature.count == 40 else { return false }
        let nonce = signature.word(at: 32)
        return signature.elementsEqual(tag(signingInput, nonce: nonce).span)
    }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        if isBroken { return nil }
        signatures += 1
        if !algorithm.isDeterministic { nonce += 1 }
        return tag(signingInput, nonce: nonce)
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> {
        Toy.digest(Array("\(label)\u{0}\(secret)\u{0}".utf8) + Array(copying: input))
    }

    private func tag(_ input: Span<UInt8>, nonce: UInt64) -> [UInt8] {
        let digest = Toy.digest(Array("\(secret) \(nonce) ".utf8) + Array(copying: input))
        return (0..<32).map { digest[$0] } + (0..<8).map { UInt8(truncatingIfNeeded: nonce >> UInt64($0 * 8)) }
    }
}

final class ToyHasher: TokenHasher {
    func sha256(_ bytes: Span<UInt8>) -> InlineArray<32, UInt8> { Toy.digest(Array(copying: bytes)) }
}

enum Toy {
    static func digest(_ bytes: [UInt8]) -> InlineArray<32, UInt8> {
        InlineArray<32, UInt8> { index in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325 &+ UInt64(index / 8) &* 0x9E37_79B9_7F4A_7C15
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            hash ^= hash >> 29
            hash = hash &* 0xBF58_476D_1CE4_E5B9
            return UInt8(truncatingIfNeeded: hash >> UInt64(index % 8 * 8))
        }
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = ""
        var index = 0
        while index < bytes.count {
            let group = bytes[index..<min(index + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for position in 0...group.count { text.append(alphabet[bits >> (18 - 6 * position) & 63]) }
            index += 3
        }
        return text
    }

    static func decodeBase64URL(_ text: Substring) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var bytes: [UInt8] = []
        var bits = 0
        var count = 0
        for character in text {
            bits = bits << 6 | alphabet.firstIndex(of: character)!
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
            bits &= 0xFFFF
        }
        return bytes
    }

    /// A compact JWS over `claims`, written as given.
    static func token(_ claims: String, key: ToyKey = ToyKey(), header: String? = nil) -> String {
        let header = header ?? #"{"alg":"\#(key.algorithm.rawValue)","typ":"JWT"}"#
        let input = base64URL(Array(header.utf8)) + "." + base64URL(Array(claims.utf8))
        return input + "." + base64URL(key.sign(Array(input.utf8).span)!)
    }

    /// The claims of a compact JWS, as written.
    static func claims(of token: String) -> String {
        let payload = token.split(separator: ".")[1]
        return String(decoding: decodeBase64URL(payload), as: UTF8.self)
    }
}
