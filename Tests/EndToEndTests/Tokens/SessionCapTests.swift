import Testing

/// Goal: a session ends, however much it is used (semantics 1.6). Method: anchors placed so that the cap lies just before,
/// at and beyond what a renewal would give.
@Suite("Renewal stops at the session's cap")
struct SessionCapTests {
    private func capped(_ claims: String, settings: String = "sliding: { buffer: 10m, session_cap: 12h }") throws -> Message {
        let origin = try Origin.ok()
        let gateway = try Gateway(settings, upstream: origin)
        let answer = try gateway.exchange(SlidingTests.request(Token.signed(claims: claims)))
        #expect(answer.status == 200, "the cap ends renewal, not the token")
        return answer
    }

    static let cap = 12 * 3600

    @Test(arguments: ["orig_iat", "auth_time"])
    func `the session's cap shortens the last successor`(_ anchor: String) throws {
        let end = Token.now() + 300
        let answer = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"\#(anchor)":\#(end + 1800 - Self.cap)}"#)
        let successor = try #require(Token(verifying: answer["X-Refresh-Token"] ?? ""))
        #expect(successor.integer("exp") == end + 1800)
        #expect(successor.integer(anchor) == end + 1800 - Self.cap)
    }

    @Test func `orig_iat counts before auth_time, and auth_time before iat`() throws {
        let end = Token.now() + 300
        let both = try capped(
            #"{"iat":\#(end - 3600),"exp":\#(end),"auth_time":5,"orig_iat":\#(end + 1800 - Self.cap)}"#)
        #expect(Token(verifying: both["X-Refresh-Token"] ?? "")?.integer("exp") == end + 1800)
        let old = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"auth_time":5}"#)
        #expect(!old.has("X-Refresh-Token"))
    }

    @Test func `a gain below a tenth is not worth a successor, a tenth is`() throws {
        let end = Token.now() + 300
        let little = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":\#(end + 359 - Self.cap)}"#)
        #expect(!little.has("X-Refresh-Token"))
        let enough = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":\#(end + 360 - Self.cap)}"#)
        #expect(Token(verifying: enough["X-Refresh-Token"] ?? "")?.integer("exp") == end + 360)
    }

    @Test func `at the cap renewal stops`() throws {
        let end = Token.now() + 300
        for past in [0, 1, 200, 100_000] {
            let answer = try capped(#"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":\#(end - past - Self.cap)}"#)
            #expect(!answer.has("X-Refresh-Token"))
        }
    }

    @Test func `without a cap, only by an explicit none, sessions go on`() throws {
        let end = Token.now() + 300
        let claims = #"{"iat":\#(end - 3600),"exp":\#(end),"orig_iat":5}"#
        #expect(try capped(claims, settings: "sliding: { buffer: 10m, session_cap: none }").has("X-Refresh-Token"))
        #expect(try !capped(claims, settings: "sliding: { buffer: 10m }").has("X-Refresh-Token"))
    }

    @Test func `a token without any anchor is not slid`() throws {
        let end = Token.now() + 300
        #expect(
            try !capped(#"{"exp":\#(end)}"#, settings: "sliding: { buffer: 10m, lifetime: 1h }").has("X-Refresh-Token"))
        #expect(try !capped(#"{"exp":\#(end)}"#).has("X-Refresh-Token"))
    }
}
