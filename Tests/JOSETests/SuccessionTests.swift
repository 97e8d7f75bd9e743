import Bytes
import JOSE
import Testing

@Suite("Claims surgery (semantics §1.4)")
struct SuccessionTests {
    static let new = SuccessorClaims(
        expiration: NumericDate(seconds: 1_700_007_200), issuedAt: NumericDate(seconds: 1_700_003_600), tokenID: "j1", sessionID: "s1",
        anchor: NumericDate(seconds: 1_699_999_000))

    private func verified(_ claims: String, header: String = testHeader, keys: [TestKey] = [TestKey()]) throws -> VerifiedToken {
        try verifier(keys).verify(token(claims, header: header, key: keys[0]).span, now: testNow)
    }

    private func payload(_ claims: String, _ new: SuccessorClaims = new) throws -> String {
        segment(1, of: try #require(verified(claims).successor(new, signer: TestKey())))
    }

    private func header(_ header: String, signer: TestKey, keys: [TestKey] = [TestKey()]) throws -> String {
        segment(0, of: try #require(verified(testClaims, header: header, keys: keys).successor(Self.new, signer: signer)))
    }

    @Test(arguments: [
        // Dates and jti in their places, sid and orig_iat behind.
        (
            #"{"iss":"i","iat":1699999000,"exp":1700003600,"jti":"j0","sub":"u"}"#,
            #"{"iss":"i","iat":1700003600,"exp":1700007200,"jti":"j1","sub":"u","sid":"s1","orig_iat":1699999000}"#
        ),
        // jti is added where there is none; so is iat.
        (
            #"{"exp":1700003600,"auth_time":5}"#,
            #"{"exp":1700007200,"auth_time":5,"iat":1700003600,"jti":"j1","sid":"s1"}"#
        ),
        // sid and the anchors stay; nbf follows iat.
        (
            #"{"sid":"mine","orig_iat":7,"nbf":9,"iat":8,"exp":1700003600,"jti":"j0"}"#,
            #"{"sid":"mine","orig_iat":7,"nbf":1700003600,"iat":1700003600,"exp":1700007200,"jti":"j1"}"#
        ),
        // White space, order, big integers, escapes and unknown members stay as they were written.
        (
            "{ \"n\" : 123456789012345678901234567890 ,\r\n\t\"exp\" : 1700003600 , \"a\\u0062\\/\":\"\\u00e9\\ud83d\\ude00é\", \"iat\":1 , \"f\":1.50E+01,\"x\":{ \"exp\" : 1 } }",
            "{ \"n\" : 123456789012345678901234567890 ,\r\n\t\"exp\" : 1700007200 , \"a\\u0062\\/\":\"\\u00e9\\ud83d\\ude00é\", \"iat\":1700003600 , \"f\":1.50E+01,\"x\":{ \"exp\" : 1 },\"jti\":\"j1\",\"sid\":\"s1\",\"orig_iat\":1699999000 }"
        ),
        // An escaped name is still the name of the claim.
        (
            #"{"\u0065xp":1700003600,"iat":1}"#,
            #"{"\u0065xp":1700007200,"iat":1700003600,"jti":"j1","sid":"s1","orig_iat":1699999000}"#
        ),
    ])
    func `only the dates, jti, sid and the anchor change`(_ presented: String, _ expected: String) throws {
        #expect(try payload(presented) == expected)
    }

    @Test func `without a session ID none is added`() throws {
        var new = Self.new
        new.sessionID = nil
        #expect(try payload(#"{"exp":1700003600,"orig_iat":1,"iat":1,"jti":""}"#, new) == #"{"exp":1700007200,"orig_iat":1,"iat":1700003600,"jti":"j1"}"#)
    }

    @Test func `a jti that needs escapes is escaped`() throws {
        var new = Self.new
        new.tokenID = "a\"b\\c\u{1}\u{1F}é"
        let payload = try payload(#"{"exp":1700003600,"iat":1,"sid":"s","orig_iat":1}"#, new)
        #expect(payload == #"{"exp":1700007200,"iat":1700003600,"sid":"s","orig_iat":1,"jti":"a\"b\\c\#u{5C}u0001\#u{5C}u001fé"}"#)
    }

    @Test func `the header stays as it is under the same key`() throws {
        let header = #"{ "typ":"JWT", "x":[1,{"y":null}],"alg" :"HS256" }"#
        #expect(try self.header(header, signer: TestKey()) == header)
    }

    @Test(arguments: [
        (#"{"alg":"HS256","kid":"old","typ":"JWT"}"#, #"{"alg":"HS256","kid":"new","typ":"JWT"}"#),
        (#"{"typ":"JWT","alg":"HS256"}"#, #"{"typ":"JWT","alg":"HS256","kid":"new"}"#),
        (#"{"alg":"HS256","kid":"n\u0065w"}"#, #"{"alg":"HS256","kid":"n\u0065w"}"#),
    ])
    func `kid becomes that of the signing key`(_ presented: String, _ expected: String) throws {
        let keys = [TestKey(keyID: nil), TestKey(keyID: "new", secret: 2)]
        #expect(try header(presented, signer: keys[1], keys: keys) == expected)
    }

    @Test(arguments: [
        (#"{"alg":"HS256","kid":"old"}"#, #"{"alg":"RS256"}"#), (#"{"kid":"old","alg":"HS256"}"#, #"{"alg":"RS256"}"#),
        (#"{"alg":"HS256", "kid":"old" , "typ":"JWT"}"#, #"{"alg":"RS256", "typ":"JWT"}"#),
        (#"{"alg":"HS256"}"#, #"{"alg":"RS256"}"#),
    ])
    func `alg becomes that of the signing key, and a kid that is not its own goes`(_ presented: String, _ expected: String) throws {
        #expect(try header(presented, signer: TestKey(.RS256, secret: 2), keys: [TestKey(keyID: "old")]) == expected)
    }

    @Test func `under a key without kid that also verified, the kid stays`() throws {
        let presented = #"{"alg":"HS256","kid":"theirs"}"#
        #expect(try header(presented, signer: TestKey()) == presented)
    }

    @Test func `the same successor comes out each time, and verifies`() throws {
        let verified = try verified(testClaims)
        let first = try #require(verified.successor(Self.new, signer: TestKey()))
        #expect(verified.successor(Self.new, signer: TestKey()) == first)
        let successor = try verifier().verify(first.span, now: Self.new.issuedAt)
        #expect(successor.expiration == Self.new.expiration)
        #expect(successor.anchor == Self.new.anchor)
    }

    @Test func `a failing signer gives no successor`() throws {
        #expect(try verified(testClaims).successor(Self.new, signer: BrokenSigner()) == nil)
    }

    @Test func `a successor that would be refused for its size is not made`() throws {
        let claims = #"{"exp":1700003600,"iat":1}"#
        let rules = ValidationRules(limits: TokenLimits(tokenBytesMax: token(claims).count + 8))
        let verified = try verifier([TestKey()], rules).verify(token(claims).span, now: testNow)
        #expect(verified.successor(Self.new, signer: TestKey()) == nil)
        let few = ValidationRules(limits: TokenLimits(membersMax: 4))
        let narrow = try verifier([TestKey()], few).verify(token(claims).span, now: testNow)
        #expect(narrow.successor(Self.new, signer: TestKey()) == nil)
    }
}

@Suite("Claims surgery on random tokens")
struct SuccessionPropertyTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `all other members stay byte for byte and in order, along a chain of successors`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let key = TestKey()
        let verifier = verifier([key])
        for _ in 0..<150 {
            let claims = RandomClaims(using: &random)
            var presented = token(claims.text, key: key)
            var now = testNow
            for step in 1...3 {
                let verified = try verifier.verify(presented.span, now: now)
                now = now.advanced(bySeconds: 60)
                let new = SuccessorClaims(
                    expiration: now.advanced(bySeconds: 3600), issuedAt: now, tokenID: "j\(step)", sessionID: "s",
                    anchor: verified.anchor ?? testNow)
                let successor = try #require(verified.successor(new, signer: key))
                #expect(verified.successor(new, signer: key) == successor)
                let next = try verifier.verify(successor.span, now: now)
                #expect(next.expiration == new.expiration && next.issuedAt == new.issuedAt)
                #expect(next.claims.string(.tokenID) == "j\(step)")
                #expect(next.claims.string(.sessionID) != nil)
                #expect(verified.anchor == nil || next.anchor == verified.anchor)
                expectUnchanged(verified, next)
                #expect(segment(0, of: successor) == segment(0, of: presented))
                presented = successor
            }
        }
    }

    /// Blanks the values that may change and compares what is left, white space counted.
    private func expectUnchanged(_ old: VerifiedToken, _ new: VerifiedToken) {
        let changing: Set<String> = ["exp", "iat", "nbf", "jti"]
        func frame(_ claims: ClaimsSet, upTo count: Int) -> [[UInt8]] {
            let bytes = claims.withText { Array(copying: $0) }
            var pieces: [[UInt8]] = []
            var position = 0
            for member in claims.members.prefix(count) {
                let isChanging = changing.contains(claims.name(of: member))
                pieces.append(Array(bytes[position..<member.value.lowerBound]))
                pieces.append(isChanging ? [] : Array(bytes[member.value]))
                position = member.value.upperBound
            }
            return pieces
        }
        let count = old.claims.members.count
        #expect(frame(old.claims, upTo: count) == frame(new.claims, upTo: count))
        let added = new.claims.members.dropFirst(count).map(new.claims.name(of:))
        #expect(Set(added).isSubset(of: ["iat", "jti", "sid", "orig_iat"]))
    }
}

/// A claims set with everything that issuers write, in random order and spacing.
struct RandomClaims {
    private(set) var text: String

    init(using random: inout SeededGenerator) {
        var members = [#""exp""# + Self.space(&random) + ":" + Self.space(&random) + "1700003600"]
        func sometimes(_ member: String) { if Bool.random(using: &random) { members.append(member) } }
        sometimes(#""iat":1699999000"#)
        sometimes(#""nbf":1699990000"#)
        sometimes(#""jti":"\u0061bc""#)
        sometimes(#""sid":"family""#)
        sometimes(#""orig_iat":1699990000"#)
        sometimes(#""\u0061uth_time":1699980000"#)
        for index in 0..<Int.random(in: 0..<6, using: &random) {
            members.append(Self.string("k\(index)", &random) + Self.space(&random) + ":" + Self.space(&random) + Self.value(&random, depth: 2))
        }
        members.shuffle(using: &random)
        var text = Self.space(&random) + "{" + Self.space(&random)
        for (index, member) in members.enumerated() {
            text += member + Self.space(&random) + (index + 1 < members.count ? "," + Self.space(&random) : "")
        }
        self.text = text + "}" + Self.space(&random)
    }

    private static func space(_ random: inout SeededGenerator) -> String {
        ["", "", "", " ", "\n", "\t ", "\r\n"].randomElement(using: &random)!
    }

    private static func string(_ prefix: String, _ random: inout SeededGenerator) -> String {
        let pieces = ["", "é", "😀", #"\u00e9"#, #"\ud83d\ude00"#, #"\""#, #"\\"#, #"\/"#, "/", #"\n"#, "some longer ASCII text", #"\u0000"#]
        return "\"" + prefix + (0..<3).map { _ in pieces.randomElement(using: &random)! }.joined() + "\""
    }

    private static func value(_ random: inout SeededGenerator, depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return string("", &random)
        case 1: return "\(Int64.random(in: .min ... .max, using: &random))"
        case 2: return "9007199254740993123456789\(Int.random(in: 0...9, using: &random))"
        case 3: return ["1.0", "-0", "1E400", "0.10", "1e-7", "-0.0e+00"].randomElement(using: &random)!
        case 4: return ["true", "false", "null"].randomElement(using: &random)!
        case 5: return "[]"
        case 6: return "[" + (0..<2).map { _ in value(&random, depth: depth - 1) }.joined(separator: " ,") + "]"
        default: return "{ " + string("a", &random) + ":" + value(&random, depth: depth - 1) + #","exp":1}"#
        }
    }
}
