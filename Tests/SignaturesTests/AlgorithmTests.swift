import Bytes
import JOSE
@testable import Signatures
import Testing

/// One key for each algorithm; RSA keys are slow to make, so all suites share them.
enum TestKeys {
    static let all: [Algorithm: Key] = {
        var keys: [Algorithm: Key] = [:]
        let rsa = try! Key.generate(.RS256)
        for algorithm in Algorithm.allCases {
            switch algorithm.family {
            case .rsaPKCS1, .rsaPSS: keys[algorithm] = try! Key(pem: Array(rsa.privatePEM()!.utf8), algorithm: algorithm, id: "k")
            default: keys[algorithm] = try! Key.generate(algorithm, id: "k")
            }
        }
        return keys
    }()
}

@Suite("Algorithms (RFC 7518 §3, RFC 8037)")
struct AlgorithmTests {
    private let message: [UInt8] = Array("a message of some length, with dots.and.more".utf8)

    @Test(arguments: Algorithm.allCases)
    func `what a key signs it verifies, and nothing else`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        let (signer, verifier) = (try key.makeSigner(), try key.makeVerifier())
        #expect(signer.algorithm == algorithm && verifier.algorithm == algorithm)
        #expect(signer.keyID == "k" && verifier.keyID == "k")
        let signature = try #require(signer.signature(message))
        #expect(algorithm.signatureBytes == nil || signature.count == algorithm.signatureBytes)
        #expect(isValid(verifier, signature, message))
        #expect(!isValid(verifier, signature, message + [0]))
        #expect(!isValid(verifier, signature, []))
        let other = try Key.generate(algorithm).makeVerifier()
        #expect(!isValid(other, signature, message))
    }

    @Test(arguments: Algorithm.allCases)
    func `a signature of another length is never valid`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        let verifier = try key.makeVerifier()
        let signature = try #require(try key.makeSigner().signature(message))
        for count in [0, 1, signature.count / 2, signature.count - 1] { #expect(!isValid(verifier, Array(signature.prefix(count)), message)) }
        #expect(!isValid(verifier, signature + [0], message))
        #expect(!isValid(verifier, [0] + signature, message))
        #expect(!isValid(verifier, signature + signature, message))
        #expect(!isValid(verifier, [UInt8](repeating: 0, count: signature.count), message))
        #expect(!isValid(verifier, [UInt8](repeating: 0xFF, count: signature.count), message))
        #expect(isValid(verifier, signature, message))
    }

    @Test(arguments: Algorithm.allCases)
    func `signatures repeat exactly where the algorithm says so`(_ algorithm: Algorithm) throws {
        let signer = try TestKeys.all[algorithm]!.makeSigner()
        #expect((signer.signature(message) == signer.signature(message)) == algorithm.isDeterministic)
        if algorithm.isDeterministic {
            #expect(try TestKeys.all[algorithm]!.makeSigner().signature(message) == signer.signature(message))
        }
    }

    @Test(arguments: [Algorithm.ES256, .ES384, .ES512])
    func `an ECDSA signature in DER, or with R or S zero or out of range, is not valid`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        let verifier = try key.makeVerifier()
        let signature = try #require(try key.makeSigner().signature(message))
        let half = signature.count / 2
        let encoded = ECDSASignature.der(fromConcatenation: signature.span)
        #expect(!isValid(verifier, try #require(encoded), message))
        let zeros = [UInt8](repeating: 0, count: half)
        let ones = [UInt8](repeating: 0xFF, count: half)
        for (r, s) in [(zeros, Array(signature[half...])), (Array(signature[..<half]), zeros), (zeros, zeros), (ones, ones)] {
            #expect(!isValid(verifier, r + s, message))
        }
    }

    @Test func `ECDSA signatures with short R or S keep their length`() throws {
        let key = TestKeys.all[.ES256]!
        let (signer, verifier) = (try key.makeSigner(), try key.makeVerifier())
        var isShortSeen = false
        for index in 0..<600 {
            let message = Array("\(index)".utf8)
            let signature = try #require(signer.signature(message))
            #expect(signature.count == 64)
            if signature[0] == 0 || signature[32] == 0 {
                isShortSeen = true
                #expect(isValid(verifier, signature, message))
            }
        }
        #expect(isShortSeen)
    }

    @Test func `PKCS1 and PSS signatures of one key are not taken for each other`() throws {
        let pkcs1 = try #require(try TestKeys.all[.RS256]!.makeSigner().signature(message))
        let pss = try #require(try TestKeys.all[.PS256]!.makeSigner().signature(message))
        #expect(!isValid(try TestKeys.all[.PS256]!.makeVerifier(), pkcs1, message))
        #expect(!isValid(try TestKeys.all[.RS256]!.makeVerifier(), pss, message))
        #expect(!isValid(try TestKeys.all[.RS384]!.makeVerifier(), pkcs1, message))
    }

    @Test(arguments: Algorithm.allCases)
    func `derived names are alike for alike keys, and differ by key, label and input`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        func name(_ key: Key, _ label: StaticString, _ input: String) throws -> [UInt8] {
            let result = try key.makeSigner().derive(label, Array(input.utf8).span)
            return (0..<32).map { result[$0] }
        }
        let first = try name(key, "jti", "x")
        #expect(try name(key, "jti", "x") == first)
        #expect(try name(key, "sid", "x") != first)
        #expect(try name(key, "jti", "y") != first)
        #expect(try name(key, "jt", "ix") != first)
        #expect(try name(Key.generate(algorithm), "jti", "x") != first)
        #expect(try key.makeSigner().signature(Array("x".utf8)) != first)
    }

    @Test(arguments: [Algorithm.RS256, .ES256, .ES384, .EdDSA])
    func `derived names do not depend on the file format of the key`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        let pem = try Key(pem: Array(key.privatePEM()!.utf8), algorithm: algorithm)
        let jwk = try Key(jwk: Array(key.privateJWK()!.utf8))
        let names = try [key, pem, jwk].map { key in
            let result = try key.makeSigner().derive("jti", [1, 2, 3].span)
            return (0..<32).map { result[$0] }
        }
        #expect(names[0] == names[1] && names[0] == names[2])
    }

    @Test func `a public key does not sign`() throws {
        for algorithm in [Algorithm.RS256, .ES256, .EdDSA] {
            let key = try Key(pem: Array(TestKeys.all[algorithm]!.publicPEM()!.utf8), algorithm: algorithm)
            #expect(!key.isPrivate)
            #expect(throws: KeyError.privateKeyNeeded) { _ = try key.makeSigner() }
        }
    }

    @Test func `workers with contexts of their own verify at the same time`() async throws {
        let message = message
        await withTaskGroup(of: Bool.self) { group in
            for algorithm in Algorithm.allCases {
                let key = TestKeys.all[algorithm]!
                for _ in 0..<4 {
                    group.addTask {
                        guard let signer = try? key.makeSigner(), let verifier = try? key.makeVerifier() else { return false }
                        return (0..<20).allSatisfy { _ in
                            guard let signature = signer.signature(message) else { return false }
                            return isValid(verifier, signature, message)
                        }
                    }
                }
            }
            for await isFine in group { #expect(isFine) }
        }
    }
}
