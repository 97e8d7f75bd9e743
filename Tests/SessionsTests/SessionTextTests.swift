import JOSE
import Sessions
import Testing

@Suite("Sessions as text")
struct SessionTextTests {
    private static let device = Session.Device(id: "d-1", name: "Ada's \"phone\"", application: "shop")

    private func full() throws -> Session {
        let rules = SessionRules(refreshSeconds: 1000, expiry: .slidingWithCap(capSeconds: 5000))
        var session = try Session.sample(claims: #"{"sub":"alice","role":["a"]}"#, device: Self.device, rules: rules)
        _ = session.refresh(0, at: start + 10, rules: rules)
        session.end(.limit, now: start + 20)
        return session
    }

    private static let fullText =
        #"{"v":1,"id":"ABEiM0RVZneImaq7zN3u_w","sub":"alice","device":"d-1","name":"Ada's \"phone\"","app":"shop","#
        + #""created":2000000000,"used":2000000010,"address":"192.0.2.2","counter":1,"rotated":2000000010,"expires":2000001010,"#
        + #""ends":2000005000,"ended":2000000020,"reason":"limit","claims":{"sub":"alice","role":["a"]}}"#

    private func read(_ text: String) -> Result<Session, SessionTextError> { read(Array(text.utf8)) }

    private func read(_ text: [UInt8]) -> Result<Session, SessionTextError> {
        Result { () throws(SessionTextError) in try Session(text: text) }
    }

    // MARK: The form of version 1, which stores out there are full of

    @Test func `every member is written`() throws {
        #expect(String(decoding: try full().text, as: UTF8.self) == Self.fullText)
        #expect(read(Self.fullText) == .success(try full()))
    }

    @Test func `what is absent is left out`() throws {
        let session = try Session.sample(claims: "{}", address: "")
        let text =
            #"{"v":1,"id":"ABEiM0RVZneImaq7zN3u_w","sub":"alice","created":2000000000,"used":2000000000,"address":"","#
            + #""counter":0,"rotated":2000000000,"expires":2000604800,"claims":{}}"#
        #expect(String(decoding: session.text, as: UTF8.self) == text)
        #expect(read(text) == .success(session))
    }

    @Test func `members may be in any order, with white space between them`() throws {
        let inner = Self.fullText.dropFirst().dropLast()
        let members = inner.split(separator: ",\"").map { $0.hasPrefix("\"") ? String($0) : "\"" + $0 }
        // The claims have a comma of their own: the last two parts are one member.
        let whole = members.dropLast(2) + [members.suffix(2).joined(separator: ",")]
        #expect(read("\n{ \(whole.reversed().joined(separator: " , ")) }\t") == .success(try full()))
    }

    @Test func `claims are kept byte for byte, also in odd spelling`() throws {
        for claims in ["{}", "{ }", "{ \"a\\u0062\" :\t1.50E+01 ,\r\n\"n\":123456789012345678901234567890,\"x\":[{\"x\":{}}] }"] {
            let session = try Session.sample(claims: claims)
            #expect(read(session.text) == .success(session))
            #expect(try read(session.text).get().claims == Array(claims.utf8))
        }
    }

    @Test func `claims may nest as deep as those of tokens`() throws {
        let claims = "{\"a\":" + String(repeating: "[", count: 7) + String(repeating: "]", count: 7) + "}"
        let session = try Session.sample(claims: claims)
        #expect(read(session.text) == .success(session))
    }

    @Test func `the largest session has room`() throws {
        let label = String(repeating: "\u{1}", count: 256)
        let session = try Session.sample(
            subject: String(repeating: "\u{2}", count: 512), claims: "{\"a\":\"\(String(repeating: "x", count: 4088))\"}",
            device: Session.Device(id: label, name: label, application: label), address: label,
            rules: SessionRules(refreshSeconds: .max, expiry: .fixed))
        #expect(session.text.count <= Session.textBytesMax)
        #expect(read(session.text) == .success(session))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `whatever is written is read`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let alphabet = Array("a\"\\/\0\u{1F}\u{7F}é\u{301}\u{2028}😀{}[]:,".unicodeScalars)
        func text(_ count: ClosedRange<Int>) -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: count, using: &generator) { text.append(alphabet.randomElement(using: &generator) ?? "a") }
            return String(text)
        }
        func date() -> NumericDate { NumericDate(seconds: .random(in: NumericDate.range, using: &generator)) }
        for _ in 0..<50 {
            let (one, other) = (date(), date())
            let session = Session(
                id: .random(), subject: text(1...100), claims: #"{"\u0061":"b"}"#.utf8.map { $0 },
                device: Session.Device(id: text(0...60), name: text(0...60), application: text(0...60)), createdAt: date(), lastUsedAt: date(),
                address: text(0...60), counter: .random(in: 0...UInt32.max, using: &generator), rotatedAt: date(), expiresAt: min(one, other),
                endsAt: Bool.random(using: &generator) ? max(one, other) : nil,
                end: Session.Reason.allCases.randomElement(using: &generator).map { Session.End(date: date(), reason: $0) })
            let again = try read(session.text).get()
            #expect(again == session)
            #expect(again.subject.utf8.elementsEqual(session.subject.utf8))
            #expect(again.text == session.text)
        }
    }

    // MARK: What is refused

    @Test func `what ends too early`() throws {
        let text = Array(Self.fullText.utf8)
        for count in 0..<text.count {
            guard case .failure(.json) = read(Array(text[..<count])) else {
                Issue.record("the first \(count) bytes are a session")
                continue
            }
        }
        #expect(read(Self.fullText + "x") == .failure(.json(.trailingBytes)))
    }

    @Test func `another version, or none`() {
        for version in ["0", "2", "-1", "1.0", "\"1\"", "null", "99999999999999999999"] {
            #expect(read(Self.fullText.replacing("\"v\":1", with: "\"v\":\(version)")) == .failure(.unknownVersion))
        }
        #expect(read("{}") == .failure(.unknownVersion))
        #expect(read(Self.fullText.replacing("\"v\":1,", with: "")) == .failure(.unknownVersion))
    }

    @Test(arguments: ["id", "sub", "created", "used", "address", "counter", "rotated", "expires", "claims", "reason", "ended"])
    func `a missing member`(_ name: String) {
        let pattern = try? Regex("\"\(name)\":(\"[^\"]*\"|[0-9]+|\\{[^}]*\\}),?")
        guard let pattern else { return }
        var text = Self.fullText.replacing(pattern, with: "", maxReplacements: 1)
        text = text.replacing(",}", with: "}")
        #expect(read(text) == .failure(.member(name)))
    }

    @Test(arguments: [
        ("id", #""ABEiM0RVZneImaq7zN3u_x""#), ("id", #""""#), ("id", "7"), ("sub", #""""#), ("sub", "[]"), ("sub", "null"),
        ("sub", "\"\(String(repeating: "s", count: 513))\""), ("device", #""""#), ("name", "null"), ("app", "\"\(String(repeating: "s", count: 257))\""),
        ("created", "-1"), ("created", "253402300800"), ("created", "1.5"), ("created", "\"2000000000\""), ("used", "true"), ("address", "null"),
        ("address", "\"\(String(repeating: "s", count: 257))\""), ("counter", "-1"), ("counter", "4294967296"), ("counter", "1e0"),
        ("counter", "999999999999999999999"), ("rotated", "{}"), ("expires", "253402300800"), ("ends", "2000001009"), ("ends", "null"),
        ("ended", "-1"), ("reason", #""boredom""#), ("reason", "1"), ("claims", "[]"), ("claims", "null"), ("claims", "\"{}\""),
        ("claims", "{\"a\":\"\(String(repeating: "x", count: 4089))\"}"),
    ])
    func `a member that is not as it must be`(_ name: String, _ value: String) throws {
        let pattern = try Regex("\"\(name)\":(\"(\\\\.|[^\"\\\\])*\"|[0-9]+|\\{[^}]*\\})")
        let text = Self.fullText.replacing(pattern, maxReplacements: 1) { _ in "\"\(name)\":\(value)" }
        #expect(text != Self.fullText)
        #expect(read(text) == .failure(.member(name)))
    }

    @Test func `a member twice, or one that is not known`() {
        #expect(read(Self.fullText.dropLast() + #","counter":2}"#) == .failure(.json(.duplicateMember)))
        #expect(read(Self.fullText.dropLast() + #","\u0063ounter":2}"#) == .failure(.json(.duplicateMember)))
        #expect(read(Self.fullText.dropLast() + #","extra":2}"#) == .failure(.unknownMember))
    }

    @Test func `claims that nest deeper than those of tokens`() {
        let claims = "{\"a\":" + String(repeating: "[", count: 8) + String(repeating: "]", count: 8) + "}"
        #expect(read(Self.fullText.replacing(#"{"sub":"alice","role":["a"]}"#, with: claims)) == .failure(.json(.tooDeep)))
    }

    @Test func `a text beyond all sessions`() {
        let long = Self.fullText + String(repeating: " ", count: Session.textBytesMax)
        #expect(read(long) == .failure(.tooLong(limit: Session.textBytesMax)))
    }

    @Test(arguments: ["", " ", "null", "[]", "\"\"", "1", "{", "nil", "\0", "{\"v\":1}x"])
    func `what is no object`(_ text: String) {
        guard case .failure(.json) = read(text) else {
            Issue.record("read")
            return
        }
    }

    @Test func `what is not UTF-8`() {
        var text = Array(Self.fullText.utf8)
        guard let index = text.firstIndex(of: UInt8(ascii: "l")) else { return }
        text[index] = 0xFF
        #expect(read(text) == .failure(.json(.notUTF8)))
    }

    /// Whatever one byte is changed to, what comes of it is a refusal or a session that is written in one way.
    @Test func `a changed byte never makes half a session`() throws {
        let text = Array(Self.fullText.utf8)
        for index in text.indices {
            for byte in [0, 0x20, 0x22, 0x2C, 0x30, 0x5C, 0x7B, 0x7D, 0xFF, text[index] ^ 1, text[index] ^ 0x20] as [UInt8] {
                var changed = text
                changed[index] = byte
                guard case .success(let session) = read(changed) else { continue }
                #expect(read(session.text) == .success(session))
                #expect(session.endsAt.map { session.expiresAt <= $0 } ?? true)
                #expect(session.subject.utf8.count <= SessionLimits.subjectBytesMax && !session.subject.isEmpty)
            }
        }
    }

    @Test func `a description shows no claims and no subject`() throws {
        let description = "\(try full())"
        #expect(!description.contains("alice"))
        #expect(!description.contains("role"))
    }
}
