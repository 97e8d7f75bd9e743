import Bytes
import JOSE

/// Stands in for cryptography: FNV-1a over a secret and the message. Whoever has the secret can sign; nobody should.
final class TestKey: SignatureVerifier, TokenSigner {
    let algorithm: Algorithm
    let keyID: String?
    private let secret: UInt64
    private(set) var verificationCount = 0

    init(_ algorithm: Algorithm = .HS256, keyID: String? = nil, secret: UInt64 = 1) {
        self.algorithm = algorithm
        self.keyID = keyID
        self.secret = secret
    }

    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ (secret &* 0x9E37_79B9_7F4A_7C15)
        for index in 0..<signingInput.count { hash = (hash ^ UInt64(signingInput[index])) &* 0x100_0000_01B3 }
        return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
    }

    func isValid(signature: Span<UInt8>, over signingInput: Span<UInt8>) -> Bool {
        verificationCount += 1
        return sign(signingInput) == Array(copying: signature)
    }

    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { InlineArray(repeating: 7) }
}

/// A signer that cannot.
final class BrokenSigner: TokenSigner {
    let algorithm = Algorithm.HS256
    let keyID: String? = nil
    func sign(_ signingInput: Span<UInt8>) -> [UInt8]? { nil }
    func derive(_ label: StaticString, _ input: Span<UInt8>) -> InlineArray<32, UInt8> { InlineArray(repeating: 0) }
}
