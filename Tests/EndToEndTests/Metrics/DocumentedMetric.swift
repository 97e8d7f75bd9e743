import Foundation

/// A row of a table in Metrics.md.
struct DocumentedMetric {
    var kind: String
    var labels: [String]

    static func all() throws -> [String: DocumentedMetric] {
        let page = try String(contentsOfFile: Peer.root + "/Sources/Metrics/Metrics.docc/Metrics.md", encoding: .utf8)
        var metrics: [String: DocumentedMetric] = [:]
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            metrics[code(cells[0])[0]] = DocumentedMetric(kind: cells[2], labels: code(cells[1]))
        }
        return metrics
    }

    /// What stands between pairs of backticks.
    private static func code(_ text: String) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
