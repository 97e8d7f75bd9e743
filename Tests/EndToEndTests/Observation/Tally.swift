import Testing

extension Gateway {
    /// How many requests have ended so far, by `route status decision`.
    func tally() throws -> [String: Int] {
        var tally: [String: Int] = [:]
        for line in try administer("/metrics").text.split(separator: "\n") where line.hasPrefix("slidegate_requests_total{") {
            let labels = line.split(separator: "\"", omittingEmptySubsequences: false)
            guard labels.count == 7, let count = line.split(separator: " ").last.flatMap({ Int($0) }) else {
                throw WireError.malformed(String(line))
            }
            tally["\(labels[1]) \(labels[3]) \(labels[5])", default: 0] += count
        }
        return tally
    }

    /// Holds the counts to these, once so many requests have ended: none is missing, and none there twice.
    func expectTally(_ expected: [String: Int], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let count = expected.values.reduce(0, +)
        try? eventually { try tally().values.reduce(0, +) >= count }
        let found = try tally()
        #expect(found == expected, sourceLocation: sourceLocation)
    }
}
