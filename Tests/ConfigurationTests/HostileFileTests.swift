import Foundation
import Testing

@testable import Configuration

@Suite("Files from anyone")
struct HostileFileTests {
    /// SplitMix64: the same numbers on every run.
    struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    static let fragments = [
        ":", "- ", "[", "]", "{", "}", ",", "\"", "'", "#", "&a ", "*a", "? ", "|\n", ">\n", "!!int ", "%", "\t", "\n", "\n  ", "---\n", "...\n",
        "~", "<<: *a", "\u{FEFF}", "\u{0}", "\u{85}", "\u{2028}", "é", "0", "-1", "99999999999999999999", "1e9", "%%", "none",
    ]

    @Test(arguments: 0..<4)
    func `a damaged file is read or refused with at least one error, and never ends the process`(_ seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        let file = SampleFileTests.deploy.appending(path: "examples/complete.yaml")
        let original = Array(try String(contentsOf: file, encoding: .utf8).unicodeScalars)
        for _ in 0..<150 {
            var text = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: 0..<text.count, using: &generator)
                let end = min(text.count, position + Int.random(in: 0...12, using: &generator))
                let fragment = Self.fragments.randomElement(using: &generator) ?? ""
                text.replaceSubrange(position..<end, with: Array(fragment.unicodeScalars))
            }
            var yaml = String.UnicodeScalarView()
            yaml.append(contentsOf: text)
            do throws(ConfigurationRefusal) {
                _ = try Configuration(yaml: String(yaml), file: "f")
            } catch {
                #expect(error.diagnostics.contains { $0.severity == .error })
                #expect(error.diagnostics.allSatisfy { !$0.line(file: "f").unicodeScalars.contains { $0.value < 0x20 } })
            }
        }
    }

    @Test func `a file of megabytes is refused unread`() {
        let yaml = Sample.yaml() + String(repeating: "# padding\n", count: 500_000)
        #expect(errors(yaml).map(\.message) == ["the file has more than 4 MiB"])
    }

    @Test func `ten thousand routes are read in reasonable time`() throws {
        var yaml = Sample.yaml() + "routes:\n"
        for index in 0..<10_000 { yaml += "  - { path: /r\(index), methods: [ GET, POST ] }\n" }
        #expect(try Configuration(yaml: yaml, file: "f").routes.count == 10_000)
    }

    @Test func `a byte order mark is no part of the file`() throws {
        #expect(try Configuration(yaml: "\u{FEFF}" + Sample.yaml(), file: "f").warnings == [])
    }

    @Test func `keys with path-like or odd names are refused by name, not followed`() {
        for key in ["../../etc/passwd", "\"\"", "\"a b\"", "\"\\0\"", "123", "true", "~"] {
            #expect(errors(Sample.yaml("\(key): 1")).count == 1, "\(key)")
        }
    }
}
