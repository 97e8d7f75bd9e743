import Foundation
import Testing

@testable import Configuration

@Suite("The README's configurations")
struct ReadmeTests {
    /// A block of YAML in the README, and the word behind `yaml` on its first line.
    struct Block {
        var text: String
        /// `yaml fragment`: lines to add to a file, not a whole one.
        var isFragment: Bool
    }

    static func blocks() throws -> [Block] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        var blocks: [Block] = []
        var open: Block?
        var indentation = 0  // of a block in a list
        for indented in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let line = open == nil ? indented.drop { $0 == " " } : indented.dropFirst(indentation)
            if var block = open {
                if line == "```" {
                    blocks.append(block)
                    open = nil
                } else {
                    block.text += line + "\n"
                    open = block
                }
            } else if line.hasPrefix("```yaml") {
                open = Block(text: "", isFragment: line == "```yaml fragment")
                indentation = indented.count - line.count
            }
        }
        return blocks
    }

    /// The names at the left margin.
    static func names(in yaml: String) -> [String] {
        yaml.split(separator: "\n").filter { $0.first?.isLetter == true }.compactMap { line in
            line.split(separator: ":").first.map(String.init)
        }
    }

    @Test func `every whole one is read without a warning`() throws {
        let whole = try Self.blocks().filter { !$0.isFragment }
        #expect(whole.count >= 5)
        for block in whole { #expect(diagnostics(block.text) == [], "\(block.text)") }
    }

    @Test func `every fragment is read without a warning when the four-line file has it too`() throws {
        let fragments = try Self.blocks().filter(\.isFragment)
        #expect(fragments.count >= 5)
        for block in fragments {
            let own = Self.names(in: block.text)
            // The long forms, listeners and so on, stand for the short ones.
            let frame = Sample.yaml().split(separator: "\n").filter { line in
                !own.contains { name in name.hasPrefix(line.prefix { $0 != ":" }) }
            }
            #expect(diagnostics(frame.map { $0 + "\n" }.joined() + block.text) == [], "\(block.text)")
        }
    }

    @Test func `the first one is the file in deploy`() throws {
        let file = try String(contentsOf: SampleFileTests.deploy.appending(path: "slidegate.yaml"), encoding: .utf8)
        #expect(try Self.blocks().first?.text == file)
    }
}
