import Bytes
import JOSE
import Testing

@Suite("base64url (RFC 4648 §5, RFC 7515 §2)")
struct Base64URLTests {
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")])
    func `the vectors of RFC 4648 §10, without padding, go both ways`(_ plain: String, _ encoded: String) {
        #expect(text(Base64URL.encode(Array(plain.utf8).span)) == encoded)
        #expect(Base64URL.decode(Array(encoded.utf8).span) == Array(plain.utf8))
    }

    @Test func `the example of RFC 7515 appendix C goes both ways`() {
        let bytes: [UInt8] = [3, 236, 255, 224, 193]
        #expect(text(Base64URL.encode(bytes.span)) == "A-z_4ME")
        #expect(Base64URL.decode(Array("A-z_4ME".utf8).span) == bytes)
    }

    @Test func `random bytes of every length come back`() {
        var random = SeededGenerator(seed: 1)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let encoded = Base64URL.encode(bytes.span)
            #expect(encoded.count == Base64URL.encodedCount(count))
            #expect(Base64URL.decode(encoded.span) == bytes)
        }
    }

    @Test(arguments: ["Zg==", "Zm8=", "Zm9v=", "Zg=", "="])
    func `padding is refused`(_ encoded: String) {
        #expect(Base64URL.decode(Array(encoded.utf8).span) == nil)
    }

    @Test(arguments: ["A", "AAAAA", "AAAAAAAAA"])
    func `a length that no bytes have is refused`(_ encoded: String) {
        #expect(Base64URL.decode(Array(encoded.utf8).span) == nil)
    }

    @Test func `of all two- and three-character texts only those with zero trailing bits are accepted`() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for (value, character) in alphabet.enumerated() {
            #expect((Base64URL.decode([0x41, character].span) != nil) == (value % 16 == 0))
            #expect((Base64URL.decode([0x41, 0x41, character].span) != nil) == (value % 4 == 0))
        }
    }

    @Test(arguments: 0..<20)
    func `every byte outside of the alphabet is refused, wherever it stands`(_ position: Int) {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for byte in UInt8.min...UInt8.max {
            var encoded = [UInt8](repeating: 0x41, count: 20)
            encoded[position] = byte
            #expect((Base64URL.decode(encoded.span) != nil) == alphabet.contains(byte))
        }
    }
}
