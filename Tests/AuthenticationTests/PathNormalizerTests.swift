import Bytes
import Testing

@testable import Authentication

@Suite("One normal form of the path (RFC 3986 §6.2.2)")
struct PathNormalizerTests {
    private func normalize(_ path: String, _ normalizer: PathNormalizer = PathNormalizer()) throws(PathError) -> String {
        let bytes = Array(path.utf8)
        var buffer = ByteBuffer()
        buffer.append("before")
        let isChanged = try normalizer.normalize(bytes.span, into: &buffer)
        let output = String(copying: buffer.bytes().span)
        if !isChanged {
            #expect(output == "before")
            return path
        }
        return String(output.dropFirst("before".count))
    }

    @Test(arguments: ["/", "/a", "/a/b", "/a/", "/a.b/c..d", "/a;x=1/b", "/~user", "/a/b.", "/x..", "/:@!$&'()*+,="])
    func `A path in normal form stays as it is`(_ path: String) throws {
        let isNormal = PathNormalizer().isNormal(Array(path.utf8).span)
        #expect(isNormal)
        #expect(try normalize(path) == path)
    }

    @Test(arguments: [
        ("", "/"), ("/.", "/"), ("/./", "/"), ("//", "/"), ("///a", "/a"), ("/a//b", "/a/b"), ("/a/./b", "/a/b"),
        ("/a/../b", "/b"), ("/a/..", "/"), ("/a/b/..", "/a/"), ("/a/b/../", "/a/"), ("/a/b/../..", "/"),
        ("/a/.", "/a/"), ("/a//..", "/"), ("/a//../b", "/b"), ("/a/%2e%2E/b", "/b"), ("/a/.%2e/b", "/b"), ("/%2e/a", "/a"),
        ("/%61%5a%7E%2d%5F", "/aZ~-_"), ("/%3a%c3%a9", "/%3A%C3%A9"), ("/a%20b", "/a%20b"), ("/%252e%252e/a", "/%252e%252e/a"),
        ("/...", "/..."), ("/..a", "/..a"), ("/.a", "/.a"), ("/a/.well-known", "/a/.well-known"), ("/%25", "/%25"),
    ])
    func `Escapes, dots and empty segments are brought into normal form`(_ path: String, _ expected: String) throws {
        #expect(try normalize(path) == expected)
    }

    @Test(arguments: [
        ("a", PathError.notAbsolute), ("*", .notAbsolute), ("/..", .aboveRoot), ("/a/../..", .aboveRoot), ("/%2e%2e", .aboveRoot),
        ("//..", .aboveRoot), ("/%", .invalidEscape), ("/%2", .invalidEscape), ("/%2g", .invalidEscape), ("/%%41", .invalidEscape),
        ("/a%00b", .nul), ("/a%2fb", .encodedSlash), ("/a%2Fb", .encodedSlash), ("/a%5cb", .encodedSlash),
        ("/a/..;/b", .dotSegmentWithParameter), ("/a/.;x=1/b", .dotSegmentWithParameter), ("/a/%2e%2e;/b", .dotSegmentWithParameter),
        ("/..;", .dotSegmentWithParameter), ("/a/..%3b/b", .dotSegmentWithParameter), ("/a/.%3Bx/b", .dotSegmentWithParameter),
        ("/a%c0%afb", .overlongEncoding), ("/%c0%ae%c0%ae/", .overlongEncoding),
        ("/%e0%80%af", .overlongEncoding), ("/%f0%80%80%af", .overlongEncoding), ("/%c1%9c", .overlongEncoding),
    ])
    func `A path that servers read differently is refused`(_ path: String, _ error: PathError) {
        #expect(throws: error) { try normalize(path) }
    }

    @Test func `What needs work is seen wherever it stands`() throws {
        for length in 1...40 {
            let plain = [UInt8](repeating: UInt8(ascii: "a"), count: length)
            for position in 0..<length {
                for (inserted, isNormal) in [("%41", false), ("//", false), ("/.", false), ("/a", true), ("a.", true), ("./", true)] {
                    let path = [0x2F] + plain[..<position] + Array(inserted.utf8) + plain[position...]
                    let answer = PathNormalizer().isNormal(path.span)
                    // The path's own first slash makes a pair with what is inserted right behind it.
                    #expect(answer == (isNormal && !(position == 0 && "/.".contains(inserted.first!))))
                }
            }
        }
    }

    @Test func `Encoded slashes can be kept, inside their segment`() throws {
        let normalizer = PathNormalizer(encodedSlashes: .keep)
        #expect(try normalize("/a%2fb/%5c", normalizer) == "/a%2Fb/%5C")
        #expect(try normalize("/x/a%2fb/../c", normalizer) == "/x/c")
    }

    @Test func `Multi-byte characters and lone Latin-1 octets pass`() throws {
        #expect(try normalize("/%E2%82%AC/%F0%9F%98%80") == "/%E2%82%AC/%F0%9F%98%80")
        #expect(try normalize("/%c0%20") == "/%C0%20")
    }

    @Test func `A refused path leaves the buffer as it was`() {
        let path = Array("/a/%00".utf8)
        var buffer = ByteBuffer()
        buffer.append("before")
        #expect(throws: PathError.nul) { _ = try PathNormalizer().normalize(path.span, into: &buffer) }
        let bytes = buffer.bytes()
        #expect(bytes == Array("before".utf8))
    }

    @Test func `The normal form is its own normal form, and holds nothing to resolve`() {
        var generator = SeededGenerator(seed: 4)
        let pieces = ["/", ".", "..", "a", "%2e", "%2f", "%41", "%3b", ";", "//", "%c3%a9", "b", "%", "%zz", "-"]
        for _ in 0..<20_000 {
            var path = "/"
            for _ in 0..<Int.random(in: 0...8, using: &generator) { path += pieces.randomElement(using: &generator)! }
            for normalizer in [PathNormalizer(), PathNormalizer(encodedSlashes: .keep)] {
                guard let normal = try? normalize(path, normalizer) else { continue }
                #expect((try? normalize(normal, normalizer)) == normal)
                #expect(!normal.contains("//") && !normal.contains("/./") && !normal.contains("/../"))
                #expect(normal.hasPrefix("/") && !normal.hasSuffix("/.") && !normal.hasSuffix("/.."))
            }
        }
    }
}
