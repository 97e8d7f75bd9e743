import Bytes
import JOSE
import Testing

@Suite("Header (RFC 7515 §4, RFC 8725)")
struct HeaderTests {
    @Test(arguments: ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS1", "HS256\\u0000", "A256GCM", "ES256K", "Ed25519", "RS1"])
    func `an algorithm that is unknown, none, or written otherwise is not allowed`(_ name: String) {
        #expect(refusal(token(header: #"{"alg":"\#(name)"}"#)) == .algorithmNotAllowed)
    }

    @Test func `an unsecured token is refused (RFC 7515 appendix A.5)`() {
        let unsecured = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        #expect(refusal(Array(unsecured.utf8)) == .algorithmNotAllowed)
    }

    @Test(arguments: ["1", "null", "true", "[\"HS256\"]", "{}"])
    func `an algorithm that is no string is refused`(_ value: String) {
        #expect(refusal(token(header: #"{"alg":\#(value)}"#)) == .wrongType(.algorithm))
    }

    @Test func `a header without algorithm is refused`() {
        #expect(refusal(token(header: "{}")) == .missingMember(.algorithm))
        #expect(refusal(token(header: #"{"typ":"JWT"}"#)) == .missingMember(.algorithm))
    }

    @Test func `an escaped algorithm name is the same name`() {
        #expect(refusal(token(header: #"{"\u0061lg":"\u0048S256"}"#)) == nil)
    }

    @Test(arguments: Algorithm.allCases.filter { $0 != .HS256 })
    func `an algorithm that no key is meant for is not allowed, whatever the signature`(_ algorithm: Algorithm) {
        let key = TestKey()
        #expect(refusal(token(header: #"{"alg":"\#(algorithm.rawValue)"}"#, key: key), verifier([key])) == .algorithmNotAllowed)
        #expect(key.verificationCount == 0)
    }

    @Test(arguments: [#"["exp"]"#, #"["b64"]"#, #"[]"#, #""exp""#, "null", "{}", #"["alg","exp"]"#])
    func `crit is refused, whatever it names`(_ value: String) {
        #expect(refusal(token(header: #"{"alg":"HS256","exp":1,"b64":true,"crit":\#(value)}"#)) == .criticalHeader)
    }

    @Test func `unencoded payloads are refused (RFC 7797)`() {
        #expect(refusal(token(header: #"{"alg":"HS256","b64":false}"#)) == .unencodedPayload)
        #expect(refusal(token(header: #"{"alg":"HS256","b64":"false"}"#)) == .wrongType(.base64))
        #expect(refusal(token(header: #"{"alg":"HS256","b64":0}"#)) == .wrongType(.base64))
        #expect(refusal(token(header: #"{"alg":"HS256","b64":true}"#)) == nil)
    }

    @Test func `encryption, compression and nesting are refused`() {
        #expect(refusal(token(header: #"{"alg":"HS256","enc":"A128GCM"}"#)) == .unsupportedHeader(.encryption))
        #expect(refusal(token(header: #"{"alg":"HS256","zip":"DEF"}"#)) == .unsupportedHeader(.compression))
        #expect(refusal(token(header: #"{"alg":"HS256","cty":"JWT"}"#)) == .unsupportedHeader(.contentType))
        #expect(refusal(token(header: #"{"alg":"HS256","cty":"application/jwt"}"#)) == .unsupportedHeader(.contentType))
        #expect(refusal(token(header: #"{"alg":"HS256","cty":1}"#)) == .wrongType(.contentType))
        #expect(refusal(token(header: #"{"alg":"HS256","cty":"json"}"#)) == nil)
    }

    @Test(arguments: ["JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/jwt", "application/at+jwt", "Application/AT+JWT"])
    func `a typ that is accepted is compared without case and without application`(_ type: String) {
        #expect(refusal(token(header: #"{"alg":"HS256","typ":"\#(type)"}"#)) == nil)
    }

    @Test(arguments: ["", "JWE", "JOSE", "logout+jwt", "secevent+jwt", "dpop+jwt", "text/jwt", "application/", " jwt", "jwt;x=y", "application/application/jwt"])
    func `a token of another type is refused`(_ type: String) {
        #expect(refusal(token(header: #"{"alg":"HS256","typ":"\#(type)"}"#)) == .unacceptedType)
    }

    @Test func `the accepted types are configurable`() {
        let rules = ValidationRules(types: ["Session+JWT"])
        #expect(refusal(token(header: #"{"alg":"HS256","typ":"session+jwt"}"#), verifier([TestKey()], rules)) == nil)
        #expect(refusal(token(header: #"{"alg":"HS256","typ":"JWT"}"#), verifier([TestKey()], rules)) == .unacceptedType)
        #expect(refusal(token(header: #"{"alg":"HS256"}"#), verifier([TestKey()], rules)) == nil)
    }

    @Test func `typ and kid must be strings`() {
        #expect(refusal(token(header: #"{"alg":"HS256","typ":1}"#)) == .wrongType(.type))
        #expect(refusal(token(header: #"{"alg":"HS256","typ":null}"#)) == .wrongType(.type))
        #expect(refusal(token(header: #"{"alg":"HS256","kid":1}"#)) == .wrongType(.keyID))
        #expect(refusal(token(header: #"{"alg":"HS256","kid":["a"]}"#)) == .wrongType(.keyID))
    }

    @Test(arguments: [#""jku":"https://evil.example/keys""#, #""x5u":"https://evil.example/""#, #""x5c":["MII"]"#, #""jwk":{"kty":"oct","k":"AA"}"#, #""x5t":"x""#, #""unknown":[1,{"a":null}]"#])
    func `keys and addresses in the header are ignored`(_ parameter: String) {
        let header = #"{"alg":"HS256",\#(parameter)}"#
        #expect(refusal(token(header: header)) == nil)
        #expect(refusal(token(header: header, key: TestKey(secret: 9))) == .badSignature)
    }

    @Test func `a header that was read before is judged alike`() {
        let verifier = verifier()
        for _ in 0..<3 {
            #expect(refusal(token(), verifier) == nil)
            #expect(refusal(token(header: #"{"alg":"HS256","crit":["x"]}"#), verifier) == .criticalHeader)
            #expect(refusal(token(key: TestKey(secret: 5)), verifier) == .badSignature)
        }
    }
}

@Suite("Keys of a token (RFC 7515 §4.1.4, §6)")
struct KeyChoiceTests {
    private let old = TestKey(.HS256, keyID: "old", secret: 1)
    private let new = TestKey(.HS256, keyID: "new", secret: 2)
    private let unnamed = TestKey(.HS256, secret: 3)
    private let rsa = TestKey(.RS256, keyID: "old", secret: 4)

    private func signed(_ kid: String?, _ key: TestKey, algorithm: Algorithm = .HS256) -> [UInt8] {
        let parameter = kid.map { #","kid":"\#($0)""# } ?? ""
        return token(header: #"{"alg":"\#(algorithm.rawValue)"\#(parameter)}"#, key: key)
    }

    @Test func `kid chooses the key, and no other is tried`() {
        let verifier = verifier([old, new])
        #expect(refusal(signed("old", old), verifier) == nil)
        #expect(refusal(signed("new", new), verifier) == nil)
        let before = new.verificationCount
        #expect(refusal(signed("old", new), verifier) == .badSignature)
        #expect(new.verificationCount == before)
    }

    @Test func `an unknown kid is an unknown key`() {
        #expect(refusal(signed("other", old), verifier([old, new])) == .unknownKey)
        #expect(refusal(signed("", old), verifier([old, new])) == .unknownKey)
        #expect(refusal(signed("OLD", old), verifier([old, new])) == .unknownKey)
    }

    @Test func `a token without kid is tried on all keys of its algorithm`() throws {
        let verifier = verifier([old, new])
        let verified = try verifier.verify(signed(nil, new).span, now: testNow)
        #expect(verified.keyIndex == 1)
        #expect(refusal(signed(nil, unnamed), verifier) == .badSignature)
    }

    @Test func `a key without kid is tried for all tokens of its algorithm`() {
        #expect(refusal(signed("whatever", unnamed), verifier([old, unnamed])) == nil)
    }

    @Test func `kid does not lead to a key of another algorithm`() {
        #expect(refusal(signed("old", rsa, algorithm: .HS256), verifier([rsa])) == .algorithmNotAllowed)
        #expect(refusal(signed("old", rsa, algorithm: .HS256), verifier([rsa, new])) == .unknownKey)
        #expect(refusal(signed("old", rsa, algorithm: .RS256), verifier([rsa, new])) == nil)
    }

    @Test func `no keys, no tokens`() { #expect(refusal(token(), verifier([])) == .algorithmNotAllowed) }
}
