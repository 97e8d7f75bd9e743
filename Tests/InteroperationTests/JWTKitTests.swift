import Bytes
import Foundation
import JOSE
import JWTKit
import Signatures
import Testing

@Suite("Interoperation with an independent library (vapor/jwt-kit)")
struct JWTKitTests {
    private static let now = NumericDate(seconds: 1_900_000_000)

    @Test(arguments: Algorithm.allCases)
    func `what we mint, and the successor of it, they verify`(_ algorithm: Algorithm) async throws {
        let key = try Key.generate(algorithm, id: "k1")
        let theirs = try await collection(for: key)
        let signer = try key.makeSigner()
        let claims = #"{"sub":"alice \u00e9","iat":1899999000,"exp":1900003600,"admin":true,"jti":"a"}"#
        let minted = try #require(CompactJWS.mint(claims: Array(claims.utf8), signer: signer))
        let read = try await theirs.verify(minted, as: Session.self)
        #expect(read.sub.value == "alice é" && read.admin && read.jti.value == "a")

        let verified = try verifier(key).verify(minted.span, now: Self.now)
        let new = SuccessorClaims(
            expiration: Self.now.advanced(bySeconds: 7200), issuedAt: Self.now, tokenID: "b", sessionID: "s", anchor: verified.issuedAt!)
        let successor = try #require(verified.successor(new, signer: signer))
        let renewed = try await theirs.verify(successor, as: Session.self)
        #expect(renewed.sub == read.sub && renewed.admin && renewed.jti.value == "b")
        #expect(renewed.exp.value == Date(timeIntervalSince1970: 1_900_007_200))

        var forged = successor
        forged[forged.count - 10] ^= 1
        let tampered = forged
        await #expect(throws: (any Error).self) { try await theirs.verify(tampered, as: Session.self) }
    }

    @Test(arguments: Algorithm.allCases)
    func `what they sign we verify`(_ algorithm: Algorithm) async throws {
        let key = try Key.generate(algorithm, id: "k1")
        let theirs = try await collection(for: key)
        let payload = Session(
            sub: "bob", iat: IssuedAtClaim(value: Date(timeIntervalSince1970: 1_899_999_000)),
            exp: ExpirationClaim(value: Date(timeIntervalSince1970: 1_900_003_600)), jti: "x", admin: false)
        let token = Array(try await theirs.sign(payload, kid: "k1").utf8)
        let verified = try verifier(key).verify(token.span, now: Self.now)
        #expect(verified.algorithm == algorithm)
        #expect(verified.claims.string(.subject) == "bob")
        #expect(verified.expiration.seconds == 1_900_003_600)

        let other = try Key.generate(algorithm, id: "k1")
        #expect(throws: TokenRefusal.badSignature) { try verifier(other).verify(token.span, now: Self.now) }
    }

    @Test(arguments: Algorithm.allCases.filter { !$0.isSymmetric && $0.family != .rsaPSS })
    func `the keys that we publish they take`(_ algorithm: Algorithm) async throws {
        let key = try Key.generate(algorithm, id: "published")
        let theirs = try await JWTKeyCollection().add(jwksJSON: Key.publicJWKSet([key]))
        let minted = try #require(
            CompactJWS.mint(claims: Array(#"{"sub":"c","iat":1,"exp":1900003600,"admin":true,"jti":"a"}"#.utf8), signer: try key.makeSigner()))
        #expect(try await theirs.verify(minted, as: Session.self).sub.value == "c")
    }

    private func verifier(_ key: Key) throws -> TokenVerifier {
        TokenVerifier(keys: KeySet(verifiers: [try key.makeVerifier()]), rules: ValidationRules())
    }

    /// The same key, loaded by them from our PEM or secret.
    private func collection(for key: Key) async throws -> JWTKeyCollection {
        let keys = JWTKeyCollection()
        let pem = key.privatePEM() ?? ""
        switch key.algorithm {
        case .HS256, .HS384, .HS512:
            let text = try #require(key.secretText())
            let secret = Base64URL.decode(Array(text.utf8).span)
            await keys.add(hmac: HMACKey(from: try #require(secret)), digestAlgorithm: digest(key.algorithm), kid: "k1")
        case .RS256, .RS384, .RS512:
            await keys.add(rsa: try Insecure.RSA.PrivateKey(pem: pem), digestAlgorithm: digest(key.algorithm), kid: "k1")
        case .PS256, .PS384, .PS512:
            await keys.add(pss: try Insecure.RSA.PrivateKey(pem: pem), digestAlgorithm: digest(key.algorithm), kid: "k1")
        case .ES256: await keys.add(ecdsa: try ES256PrivateKey(pem: pem), kid: "k1")
        case .ES384: await keys.add(ecdsa: try ES384PrivateKey(pem: pem), kid: "k1")
        case .ES512: await keys.add(ecdsa: try ES512PrivateKey(pem: pem), kid: "k1")
        case .EdDSA: await keys.add(eddsa: try EdDSA.PrivateKey(pem: pem), kid: "k1")
        }
        return keys
    }

    private func digest(_ algorithm: Algorithm) -> DigestAlgorithm {
        switch algorithm.hashBytes {
        case 32: .sha256
        case 48: .sha384
        default: .sha512
        }
    }
}

/// A payload as an application declares it to them.
private struct Session: JWTPayload {
    var sub: SubjectClaim
    var iat: IssuedAtClaim
    var exp: ExpirationClaim
    var jti: IDClaim
    var admin: Bool

    func verify(using algorithm: some JWTAlgorithm) throws {}
}
