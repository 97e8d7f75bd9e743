import Bytes
import JOSE
import Testing

@Suite("Compact form (RFC 7515 §7.1)")
struct CompactFormTests {
    @Test func `a token with three canonical segments is accepted`() { #expect(refusal(token()) == nil) }

    @Test(arguments: [("", 1), ("abc", 1), ("a.b", 2), ("a.b.c.d", 4), ("a.b.c.d.e", 5), ("....", 5), (".", 2)])
    func `anything but three segments is refused`(_ text: String, _ count: Int) {
        #expect(refusal(Array(text.utf8)) == .notThreeSegments(count: count))
    }

    @Test func `an empty header or payload is refused`() {
        #expect(refusal(Array("..".utf8)) == .emptySegment)
        #expect(refusal(Array(".e30.AAAA".utf8)) == .emptySegment)
        #expect(refusal(Array("e30..AAAA".utf8)) == .emptySegment)
    }

    @Test func `an empty signature is refused`() {
        var unsigned = token()
        unsigned.removeLast(unsigned.count - 1 - unsigned.lastIndex(of: UInt8(ascii: "."))!)
        #expect(refusal(unsigned) == .badSignature)
    }

    @Test(arguments: ["=", "+", "/", " ", "\n", "%", "\u{0}", "é", "\""])
    func `a character outside of base64url is refused in every segment`(_ character: String) {
        for position in 0..<3 {
            var parts = text(token()).split(separator: ".").map(String.init)
            parts[position] += character
            #expect(refusal(Array(parts.joined(separator: ".").utf8)) == .notBase64URL)
        }
    }

    @Test func `white space around a token is not stripped`() {
        #expect(refusal([0x20] + token()) == .notBase64URL)
        #expect(refusal(token() + [0x20]) == .notBase64URL)
        #expect(refusal(token() + [0x0A]) == .notBase64URL)
    }

    @Test func `trailing bits in the signature make another text of the same bytes, and are refused`() {
        var changed = token()
        // Eight bytes are eleven characters; the last one carries four bits, and two that must be zero.
        changed[changed.count - 1] += 1
        #expect(refusal(changed) == .notBase64URL)
    }

    @Test func `a token longer than the limit is refused before it is decoded`() {
        let limit = token().count
        let rules = ValidationRules(limits: TokenLimits(tokenBytesMax: limit))
        #expect(refusal(token(), verifier([TestKey()], rules)) == nil)
        #expect(refusal(token() + [UInt8(ascii: "!")], verifier([TestKey()], rules)) == .tooLarge(limitBytes: limit))
        #expect(refusal([UInt8](repeating: 0x2E, count: 100_000)) == .tooLarge(limitBytes: 8192))
    }

    @Test func `a header or payload that is not a JSON object is refused, the payload only once the signature is good`() {
        #expect(refusal(token(header: "x")) == .notJSON(.header, .notAnObject))
        #expect(refusal(token(header: #"{"alg":"HS256","alg":"HS256"}"#)) == .notJSON(.header, .duplicateMember))
        #expect(refusal(token("hello")) == .notJSON(.claims, .notAnObject))
        #expect(refusal(token(#"{"exp":1,"exp":2}"#)) == .notJSON(.claims, .duplicateMember))
        #expect(refusal(token("hello", key: TestKey(secret: 2))) == .badSignature)
    }

    @Test func `every change of one byte is refused`() {
        let good = token()
        for position in good.indices {
            for bit: UInt8 in [1, 2, 4, 8, 16, 32, 64, 128] {
                var changed = good
                changed[position] ^= bit
                #expect(refusal(changed) != nil)
            }
        }
    }

    @Test func `a token cut short anywhere is refused`() {
        let good = token()
        for count in 0..<good.count { #expect(refusal(Array(good[..<count])) != nil) }
    }

    @Test func `neither a token nor its claims show themselves`() throws {
        let claims = #"{"sub":"private","exp":1700003600}"#
        let unverified = try UnverifiedToken(token(claims).span)
        let verified = try verifier().verify(token(claims).span, now: testNow)
        for value: Any in [unverified, try unverified.claims(), verified, verified.claims] {
            var dumped = "\(value) \(String(reflecting: value)) "
            dump(value, to: &dumped)
            // "private", as text, as numbers, and in base64url.
            #expect(!dumped.contains("private") && !dumped.contains("112, 114, 105") && !dumped.contains("cHJpdm"))
        }
    }

    @Test func `random bytes never trap`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5_000 {
            var bytes = token()
            for _ in 0..<Int.random(in: 1..<8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            _ = refusal(bytes)
        }
    }
}
