import Bytes
import JOSE
import Signatures
import Testing

@Suite("JWK and JWK sets (RFC 7517, RFC 7518 §6, RFC 8037 §2)")
struct JWKTests {
    private func failure(_ jwk: String, _ algorithm: Algorithm? = nil) -> KeyError? {
        do {
            _ = try Key(jwk: Array(jwk.utf8), algorithm: algorithm)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: Algorithm.allCases)
    func `what is exported is read again, private and public`(_ algorithm: Algorithm) throws {
        let key = TestKeys.all[algorithm]!
        let again = try Key(jwk: Array(key.privateJWK()!.utf8))
        #expect(again.isPrivate && again.algorithm == algorithm && again.id == "k")
        let signature = try #require(try again.makeSigner().signature([1, 2]))
        #expect(isValid(try key.makeVerifier(), signature, [1, 2]))
        guard !algorithm.isSymmetric else {
            #expect(key.publicJWK() == nil && key.thumbprint() == nil && key.publicPEM() == nil)
            return
        }
        let open = try Key(jwk: Array(key.publicJWK()!.utf8))
        #expect(!open.isPrivate && open.algorithm == algorithm && open.id == "k")
        #expect(open.thumbprint() == key.thumbprint())
        #expect(isValid(try open.makeVerifier(), signature, [1, 2]))
        for name in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\""] { #expect(!key.publicJWK()!.contains(name)) }
    }

    @Test func `a key without kid is published under its thumbprint`() throws {
        let key = try Key.generate(.ES256)
        #expect(key.id == nil)
        #expect(try Key(jwk: Array(key.publicJWK()!.utf8)).id == key.thumbprint())
    }

    @Test func `the algorithm is the one the key names, or the one that is given, never both differently`() throws {
        #expect(failure(Vectors.sharedKey, .HS256) == nil)
        #expect(failure(Vectors.sharedKey, .HS512) == .algorithmMismatch(found: "HS256", expected: "HS512"))
        #expect(failure(Vectors.a1Key) == .algorithmMissing(expected: "HS256, HS384, HS512"))
        #expect(failure(Vectors.a1Key, .HS512) == nil)
        #expect(failure(Vectors.a1Key, .RS256) == .algorithmMismatch(found: "oct", expected: "a key for RS256"))
        #expect(failure(Vectors.a2Key, .HS256) == .algorithmMismatch(found: "RSA", expected: "a key for HS256"))
        #expect(try Key(jwk: Array(Vectors.a2Key.utf8)).algorithm == .RS256)
        #expect(try Key(jwk: Array(Vectors.a2Key.utf8), algorithm: .PS256).algorithm == .PS256)
        #expect(try Key(jwk: Array(Vectors.a3Key.utf8)).algorithm == .ES256)
        #expect(failure(Vectors.a3Key, .ES384) != nil)
        #expect(failure(#"{"kty":"oct","k":"AA","alg":"none"}"#) != nil)
        #expect(failure(#"{"kty":"oct","k":"AA","alg":"A128KW"}"#) != nil)
    }

    @Test(arguments: [
        ("", "not a JWK"), ("[]", "not a JWK"), ("{}", "kty"), (#"{"kty":1}"#, "kty"), (#"{"kty":"XYZ"}"#, "expected oct, RSA"),
        (#"{"kty":"oct","alg":"HS256"}"#, "k"), (#"{"kty":"oct","alg":"HS256","k":"AA=="}"#, "k"), (#"{"kty":"oct","alg":"HS256","k":""}"#, "k"),
        (#"{"kty":"oct","alg":"HS256","k":"AAAA"}"#, "3 bytes"), (#"{"kty":"oct","alg":1}"#, "alg"), (#"{"kty":"oct","kid":1}"#, "kid"),
        (#"{"keys":[]}"#, "keys"), (#"{"kty":"RSA","n":"AQAB"}"#, "e"), (#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "at least 2048"),
        (#"{"kty":"EC"}"#, "crv"), (#"{"kty":"EC","crv":"secp256k1"}"#, "crv"), (#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, "x"),
        (#"{"kty":"OKP"}"#, "crv"), (#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#, "crv"), (#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, "crv"),
        (#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, "x"), (#"{"kty":"OKP","crv":"Ed25519"}"#, "x"),
    ])
    func `a malformed JWK is refused, and the error names the member`(_ jwk: String, _ expected: String) {
        let error = failure(jwk)
        #expect(error.map { "\($0)".contains(expected) } == true, "\(String(describing: error))")
    }

    @Test(arguments: [#""use":"enc""#, #""use":1"#, #""key_ops":["encrypt"]"#, #""key_ops":[]"#, #""key_ops":"verify""#])
    func `a key that is not for signatures is refused`(_ member: String) {
        #expect(failure(Vectors.a3Key.replacing("{", with: "{" + member + ",")) != nil)
    }

    @Test(arguments: [#""use":"sig""#, #""key_ops":["verify"]"#, #""key_ops":["sign","verify"]"#, #""x5c":["MII"],"x5t":"a","ext":true"#])
    func `a key for signatures is accepted, and unknown members are ignored`(_ member: String) {
        #expect(failure(Vectors.a3Key.replacing("{", with: "{" + member + ",")) == nil)
    }

    @Test func `a point that is not on the curve, and a private part of another key, are refused`() {
        #expect(failure(Vectors.a3Key.replacing("f83OJ3D2", with: "f83OJ3D3")) != nil)
        #expect(failure(Vectors.a3Key.replacing("jpsQnnGQ", with: "jpsQnnGR")) == .inconsistentKey(detail: "the private and the public part do not belong together"))
        #expect(failure(Vectors.okpKey.replacing("nWGxne", with: "nWGxnf")) == .inconsistentKey(detail: "the private and the public part do not belong together"))
        #expect(failure(Vectors.a2Key.replacing("Eq5xpG", with: "Eq5xpH")) != nil)
    }

    @Test func `of the other private numbers of RSA all are there or none`() {
        #expect(failure(Vectors.bilboRSA) == nil)
        #expect(failure(Vectors.bilboRSA.replacing("\"qi\"", with: "\"xx\"")) == .missingMember("qi"))
        #expect(failure(Vectors.bilboRSA.replacing("\"kty\"", with: "\"oth\":[],\"kty\"")) != nil)
    }

    @Test func `an RSA exponent of 1 or an even one is refused`() {
        let open = Vectors.thumbprintKey
        #expect(failure(open) == nil)
        #expect(failure(open.replacing("\"AQAB\"", with: "\"AQ\"")) != nil)
        #expect(failure(open.replacing("\"AQAB\"", with: "\"AQAA\"")) != nil)
    }

    @Test func `of a set the keys that can be used are`() throws {
        let set = """
            {"keys":[\(Vectors.thumbprintKey),\(Vectors.a3Key),{"kty":"XYZ"},{"kty":"oct"},\(Vectors.bilboRSA.replacing("\"sig\"", with: "\"enc\"")),
            {"kty":"RSA","use":"sig","alg":"RSA-OAEP","n":"AQAB","e":"AQAB"},\(Vectors.okpKey)],"other":1}
            """
        let keys = try Key.keys(jwkSet: Array(set.utf8))
        #expect(keys.map(\.algorithm) == [.RS256, .ES256, .EdDSA])
        #expect(keys.map(\.id) == ["2011-04-29", nil, nil])
        #expect(try Key.keys(jwkSet: Array(set.utf8), allowing: [.EdDSA]).map(\.algorithm) == [.EdDSA])
        #expect(throws: KeyError.noUsableKey(skipped: 7)) { try Key.keys(jwkSet: Array(set.utf8), allowing: [.HS256]) }
    }

    @Test func `an RSA key of a set without algorithm is for those that are allowed`() throws {
        let set = Array(#"{"keys":[\#(Vectors.a2Key)]}"#.utf8)
        #expect(try Key.keys(jwkSet: set).map(\.algorithm) == [.RS256])
        #expect(try Key.keys(jwkSet: set, allowing: [.PS256, .ES256, .RS512]).map(\.algorithm) == [.RS512, .PS256])
    }

    @Test(arguments: ["", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[]}"#, #"{"keys":[1]}"#, #"{"keys":[],"keys":[]}"#])
    func `what is not a set with a usable key is refused`(_ set: String) {
        #expect(throws: KeyError.self) { try Key.keys(jwkSet: Array(set.utf8)) }
    }

    @Test func `a published set holds no secret`() throws {
        let set = Key.publicJWKSet(Algorithm.allCases.map { TestKeys.all[$0]! })
        let keys = try Key.keys(jwkSet: Array(set.utf8))
        #expect(keys.count == 10)
        #expect(keys.allSatisfy { !$0.isPrivate })
        #expect(!set.contains("\"oct\"") && !set.contains("\"d\""))
    }
}
