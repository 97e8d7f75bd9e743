import Authentication
import Foundation
import Metrics
import Testing

@Suite("Families of metrics")
struct MetricFamilyTests {
    private static func isName(_ text: String, colon: Bool) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" || (colon && scalar == ":"))
        }
    }

    @Test(arguments: MetricFamily.all)
    func `names are those that Prometheus takes, and wants`(_ family: MetricFamily) {
        #expect(Self.isName(family.name, colon: false))
        #expect(family.name.hasPrefix("slidegate_") || family.name.hasPrefix("process_"))
        #expect(family.name.hasSuffix("_total") == (family.kind == .counter))
        #expect(family.kind != .histogram || family.name.hasSuffix("_seconds"))
        for suffix in ["_bucket", "_sum", "_count"] { #expect(!family.name.hasSuffix(suffix)) }
        for label in family.labels {
            #expect(Self.isName(label, colon: false) && !label.hasPrefix("__") && label != "le" && label != "quantile")
        }
        #expect(Set(family.labels).count == family.labels.count)
        #expect(family.help.hasSuffix(".") && !family.help.contains("\n"))
    }

    @Test func `no two have the same name`() {
        #expect(Set(MetricFamily.all.map(\.name)).count == MetricFamily.all.count)
    }

    @Test func `every counter of the workers is among them`() {
        for counter in Counter.allCases { #expect(MetricFamily.all.contains(MetricFamily(counter))) }
    }
}

@Suite("Metrics.md")
struct MetricsPageDocumentationTests {
    private struct Row: Hashable {
        var name: String
        var labels: [String]
        var kind: String
    }

    private static func page() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Sources/Metrics/Metrics.docc/Metrics.md"), encoding: .utf8)
    }

    /// What stands between pairs of backticks.
    private static func code(_ text: some StringProtocol) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    @Test func `it has every family with its labels and type, and no other`() throws {
        var rows: [Row] = []
        for line in try Self.page().split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            try #require(cells.count == 5, "\(line)")
            let cell = cells.map { $0.trimmingCharacters(in: .whitespaces) }
            rows.append(Row(name: Self.code(cell[0])[0], labels: Self.code(cell[1]), kind: cell[2]))
            #expect(cell[3].hasSuffix(".") && !cell[4].isEmpty, "\(line)")
        }
        let families = MetricFamily.all.map { Row(name: $0.name, labels: $0.labels, kind: $0.kind.rawValue) }
        #expect(Set(rows).count == rows.count)
        for row in rows { #expect(families.contains(row), "\(row.name) is documented so, and is not there") }
        for family in families { #expect(rows.contains(family), "\(family.name) is not documented so") }
    }

    @Test func `it has every reason for skipping a renewal, and no other`() throws {
        let page = try Self.page()
        let start = try #require(page.range(of: "Reasons of skipped renewals:"))
        let end = try #require(page.range(of: "\n\n", range: start.upperBound..<page.endIndex))
        let listed = Self.code(page[start.upperBound..<end.lowerBound])
        #expect(Set(listed) == Set(RenewalSkip.allCases.map(\.rawValue)))
        #expect(listed.count == Set(listed).count)
    }
}
