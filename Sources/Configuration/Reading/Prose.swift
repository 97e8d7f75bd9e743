/// Lists in words.
package enum Prose {
    /// `a`, `a or b`, `a, b or c`.
    package static func alternatives(_ words: [String]) -> String { joined(words, "or") }

    /// `a`, `a and b`, `a, b and c`.
    package static func all(_ words: [String]) -> String { joined(words, "and") }

    private static func joined(_ words: [String], _ conjunction: String) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " \(conjunction) " + last
    }
}
