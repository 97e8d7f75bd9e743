import Bytes
import JOSE
@testable import Signatures
import Testing

@Suite("Keys: secrets and PEM")
struct KeyTests {
    @Test(arguments: [(Algorithm.HS256, 32), (.HS384, 48), (.HS512, 64)])
    func `an HMAC secret is at least as long as the hash (RFC 7518 §3.2)`(_ algorithm: Algorithm, _ minimum: Int) throws {
        _ = try Key(secret: [UInt8](repeating: 7, count: minimum), algorithm: algorithm)
        _ = try Key(secret: [UInt8](repeating: 7, count: 4096), algorithm: algorithm)
        #expect(throws: KeyError.secretTooShort(algorithm, bytes: minimum - 1, expectedAtLeast: minimum)) {
            try Key(secret: [UInt8](repeating: 7, count: minimum - 1), algorithm: algorithm)
        }
        #expect(throws: KeyError.empty) { try Key(secret: [], algorithm: algorithm) }
    }

    @Test func `a secret for a key pair's algorithm, and the reverse, is refused`() throws {
        let secret = [UInt8](repeating: 7, count: 64)
        for algorithm in Algorithm.allCases where !algorithm.isSymmetric {
            #expect(throws: KeyError.algorithmNeedsAsymmetricKey(algorithm)) { try Key(secret: secret, algorithm: algorithm) }
        }
        let pem = Array(TestKeys.all[.RS256]!.publicPEM()!.utf8)
        for algorithm in [Algorithm.HS256, .HS384, .HS512] {
            #expect(throws: KeyError.algorithmNeedsSecret(algorithm)) { try Key(pem: pem, algorithm: algorithm) }
            #expect(throws: KeyError.secretIsPEM) { try Key(secret: pem, algorithm: algorithm) }
        }
    }

    @Test func `a public key is not a secret to forge HMAC tokens with`() throws {
        let rsa = TestKeys.all[.RS256]!
        let verifier = TokenVerifier(keys: KeySet(verifiers: [try rsa.makeVerifier()]), rules: ValidationRules())
        // As an attacker would: HMAC keyed with the public key as published.
        let jwkKey = try Key(secret: Array(rsa.publicJWK()!.utf8), algorithm: .HS256).makeSigner()
        let forged = CompactJWS.mint(claims: Array(#"{"exp":2000000000}"#.utf8), signer: jwkKey)!
        #expect(throws: TokenRefusal.algorithmNotAllowed) { try verifier.verify(forged.span, now: NumericDate(seconds: 1)) }
    }

    @Test(arguments: [Algorithm.RS256, .PS512, .ES256, .ES384, .ES512, .EdDSA])
    func `PKCS 8 and SPKI are read, and a private key counts before others in the file`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        let (hidden, open) = (key.privatePEM()!, key.publicPEM()!)
        #expect(hidden.hasPrefix("-----BEGIN PRIVATE KEY-----") && open.hasPrefix("-----BEGIN PUBLIC KEY-----"))
        #expect(try Key(pem: Array(hidden.utf8), algorithm: algorithm).isPrivate)
        #expect(try !Key(pem: Array(open.utf8), algorithm: algorithm).isPrivate)
        #expect(try Key(pem: Array(("some words\n" + open + hidden).utf8), algorithm: algorithm).isPrivate)
        #expect(try Key(pem: Array(hidden.replacing("\n", with: "\r\n").utf8), algorithm: algorithm).isPrivate)
        #expect(throws: KeyError.severalPrivateKeys) { try Key(pem: Array((hidden + hidden).utf8), algorithm: algorithm) }
    }

    @Test(arguments: PEMSamples.all)
    func `keys written by other tools are read`(_ sample: PEMSample) throws {
        let key = try Key(pem: Array(sample.pem.utf8), algorithm: sample.algorithm)
        #expect(key.isPrivate == sample.isPrivate)
        if sample.isPrivate {
            let signature = try #require(try key.makeSigner().signature([1, 2, 3]))
            #expect(isValid(try key.makeVerifier(), signature, [1, 2, 3]))
        }
    }

    @Test(arguments: [PEMSamples.encryptedPKCS8, PEMSamples.encryptedTraditional])
    func `an encrypted key is refused as such`(_ pem: String) {
        #expect(throws: KeyError.encryptedPEM) { try Key(pem: Array(pem.utf8), algorithm: .ES256) }
    }

    @Test func `what is no key is refused, and the error says what was expected`() {
        #expect(throws: KeyError.noPEMBlock) { try Key(pem: [], algorithm: .RS256) }
        #expect(throws: KeyError.noPEMBlock) { try Key(pem: Array("hello".utf8), algorithm: .RS256) }
        #expect(throws: KeyError.noPEMBlock) { try Key(pem: Array("-----BEGIN PRIVATE KEY-----\nAAAA\n".utf8), algorithm: .RS256) }
        #expect(throws: KeyError.unsupportedPEM(label: "OPENSSH PRIVATE KEY")) {
            try Key(pem: Array("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".utf8), algorithm: .EdDSA)
        }
        for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"] {
            let error = #expect(throws: KeyError.self) {
                try Key(pem: Array("-----BEGIN \(label)-----\nAAAA\n-----END \(label)-----\n".utf8), algorithm: .RS256)
            }
            guard case .malformedKey(label, _) = error else {
                Issue.record("\(label): \(String(describing: error))")
                continue
            }
        }
    }

    @Test func `a key of another type or curve is refused`() throws {
        func attempt(_ key: Algorithm, as algorithm: Algorithm) -> KeyError? {
            do {
                _ = try Key(pem: Array(TestKeys.all[key]!.privatePEM()!.utf8), algorithm: algorithm)
                return nil
            } catch {
                return error
            }
        }
        #expect(attempt(.ES256, as: .RS256) == .wrongKeyType(.RS256, found: "an EC key", expected: "an RSA key"))
        #expect(attempt(.RS256, as: .ES256) == .wrongKeyType(.ES256, found: "an RSA key", expected: "an EC key on P-256"))
        #expect(attempt(.RS256, as: .EdDSA) == .wrongKeyType(.EdDSA, found: "an RSA key", expected: "an Ed25519 key"))
        #expect(attempt(.EdDSA, as: .ES256) == .wrongKeyType(.ES256, found: "an Ed25519 key", expected: "an EC key on P-256"))
        #expect(attempt(.ES384, as: .ES256) == .wrongCurve(.ES256, found: "secp384r1", expected: "P-256"))
        #expect(attempt(.ES256, as: .ES512) == .wrongCurve(.ES512, found: "prime256v1", expected: "P-521"))
        #expect(attempt(.RS256, as: .PS512) == nil)
    }

    @Test func `RSA keys under 2048 bits are refused (RFC 7518 §3.3)`() {
        #expect(throws: KeyError.rsaTooShort(bits: 1024)) { try Key(pem: Array(PEMSamples.rsa1024.utf8), algorithm: .RS256) }
        #expect(throws: KeyError.rsaTooShort(bits: 1024)) { try Key.generate(.RS256, rsaBits: 1024) }
    }

    @Test func `neither a key nor a secret shows itself`() throws {
        let key = try Key(secret: Array("0123456789abcdef0123456789abcdef".utf8), algorithm: .HS256, id: "main")
        #expect("\(key)" == "HS256 key \"main\"")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(!dumped.contains("0123456789abcdef") && !dumped.contains("48, 49, 50"))
        let secret = Secret(Array("0123456789abcdef".utf8))
        #expect("\(secret) \(String(reflecting: secret))" == "<redacted> <redacted>")
    }
}
