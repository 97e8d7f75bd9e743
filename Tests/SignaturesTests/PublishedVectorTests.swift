import Bytes
import JOSE
import Signatures
import Testing

@Suite("Published vectors (RFC 7515 A, RFC 7520 4, RFC 8037 A, RFC 7638)")
struct PublishedVectorTests {
    static let signed: [(key: String, algorithm: Algorithm, token: String)] = [
        (Vectors.a1Key, .HS256, Vectors.a1Token), (Vectors.a2Key, .RS256, Vectors.a2Token), (Vectors.a3Key, .ES256, Vectors.a3Token),
        (Vectors.a4Key, .ES512, Vectors.a4Token), (Vectors.okpKey, .EdDSA, Vectors.okpToken),
        (Vectors.bilboRSA, .RS256, Vectors.frodoRS256), (Vectors.bilboRSA, .PS384, Vectors.frodoPS384),
        (Vectors.bilboEC, .ES512, Vectors.frodoES512), (Vectors.sharedKey, .HS256, Vectors.frodoHS256),
    ]

    @Test(arguments: signed.indices)
    func `the published signature is valid, and no byte of it or of the message may change`(_ index: Int) throws {
        let (text, algorithm, token) = Self.signed[index]
        let verifier = try Key(jwk: Array(text.utf8), algorithm: algorithm).makeVerifier()
        let (input, signature) = try parts(token)
        #expect(isValid(verifier, signature, input))
        for position in signature.indices {
            var changed = signature
            changed[position] ^= 1
            #expect(!isValid(verifier, changed, input))
        }
        var other = input
        other[3] ^= 1
        #expect(!isValid(verifier, signature, other))
        // The context is good for another use after failures.
        #expect(isValid(verifier, signature, input))
    }

    @Test(arguments: signed.indices.filter { signed[$0].algorithm.isDeterministic })
    func `deterministic algorithms sign exactly what is published`(_ index: Int) throws {
        let (text, algorithm, token) = Self.signed[index]
        let signer = try Key(jwk: Array(text.utf8), algorithm: algorithm).makeSigner()
        let (input, signature) = try parts(token)
        for _ in 0..<3 { #expect(signer.signature(input) == signature) }
    }

    @Test(arguments: [(Vectors.a1Key, Vectors.a1Token, Algorithm.HS256), (Vectors.a2Key, Vectors.a2Token, .RS256), (Vectors.a3Key, Vectors.a3Token, .ES256)])
    func `the tokens of appendix A verify as a whole, until they expire`(_ key: String, _ token: String, _ algorithm: Algorithm) throws {
        let keys = KeySet(verifiers: [try Key(jwk: Array(key.utf8), algorithm: algorithm).makeVerifier()])
        let verifier = TokenVerifier(keys: keys, rules: ValidationRules(issuers: ["joe"]))
        let bytes = Array(token.utf8)
        let verified = try verifier.verify(bytes.span, now: NumericDate(seconds: Vectors.joeExpiration - 1))
        #expect(verified.claims.string(.issuer) == "joe")
        #expect(verified.claims.contains("http://example.com/is_root"))
        #expect(throws: TokenRefusal.expired(bySeconds: 0)) {
            try verifier.verify(bytes.span, now: NumericDate(seconds: Vectors.joeExpiration))
        }
    }

    @Test func `a payload that is no claims set is refused though its signature is good (appendix A.4)`() throws {
        let keys = KeySet(verifiers: [try Key(jwk: Array(Vectors.a4Key.utf8)).makeVerifier()])
        let bytes = Array(Vectors.a4Token.utf8)
        #expect(throws: TokenRefusal.notJSON(.claims, .notAnObject)) {
            try TokenVerifier(keys: keys, rules: ValidationRules()).verify(bytes.span, now: NumericDate(seconds: 0))
        }
    }

    @Test func `thumbprints are as published`() throws {
        #expect(try Key(jwk: Array(Vectors.thumbprintKey.utf8)).thumbprint() == Vectors.thumbprint)
        #expect(try Key(jwk: Array(Vectors.okpKey.utf8)).thumbprint() == Vectors.okpThumbprint)
    }

    @Test(arguments: [("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"), ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")])
    func `SHA-256 is as published (FIPS 180-2), again and again`(_ message: String, _ expected: String) throws {
        let hasher = try SHA256Hasher()
        for _ in 0..<3 {
            let hash = hasher.sha256(Array(message.utf8).span)
            let hexadecimal = (0..<32).map { String(UInt16(hash[$0]) + 256, radix: 16).dropFirst() }.joined()
            #expect(hexadecimal == expected)
        }
    }
}

/// The signing input and the decoded signature of a compact token.
func parts(_ token: String) throws -> (input: [UInt8], signature: [UInt8]) {
    let bytes = Array(token.utf8)
    let dot = try #require(bytes.lastIndex(of: UInt8(ascii: ".")))
    let signature = Base64URL.decode(Array(bytes[(dot + 1)...]).span)
    return (Array(bytes[..<dot]), try #require(signature))
}

func isValid(_ verifier: any SignatureVerifier, _ signature: [UInt8], _ input: [UInt8]) -> Bool {
    verifier.isValid(signature: signature.span, over: input.span)
}

extension TokenSigner {
    /// `#expect` takes no spans.
    func signature(_ message: [UInt8]) -> [UInt8]? { sign(message.span) }
}
