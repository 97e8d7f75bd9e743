import Testing

@testable import Configuration

@Suite("YAML within bounds")
struct YAMLBoundsTests {
    @Test(arguments: ["[", "{", "- ", "? ", "[[{", "{a: ["])
    func `deep nesting is refused, not recursed into`(_ opening: String) {
        for depth in [20, 500, 5000, 200_000] {
            let text = String(repeating: opening, count: depth)
            #expect(throws: ConfigurationRefusal.self) { try Configuration(yaml: text, file: "f") }
        }
    }

    @Test func `deep nesting in block style is refused`() {
        for depth in [20, 500, 2000] {
            var text = ""
            for level in 0..<depth { text += String(repeating: " ", count: level) + "a:\n" }
            #expect(throws: ConfigurationRefusal.self) { try Configuration(yaml: text, file: "f") }
        }
    }

    @Test func `an alias bomb is refused at once`() {
        for fan in [2, 5, 9, 50] {
            for levels in [3, 10, 20] {
                var text = "a0: &a0 [x, x]\n"
                for level in 1...levels {
                    let aliases = Array(repeating: "*a\(level - 1)", count: fan).joined(separator: ", ")
                    text += "a\(level): &a\(level) [\(aliases)]\n"
                }
                #expect(throws: ConfigurationRefusal.self) { try Configuration(yaml: text, file: "f") }
                // As a key, where the YAML library hashes it to find duplicates.
                let keyed = text + "? *a\(levels)\n: x\n? *a\(levels - 1)\n: x\n"
                #expect(throws: ConfigurationRefusal.self) { try Configuration(yaml: keyed, file: "f") }
            }
        }
    }
}
