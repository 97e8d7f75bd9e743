import Bytes
import JOSE
import Testing

@Suite("Claims (RFC 7519 §4.1)")
struct ClaimsTests {
    private func refused(_ claims: String, _ rules: ValidationRules = ValidationRules(), now: Int64 = 1000) -> TokenRefusal? {
        refusal(token(claims), verifier([TestKey()], rules), now: NumericDate(seconds: now))
    }

    @Test func `a token without exp is refused`() {
        #expect(refused("{}") == .missingMember(.expiration))
        #expect(refused(#"{"iat":1}"#) == .missingMember(.expiration))
    }

    @Test(arguments: [
        "null", "\"1700000000\"", "1700000000.0", "1.7e9", "1e10", "1E2", "-1", "-0", "true", "[1700000000]", "{}", "253402300800",
        "9007199254740993", "99999999999999999999", "18446744073709551616", "1700000000.5",
    ])
    func `a date that is no integer within range is refused, in every date claim`(_ value: String) {
        #expect(refused(#"{"exp":\#(value)}"#) == .badDate(.expiration))
        #expect(refused(#"{"exp":2000,"nbf":\#(value)}"#) == .badDate(.notBefore))
        #expect(refused(#"{"exp":2000,"iat":\#(value)}"#) == .badDate(.issuedAt))
        #expect(refused(#"{"exp":2000,"orig_iat":\#(value)}"#) == .badDate(.originallyIssuedAt))
        #expect(refused(#"{"exp":2000,"auth_time":\#(value)}"#) == .badDate(.authenticatedAt))
    }

    @Test func `exp is the first instant at which a token has ended`() {
        #expect(refused(#"{"exp":1001}"#) == nil)
        #expect(refused(#"{"exp":1000}"#) == .expired(bySeconds: 0))
        #expect(refused(#"{"exp":900}"#) == .expired(bySeconds: 100))
        #expect(refused(#"{"exp":253402300799}"#) == nil)
        #expect(refused(#"{"exp":0}"#) == .expired(bySeconds: 1000))
    }

    @Test func `leeway is added to exp, and grace is when it is more`() {
        #expect(refused(#"{"exp":971}"#, ValidationRules(leewaySeconds: 30)) == nil)
        #expect(refused(#"{"exp":970}"#, ValidationRules(leewaySeconds: 30)) == .expired(bySeconds: 30))
        #expect(refused(#"{"exp":901}"#, ValidationRules(leewaySeconds: 30, graceSeconds: 100)) == nil)
        #expect(refused(#"{"exp":900}"#, ValidationRules(leewaySeconds: 30, graceSeconds: 100)) == .expired(bySeconds: 100))
    }

    @Test func `nbf is the first instant at which a token counts, with leeway`() {
        #expect(refused(#"{"exp":2000,"nbf":1000}"#) == nil)
        #expect(refused(#"{"exp":2000,"nbf":1001}"#) == .notYetValid(forSeconds: 1))
        #expect(refused(#"{"exp":2000,"nbf":1030}"#, ValidationRules(leewaySeconds: 30)) == nil)
        #expect(refused(#"{"exp":2000,"nbf":1031}"#, ValidationRules(leewaySeconds: 30)) == .notYetValid(forSeconds: 31))
        #expect(refused(#"{"exp":2000,"nbf":1031}"#, ValidationRules(graceSeconds: 100)) == .notYetValid(forSeconds: 31))
    }

    @Test(arguments: ["iat", "orig_iat", "auth_time"])
    func `a date of issue in the future is refused, with leeway`(_ name: String) {
        #expect(refused(#"{"exp":2000,"\#(name)":1000}"#) == nil)
        #expect(refused(#"{"exp":2000,"\#(name)":1001}"#) == .issuedInFuture(bySeconds: 1))
        #expect(refused(#"{"exp":2000,"\#(name)":1030}"#, ValidationRules(leewaySeconds: 30)) == nil)
        #expect(refused(#"{"exp":2000,"\#(name)":1031}"#, ValidationRules(leewaySeconds: 30)) == .issuedInFuture(bySeconds: 31))
    }

    @Test(arguments: ["sub", "jti", "sid", "iss"])
    func `registered strings are strings`(_ name: String) {
        #expect(refused(#"{"exp":2000,"\#(name)":"x"}"#) == nil)
        for value in ["1", "null", "[]", "{}", "true"] {
            #expect(refused(#"{"exp":2000,"\#(name)":\#(value)}"#) == .wrongType(TokenMember(rawValue: name)!))
        }
    }

    @Test(arguments: [("\"a\"", true), (#"["a","b"]"#, true), ("[]", true), ("1", false), ("null", false), (#"["a",1]"#, false), (#"[["a"]]"#, false), ("{}", false)])
    func `aud is a string or an array of strings`(_ value: String, _ isFine: Bool) {
        #expect(refused(#"{"exp":2000,"aud":\#(value)}"#) == (isFine ? nil : .wrongType(.audience)))
    }

    @Test func `iss is one of the configured, byte for byte`() {
        let rules = ValidationRules(issuers: ["https://a.example", "b"])
        #expect(refused(#"{"exp":2000,"iss":"https://a.example"}"#, rules) == nil)
        #expect(refused(#"{"exp":2000,"iss":"b"}"#, rules) == nil)
        #expect(refused(#"{"exp":2000,"iss":"https:\/\/a.example"}"#, rules) == nil)
        #expect(refused(#"{"exp":2000,"iss":"B"}"#, rules) == .wrongIssuer)
        #expect(refused(#"{"exp":2000,"iss":"https://a.example/"}"#, rules) == .wrongIssuer)
        #expect(refused(#"{"exp":2000,"iss":""}"#, rules) == .wrongIssuer)
        #expect(refused(#"{"exp":2000}"#, rules) == .wrongIssuer)
    }

    @Test func `aud is, or contains, one of the configured`() {
        let rules = ValidationRules(audiences: ["api", "web"])
        #expect(refused(#"{"exp":2000,"aud":"api"}"#, rules) == nil)
        #expect(refused(#"{"exp":2000,"aud":["x","web"]}"#, rules) == nil)
        #expect(refused(#"{"exp":2000,"aud":["x","w\u0065b"]}"#, rules) == nil)
        #expect(refused(#"{"exp":2000,"aud":["x"]}"#, rules) == .wrongAudience)
        #expect(refused(#"{"exp":2000,"aud":[]}"#, rules) == .wrongAudience)
        #expect(refused(#"{"exp":2000,"aud":"apis"}"#, rules) == .wrongAudience)
        #expect(refused(#"{"exp":2000,"aud":"api web"}"#, rules) == .wrongAudience)
        #expect(refused(#"{"exp":2000}"#, rules) == .wrongAudience)
    }

    @Test func `claims are looked at only when the signature is good`() {
        let forged = token(#"{"exp":1}"#, key: TestKey(secret: 2))
        #expect(refusal(forged) == .badSignature)
    }

    @Test func `escaped claim names count as what they say`() {
        #expect(refused(#"{"\u0065xp":1000}"#) == .expired(bySeconds: 0))
        #expect(refused(#"{"\u0065xp":1001}"#) == nil)
    }

    @Test func `a verified token says what it holds`() throws {
        let claims = #"{"exp":2000,"iat":900,"nbf":950,"auth_time":800,"jti":"j","role":["a"]}"#
        let verified = try verifier().verify(token(claims).span, now: NumericDate(seconds: 1000))
        #expect(verified.expiration.seconds == 2000)
        #expect(verified.issuedAt?.seconds == 900)
        #expect(verified.notBefore?.seconds == 950)
        #expect(verified.anchor?.seconds == 800)
        #expect(verified.algorithm == .HS256)
        #expect(verified.claims.string(.tokenID) == "j")
        #expect(verified.claims.strings(named: "role") == ["a"])
        let written = verified.claims.withText { Array(copying: $0) }
        #expect(text(written) == claims)
    }

    @Test func `the anchor is orig_iat, else auth_time, else iat`() throws {
        func anchor(_ claims: String) throws -> Int64? {
            try verifier().verify(token(claims).span, now: NumericDate(seconds: 1000)).anchor?.seconds
        }
        #expect(try anchor(#"{"exp":2000,"iat":3,"auth_time":2,"orig_iat":1}"#) == 1)
        #expect(try anchor(#"{"exp":2000,"iat":3,"auth_time":2}"#) == 2)
        #expect(try anchor(#"{"exp":2000,"iat":3}"#) == 3)
        #expect(try anchor(#"{"exp":2000}"#) == nil)
    }

    @Test func `a verified token is checked again against time alone`() throws {
        let verifier = verifier()
        let verified = try verifier.verify(token(#"{"exp":2000,"nbf":900}"#).span, now: NumericDate(seconds: 1000))
        try verifier.recheck(verified, now: NumericDate(seconds: 1999))
        #expect(throws: TokenRefusal.expired(bySeconds: 0)) { try verifier.recheck(verified, now: NumericDate(seconds: 2000)) }
        #expect(throws: TokenRefusal.notYetValid(forSeconds: 1)) { try verifier.recheck(verified, now: NumericDate(seconds: 899)) }
    }

    @Test func `refusals have stable codes and no quotes`() {
        let refusals: [(TokenRefusal, String)] = [
            (.notThreeSegments(count: 5), "token_malformed"), (.badDate(.expiration), "token_malformed"),
            (.notJSON(.header, .duplicateMember), "token_malformed"), (.expired(bySeconds: 1), "token_expired"),
            (.notYetValid(forSeconds: 1), "token_not_yet_valid"), (.badSignature, "token_invalid"),
            (.algorithmNotAllowed, "token_invalid"), (.wrongAudience, "token_invalid"), (.revoked, "token_revoked"),
            (.revocationUnknown, "revocation_unknown"), (.sessionEnded, "session_expired"), (.keysUnavailable, "keys_unavailable"),
        ]
        for (refusal, code) in refusals {
            #expect(refusal.code == code)
            #expect(refusal.description.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C })
            #expect(refusal.reason.utf8.allSatisfy { $0 == 0x5F || $0.isASCIILetter || $0.isASCIIDigit })
        }
    }
}
