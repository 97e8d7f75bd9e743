import Foundation
import Testing

/// Goal: who has no valid token gets a precise refusal, and the origin never hears of the attempt (semantics 4 and 5).
/// Method: one request per kind of token; the origin's record stays empty.
@Suite("Requests without a valid token are refused")
struct RefusalTests {
    /// The answer to a request with those field lines, which the origin must not hear of.
    static func refusal(_ fields: String, settings: String = "") throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings, upstream: origin)
        let answer = try gateway.exchange("GET /private HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
        #expect(origin.received.isEmpty, "the upstream stays untouched")
        return answer
    }

    private func refusal(ofToken token: String, settings: String = "") throws -> Message {
        try Self.refusal("Authorization: Bearer \(token)\r\n", settings: settings)
    }

    /// RFC 6750 §3.1: who sent no credentials is told no error.
    @Test(arguments: ["", "Authorization: Basic dXNlcjpwYXNz\r\n", "Authorization: Digest a=b\r\n", "X-Token: abc\r\n"])
    func `no token is a 401 with a bare challenge`(_ fields: String) throws {
        let answer = try Self.refusal(fields)
        expectProblem(answer, status: 401, code: "token_missing")
        #expect(answer.values(of: "WWW-Authenticate") == [#"Bearer realm="slidegate""#])
    }

    @Test func `the realm is configurable`() throws {
        let answer = try Self.refusal("", settings: "tokens: { realm: Orders API }")
        #expect(answer.values(of: "WWW-Authenticate") == [#"Bearer realm="Orders API""#])
    }

    private func expectInvalid(_ answer: Message, code: String, sourceLocation: SourceLocation = #_sourceLocation) {
        expectProblem(answer, status: 401, code: code, sourceLocation: sourceLocation)
        let challenges = answer.values(of: "WWW-Authenticate")
        #expect(challenges.count == 1, sourceLocation: sourceLocation)
        let challenge = challenges.first ?? ""
        #expect(challenge.hasPrefix(#"Bearer realm="slidegate""#), sourceLocation: sourceLocation)
        #expect(challenge.contains(#"error="invalid_token""#), "\(challenge)", sourceLocation: sourceLocation)
        #expect(challenge.contains("error_description=\""), "\(challenge)", sourceLocation: sourceLocation)
    }

    @Test func `an expired token is token_expired`() throws {
        expectInvalid(try refusal(ofToken: .init(Token.with(left: -5))), code: "token_expired")
    }

    @Test func `a token from the future is token_not_yet_valid`() throws {
        let token = Token.with(left: 3000, more: #","nbf":\#(Token.now() + 1000)"#)
        expectInvalid(try refusal(ofToken: token), code: "token_not_yet_valid")
    }

    @Test func `leeway admits at both ends`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("tokens: { leeway: 60s }", upstream: origin)
        #expect(try gateway.get("/", "Authorization: Bearer \(Token.with(left: -20))").status == 200)
        let early = Token.with(left: 3000, more: #","nbf":\#(Token.now() + 30)"#)
        #expect(try gateway.get("/", "Authorization: Bearer \(early)").status == 200)
        expectInvalid(try gateway.get("/", "Authorization: Bearer \(Token.with(left: -100))"), code: "token_expired")
    }

    @Test func `a signature by another key is token_invalid`() throws {
        let other = Array("another secret, of the same length as the right".utf8) + [33]
        expectInvalid(try refusal(ofToken: Token.with(left: 3000, secret: other)), code: "token_invalid")
    }

    @Test func `a signature with any one bit changed is refused`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let client = try gateway.connect()
        let token = Token.fresh
        let segments = token.split(separator: ".").map(String.init)
        var signature = try #require(decodeBase64url(segments[2]))
        for bit in stride(from: 0, to: 256, by: 7) {
            signature[bit / 8] ^= 1 << UInt8(bit % 8)
            let forged = "\(segments[0]).\(segments[1]).\(base64url(signature))"
            let answer = try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(forged)\r\n\r\n")
            expectInvalid(answer, code: "token_invalid")
            signature[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        #expect(origin.received.isEmpty)
        #expect(
            try client.exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n").status == 200)
    }

    @Test(arguments: ["a", "a.b", "a.b.c", "..", "a.b.c.d", "a.b.c.d.e", "%%%.%%%.%%%", "e30.e30.", ".e30.e30", "e30..e30", "e30.e30.e30"])
    func `what is no compact JWS is token_malformed`(_ token: String) throws {
        expectInvalid(try refusal(ofToken: token), code: "token_malformed")
    }

    /// Everything here is signed with the right secret: only the form or the claims are wrong.
    @Test(arguments: [
        (#"{"alg":"none"}"#, "C"), (#"{"alg":"HS384"}"#, "C"), (#"{"alg":"hs256"}"#, "C"), (#"{"alg":"RS256"}"#, "C"),
        (#"{}"#, "C"), (#"{"alg":1}"#, "C"),
        (#"{"alg":["HS256"]}"#, "C"), (#"{"alg":"HS256","alg":"HS256"}"#, "C"),
        (#"{"alg":"none","alg":"HS256"}"#, "C"), (#"{"alg":"HS256","crit":["x"],"x":1}"#, "C"),
        (#"{"alg":"HS256","crit":[]}"#, "C"), (#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, "C"),
        (#"{"alg":"HS256","b64":false}"#, "C"), (#"{"alg":"HS256","typ":"dpop+jwt"}"#, "C"),
        (#"["HS256"]"#, "C"), (#""HS256""#, "C"), (#"{"alg":"HS256"}x"#, "C"), (#"{"alg":"HS256",}"#, "C"),
        ("\u{feff}{\"alg\":\"HS256\"}", "C"), (#"{"alg":"HS256""#, "C"), ("", "C"),
        (#"{'alg':'HS256'}"#, "C"), (#"{"alg":"HS256","kid":"\ud800"}"#, "C"),
        ("{\"alg\":\"HS256\",\"kid\":\"a\u{1}\"}", "C"),
        ("H", #"{"exp":1}"#), ("H", #"{}"#), ("H", #"{"sub":"a"}"#), ("H", #"{"exp":"4102444800"}"#),
        ("H", #"{"exp":4102444800.5}"#), ("H", #"{"exp":4102444800.0}"#), ("H", #"{"exp":4.1e9}"#),
        ("H", #"{"exp":1e400}"#), ("H", #"{"exp":99999999999999999999}"#), ("H", #"{"exp":-1}"#),
        ("H", #"{"exp":null}"#), ("H", #"{"exp":true}"#), ("H", #"{"exp":[4102444800]}"#),
        ("H", #"{"exp":4102444800,"exp":4102444800}"#), ("H", #"{"exp":1,"exp":4102444800}"#),
        ("H", #"{"exp":4102444800,"\u0065xp":1}"#), ("H", #"{"exp":04102444800}"#), ("H", #"{"exp":+4102444800}"#),
        ("H", #"{"exp":4102444800,"nbf":"x"}"#), ("H", #"{"exp":4102444800,"iat":"x"}"#),
        ("H", #"{"exp":4102444800,"nbf":1.5}"#), ("H", #"{"exp":4102444800,"a":{"b":1,"b":2}}"#),
        ("H", #"[4102444800]"#), ("H", #"{"exp":4102444800}{}"#), ("H", #"{"exp":4102444800"#),
        ("H", #"{"exp":4102444800,"a":NaN}"#), ("H", #"{"exp":4102444800,"a":"\x"}"#),
        ("H", "{\"exp\":4102444800,\"a\":\"\n\"}"), ("H", #"{"exp":4102444800,"a":"\udc00"}"#), ("H", ""),
    ])
    func `a token that is signed well and says ill is refused`(_ header: String, _ claims: String) throws {
        let token = Token.signed(
            claims: claims == "C" ? #"{"exp":4102444800}"# : claims, header: header == "H" ? #"{"alg":"HS256"}"# : header)
        let answer = try refusal(ofToken: token)
        expectProblem(answer, status: 401)
        #expect(answer.problemCode?.hasPrefix("token_") == true)
        #expect(answer["WWW-Authenticate"]?.contains(#"error="invalid_token""#) == true)
    }

    /// RFC 7515 §2: no padding, no line breaks, no bits beyond the last byte, only the URL-safe alphabet.
    @Test(arguments: [
        { $0 + "=" }, { "=" + $0 }, { $0 + "." }, { "." + $0 }, { $0 + "A" },
        { token in
            var characters = Array(token)
            let last = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
            characters[characters.count - 1] = last[last.firstIndex(of: characters.last!)! | 1]
            return String(characters)
        },
        { $0.replacingOccurrences(of: ".", with: "..") }, { $0.replacingOccurrences(of: ".", with: "=.") },
        { $0.replacingOccurrences(of: "ey", with: "ey+") }, { $0.replacingOccurrences(of: ".", with: "\u{a0}.") },
        { $0.uppercased() },
    ] as [@Sendable (String) -> String])
    func `a token in any other encoding of the same is refused`(_ twist: @Sendable (String) -> String) throws {
        // 43 characters carry 256 bits and two more, so the last one has spare bits to be wrong in.
        let answer = try refusal(ofToken: twist(Token.fresh))
        #expect(answer.status == 401 || answer.status == 400, "\(answer.startLine)")
    }

    @Test func `deep, wide and long tokens are refused, not suffered`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(upstream: origin)
        let deep = String(repeating: "[", count: 1500) + String(repeating: "]", count: 1500)
        for claims in [
            #"{"exp":4102444800,"a":\#(deep)}"#, #"{"exp":4102444800,"a":"\#(String(repeating: "x", count: 9000))"}"#,
            #"{"exp":4102444800,"a":[\#(String(repeating: "[],", count: 1500))[]]}"#,
        ] {
            let answer = try gateway.get("/", "Authorization: Bearer \(Token.signed(claims: claims))")
            if claims.contains("[],") {
                #expect([200, 401].contains(answer.status))
            } else {
                #expect([400, 401].contains(answer.status), "\(answer.startLine)")
            }
        }
    }

    /// The oldest trick (CVE-2015-9235): what everyone may know, taken for a secret.
    @Test func `a public key is no HMAC secret`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            """
            keys: [ { id: r, algorithm: RS256, public_key_file: $FOLDER/rsa.pem }, { id: h, algorithm: HS256, secret_file: $FOLDER/jwt.secret } ]
            """, upstream: origin, files: ["rsa.pem": Self.publicKey])
        let end = Token.now() + 3000
        for secret in [Self.publicKey, String(Self.publicKey.dropLast())] {
            for header in [#"{"alg":"HS256","kid":"r"}"#, #"{"alg":"HS256"}"#, #"{"alg":"RS256","kid":"r"}"#, #"{"alg":"RS256","kid":"h"}"#] {
                let token = Token.signed(
                    claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#, header: header, secret: Array(secret.utf8))
                expectProblem(
                    try gateway.get("/", "Authorization: Bearer \(token)"), status: 401, code: "token_invalid")
            }
        }
        let confused = Token.signed(
            claims: #"{"iat":\#(end - 3600),"exp":\#(end)}"#, header: #"{"alg":"HS256","kid":"r"}"#)
        expectProblem(try gateway.get("/", "Authorization: Bearer \(confused)"), status: 401, code: "token_invalid")
        #expect(origin.received.isEmpty)
    }

    /// Of a key pair made for this test, whose private half was thrown away.
    static let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0Q64IE2DrSdV9cR5sPJG
        pNj2L1kbICf87I7K1IXYrpei+NjIkwE5f+Q1HBYAhWy3kRuZGACHz4ONsQZr19zg
        lE0Ss7MiNWYyYFYxj6Qx86ZQWjgaivuvFj7fuJX7XKsNosxcXamjC3eybTjiTmvT
        N3vZUPzZWWR3DlnlDE17j+OnkY0Uy4Rn9Qo7PLH2betoQlvyBHhItEF7gEYMyCun
        yFGaq6lZBX+06T/o83ZEUKMTBUvzvB0BjyuimNPp3/TEfEHi9NxQePx1jn1DRYFv
        3t96Y75ZfgzdK+NsRsGJTvEgamVy4OVEozm6Le3iz+wPNwZNnysz03ek7Tuk5QOB
        awIDAQAB
        -----END PUBLIC KEY-----
        """ + "\n"

    // MARK: issuer, audience, claims

    @Test func `issuer and audience must be the configured ones`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway(
            #"tokens: { issuer: [ "https://i.example" ], audience: [ api, web ] }"#, upstream: origin)
        func status(_ more: String) throws -> Message { try gateway.get("/", "Authorization: Bearer \(Token.with(left: 3000, more: more))") }
        #expect(try status(#","iss":"https://i.example","aud":"api""#).status == 200)
        #expect(try status(#","iss":"https://i.example","aud":["other","web"]"#).status == 200)
        for more in [
            "", #","iss":"https://i.example""#, #","aud":"api""#, #","iss":"https://i.example/","aud":"api""#,
            #","iss":"https://i.example","aud":"apis""#,
            #","iss":"https://i.example","aud":[]"#, #","iss":["https://i.example"],"aud":"api""#,
            #","iss":"https://i.example","aud":{"api":1}"#,
            #","iss":"https://i.example","aud":["api",1]"#, #","iss":"HTTPS://i.example","aud":"api""#,
        ] {
            let answer = try status(more)
            expectInvalid(answer, code: answer.problemCode ?? "token_invalid")
            #expect(answer.problemCode?.hasPrefix("token_") == true)
        }
        #expect(origin.requests.count == 2)
    }

    @Test func `a claim that a route requires and a token lacks is a 403 insufficient_scope`() throws {
        let origin = try Origin.ok()
        let gateway = try Gateway("routes: [ { path: /, require: { role: [ admin, root ] } } ]", upstream: origin)
        for more in ["", #","role":"user""#, #","role":["user"]"#, #","role":"Admin""#, #","role":{"admin":true}"#, #","role":null"#] {
            let answer = try gateway.get("/", "Authorization: Bearer \(Token.with(left: 3000, more: more))")
            expectProblem(answer, status: 403)
            #expect(answer["WWW-Authenticate"]?.contains(#"error="insufficient_scope""#) == true)
        }
        #expect(origin.received.isEmpty)
        for more in [#","role":"admin""#, #","role":["user","root"]"#, #","role":"\u0061dmin""#] {
            #expect(try gateway.get("/", "Authorization: Bearer \(Token.with(left: 3000, more: more))").status == 200)
        }
    }
}
