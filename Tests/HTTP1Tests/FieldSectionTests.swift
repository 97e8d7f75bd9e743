import Bytes
import Testing

@testable import HTTP1

@Suite("A field section")
struct FieldSectionTests {
    private static let message =
        "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nCookie: x\r\nB: 2\r\nC: 3\r\ncookie: y\r\nX-User: z\r\nx_user: w\r\n\r\n"

    private func section() throws -> FieldSection { try #require(request(Self.message).head).fields }

    private func kept(_ section: FieldSection) -> String {
        var buffer = ByteBuffer()
        section.appendKept(from: bytes(Self.message).span, to: &buffer)
        return String(decoding: buffer.bytes(), as: UTF8.self)
    }

    @Test func `finds known names and counts them up to two`() throws {
        let section = try section()
        #expect(section.firstIndex(of: .cookie) == 2)
        #expect(section.first(.cookie).map { text($0.value, of: Self.message) } == "x")
        #expect(section.count(of: .host) == 1 && section.count(of: .cookie) == 2 && section.count(of: .accept) == 0)
        #expect(section.first(.accept) == nil && section.first(.other) == nil)
    }

    @Test func `knows every known name in any case`() throws {
        for name in FieldName.allCases where name != .other {
            let spelling = name.spelling.description
            #expect(spelling == spelling.lowercased() && spelling.utf8.count <= 32)
            for form in [spelling, spelling.uppercased(), spelling.prefix(1).uppercased() + spelling.dropFirst()] {
                var section = FieldSection()
                try section.parse(trailers: bytes("\(form): x\r\n").span)
                #expect(section.lines.map(\.id) == [name])
                #expect(section.firstIndex(of: name) == 0)
            }
            for form in [spelling + "x", "x" + spelling, String(spelling.dropLast()), spelling + "-", spelling + "!"] {
                guard !FieldName.allCases.contains(where: { $0.spelling.description == form }), !form.isEmpty else {
                    continue
                }
                var section = FieldSection()
                try section.parse(trailers: bytes("\(form): x\r\n").span)
                #expect(section.lines.map(\.id) == [.other], "\(form)")
            }
        }
        #expect(FieldName.allCases.count <= 64)
    }

    @Test func `serializes what is not dropped, in order and byte for byte`() throws {
        #expect(kept(try section()) == "A: 1\r\nCookie: x\r\nB: 2\r\nC: 3\r\ncookie: y\r\nX-User: z\r\nx_user: w\r\n")
        var without = try section()
        without.drop(.cookie)
        #expect(kept(without) == "A: 1\r\nB: 2\r\nC: 3\r\nX-User: z\r\nx_user: w\r\n")
        without.drop(at: 1)
        without.drop(at: 7)
        #expect(kept(without) == "B: 2\r\nC: 3\r\nX-User: z\r\n")
        for index in without.lines.indices { without.drop(at: index) }
        #expect(kept(without) == "")
        without.keep(at: 0)
        #expect(kept(without) == "Host: a\r\n")
    }

    @Test func `drops a configured name in any case and with underscores`() throws {
        var section = try section()
        let name = bytes("X-USER")
        section.drop(name.span, hash: canonicalHash(name.span), from: bytes(Self.message).span)
        #expect(kept(section) == "A: 1\r\nCookie: x\r\nB: 2\r\nC: 3\r\ncookie: y\r\n")
    }

    @Test func `dropping a name that is absent, or none, changes nothing`() throws {
        var section = try section()
        section.drop(.via)
        section.drop(.other)
        #expect(kept(section) == kept(try self.section()))
    }

    @Test func `serializes any choice of lines as their concatenation`() throws {
        let lines = try section().lines
        for choice in 0..<(1 << lines.count) {
            var section = try section()
            var expected = ""
            for (index, line) in lines.enumerated() {
                if choice >> index & 1 == 0 { section.drop(at: index) } else { section.keep(at: index) }
                if choice >> index & 1 == 1 { expected += text(line.line, of: Self.message) }
            }
            #expect(kept(section) == expected)
        }
    }

    // MARK: Canonical names

    @Test func `the canonical form folds case and underscore and nothing else`() {
        let behind = Array("tail-of-name".utf8)
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                func fold(_ byte: UInt8) -> UInt8 {
                    byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte.asciiLowercased
                }
                let isExpected = fold(first) == fold(second)
                for length in [0, 7, 8] {
                    let left = behind.prefix(length) + [first]
                    let right = behind.prefix(length) + [second]
                    let isEqual = isCanonicallyEqual(Array(left).span, Array(right).span)
                    guard isEqual == isExpected else {
                        Issue.record("bytes \(first) and \(second) at \(length)")
                        return
                    }
                    if isEqual, canonicalHash(Array(left).span) != canonicalHash(Array(right).span) {
                        Issue.record("hashes of bytes \(first) and \(second) at \(length)")
                    }
                }
            }
        }
    }

    @Test func `the hash of a parsed name is that of the configured name, at every length and place`() throws {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        for length in 1...40 {
            let name = String(
                decoding: (0..<length).map { alphabet[($0 * 7 + length) % alphabet.count] }, as: UTF8.self)
            for form in [name, name.uppercased(), name.replacing("-", with: "_"), name + "!"] {
                for value in ["", "a long value behind the name"] {
                    var section = FieldSection()
                    try section.parse(trailers: bytes("\(form):\(value)\r\n").span)
                    #expect(section.lines[0].canonicalHash == canonicalHash(bytes(form).span), "\(form)")
                }
            }
            #expect(canonicalHash(bytes(name).span) == canonicalHash(bytes(name.uppercased()).span))
        }
    }

    @Test func `names of different length or spelling differ`() {
        for (left, right) in [
            ("a", "aa"), ("", "a"), ("abcdefgh", "abcdefghi"), ("x-user", "x-usee"), ("a-b", "ab"),
            ("abcdefgh1", "abcdefgh2"),
        ] {
            let isEqual = isCanonicallyEqual(bytes(left).span, bytes(right).span)
            #expect(!isEqual)
        }
    }
}
