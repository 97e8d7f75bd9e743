import Bytes
import JOSE
import Sessions
import Testing

/// A keyed function of all bytes, good enough to tell messages and keys apart; the real one is HMAC-SHA-256.
private final class MixingKey: RefreshTokenKey {
    private let seed: UInt64

    init(_ seed: UInt64) { self.seed = seed }

    func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8> {
        var state = seed
        for index in 0..<message.count {
            var generator = SeededGenerator(state ^ UInt64(message[index]) &* 0x1_0000_01B3)
            state = generator.next()
        }
        var generator = SeededGenerator(state)
        var code = InlineArray<32, UInt8>(repeating: 0)
        for index in 0..<32 { code[index] = UInt8(truncatingIfNeeded: generator.next()) }
        return code
    }
}

extension RefreshTokenCodec {
    fileprivate func result(_ text: [UInt8]) -> Result<RefreshToken, RefreshTokenError> {
        Result { () throws(RefreshTokenError) in try read(text.span) }
    }

    fileprivate func result(_ text: String) -> Result<RefreshToken, RefreshTokenError> { result(Array(text.utf8)) }
}

@Suite("The form of refresh tokens (semantics §3.1)")
struct RefreshTokenTests {
    private let codec = RefreshTokenCodec(key: MixingKey(1))
    private let token = RefreshToken(session: .sample, counter: 0x0102_0304)

    private func bytes(of text: [UInt8]) throws -> [UInt8] {
        let body = Array(text[4...])
        let bytes = Base64URL.decode(body.span)
        return try #require(bytes)
    }

    private func text(of bytes: [UInt8]) -> [UInt8] { Array("sgr_".utf8) + Base64URL.encode(bytes.span) }

    @Test func `prefix, version, session, counter and half of the code, in base64url`() throws {
        let text = codec.text(of: token)
        #expect(text.count == RefreshTokenCodec.textBytes)
        #expect(text.starts(with: Array("sgr_".utf8)))
        let bytes = try bytes(of: text)
        let signed: [UInt8] = [1] + SessionID.sample.bytes + [1, 2, 3, 4]
        #expect(Array(bytes[..<21]) == signed)
        let code = MixingKey(1).code(signed.span)
        #expect(Array(bytes[21...]) == (0..<16).map { code[$0] })
    }

    @Test(arguments: [0, 1, 255, 256, 65_535, 65_536, .max - 1, .max] as [UInt32])
    func `what is written is read`(_ counter: UInt32) {
        for session in [SessionID(high: 0, low: 0), SessionID(high: .max, low: .max), .sample, .random()] {
            let token = RefreshToken(session: session, counter: counter)
            #expect(codec.result(codec.text(of: token)) == .success(token))
        }
    }

    @Test func `one token has one text`() throws {
        let text = codec.text(of: token)
        #expect(codec.text(of: token) == text)
        let last = try #require(text.last)
        let others = UInt8.min...UInt8.max
        #expect(others.filter { (try? codec.result(Array(text.dropLast()) + [$0]).get()) != nil } == [last])
    }

    @Test func `no bit can be changed`() {
        let text = codec.text(of: token)
        for index in text.indices {
            for bit in 0..<8 {
                var changed = text
                changed[index] ^= 1 << UInt8(bit)
                guard case .failure = codec.result(changed) else {
                    Issue.record("bit \(bit) of character \(index) can be changed")
                    continue
                }
            }
        }
    }

    @Test func `no byte of the session, the counter or the code can be replaced`() throws {
        let bytes = try bytes(of: codec.text(of: token))
        for index in 1..<bytes.count {
            for value in UInt8.min...UInt8.max where value != bytes[index] {
                var changed = bytes
                changed[index] = value
                #expect(codec.result(text(of: changed)) == .failure(.badMAC))
            }
        }
    }

    @Test func `another counter needs another code`() throws {
        let first = try bytes(of: codec.text(of: RefreshToken(session: .sample, counter: 7)))
        let second = try bytes(of: codec.text(of: RefreshToken(session: .sample, counter: 8)))
        #expect(codec.result(text(of: Array(first[..<21] + second[21...]))) == .failure(.badMAC))
        #expect(codec.result(text(of: Array(second[..<21] + first[21...]))) == .failure(.badMAC))
    }

    @Test func `a code of zeros or none is no code`() throws {
        let bytes = try bytes(of: codec.text(of: token))
        #expect(codec.result(text(of: bytes[..<21] + [UInt8](repeating: 0, count: 16))) == .failure(.badMAC))
        for count in 0..<37 { #expect(codec.result(text(of: Array(bytes[..<count]))) == .failure(.malformed)) }
        #expect(codec.result(text(of: bytes + [0])) == .failure(.malformed))
    }

    @Test(arguments: [0, 2, 255] as [UInt8])
    func `another version is refused as such, before its code is looked at`(_ version: UInt8) throws {
        var bytes = try bytes(of: codec.text(of: token))
        bytes[0] = version
        #expect(codec.result(text(of: bytes)) == .failure(.unknownVersion(version)))
        let code = MixingKey(1).code(Array(bytes[..<21]).span)
        for index in 0..<16 { bytes[21 + index] = code[index] }
        #expect(codec.result(text(of: bytes)) == .failure(.unknownVersion(version)))
    }

    @Test func `a token of another installation is refused`() {
        let other = RefreshTokenCodec(key: MixingKey(2))
        #expect(codec.result(other.text(of: token)) == .failure(.badMAC))
        #expect(other.result(codec.text(of: token)) == .failure(.badMAC))
    }

    @Test func `while the secret changes both are good, and new tokens have the new one`() {
        let changing = RefreshTokenCodec(key: MixingKey(2), previousKey: MixingKey(1))
        let new = RefreshTokenCodec(key: MixingKey(2))
        #expect(changing.result(codec.text(of: token)) == .success(token))
        #expect(changing.result(new.text(of: token)) == .success(token))
        #expect(changing.text(of: token) == new.text(of: token))
        #expect(new.result(codec.text(of: token)) == .failure(.badMAC))
        #expect(changing.result(RefreshTokenCodec(key: MixingKey(3)).text(of: token)) == .failure(.badMAC))
    }

    @Test func `what is around a token is no part of it`() {
        let text = String(decoding: codec.text(of: token), as: UTF8.self)
        #expect(codec.result(text) == .success(token))
        let body = String(text.dropFirst(4))
        var refused = ["", "sgr_", body, text.uppercased(), "SGR_\(body)", "sgr-\(body)", "sgr_\(body.dropFirst())", text + text]
        refused += [" \(text)", "\(text) ", "\(text)\n", "\(text)=", "\(text)==", "\"\(text)\"", "Bearer \(text)"]
        refused += ["\(text.dropLast())+", "\(text.dropLast())/", "\0\(text.dropFirst())", String(repeating: "A", count: 54)]
        refused += ["sgr_\(String(repeating: "\u{80}", count: 25))"]
        for text in refused { #expect(codec.result(text) == .failure(.malformed), "\(text)") }
    }

    @Test func `an access token is none`() {
        let compact = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
        #expect(codec.result(compact) == .failure(.malformed))
        #expect(codec.result(String(compact.prefix(54))) == .failure(.malformed))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `nothing made up is believed`(_ seed: UInt64) {
        var generator = SeededGenerator(seed)
        for _ in 0..<500 {
            var bytes = (0..<37).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if Bool.random(using: &generator) { bytes[0] = 1 }
            switch codec.result(text(of: bytes)) {
            case .failure(.badMAC): #expect(bytes[0] == 1)
            case .failure(.unknownVersion(let version)): #expect(version == bytes[0] && version != 1)
            case let result: Issue.record("\(result)")
            }
        }
    }
}

@Suite("Names of sessions")
struct SessionIDTests {
    @Test func `16 bytes, big-endian, as 22 characters of base64url`() {
        #expect(SessionID.sample.bytes == [0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF])
        #expect(SessionID.sample.text == "ABEiM0RVZneImaq7zN3u_w")
        #expect(SessionID("ABEiM0RVZneImaq7zN3u_w") == .sample)
        let bytes = SessionID.sample.bytes
        let read = SessionID(bytes: bytes.span)
        #expect(read == .sample)
        #expect("\(SessionID.sample)" == SessionID.sample.text)
    }

    @Test func `every name is read as it is written`() {
        for _ in 0..<200 {
            let id = SessionID.random()
            #expect(SessionID(id.text) == id)
            let bytes = id.bytes
            let read = SessionID(bytes: bytes.span)
            #expect(read == id)
        }
        #expect(SessionID.random() != SessionID.random())
    }

    @Test func `no new name looks like an option of a command`() {
        for _ in 0..<5000 { #expect(!SessionID.random().text.hasPrefix("-")) }
        #expect(SessionID("-Aa3K7gyKeKakCsFLstUcQ") != nil)
    }

    @Test(arguments: [
        "", "ABEiM0RVZneImaq7zN3u_", "ABEiM0RVZneImaq7zN3u_ww", "ABEiM0RVZneImaq7zN3u_x", "ABEiM0RVZneImaq7zN3u/w", "ABEiM0RVZneImaq7zN3u_w==",
        "ABEiM0RVZneImaq7zN3u w", "00112233-4455-6677-8899-aabbccddeeff", "éééééééééééé",
    ])
    func `no other text is a name`(_ text: String) {
        #expect(SessionID(text) == nil)
    }

    @Test func `no other number of bytes is a name`() {
        for count in [0, 1, 15, 17, 32] {
            let bytes = [UInt8](repeating: 7, count: count)
            let id = SessionID(bytes: bytes.span)
            #expect(id == nil)
        }
    }

    @Test func `the order is that of the bytes`() {
        let ids = [SessionID(high: 0, low: 1), SessionID(high: 0, low: .max), SessionID(high: 1, low: 0), SessionID(high: .max, low: 0)]
        #expect(ids.shuffled().sorted() == ids)
    }
}
