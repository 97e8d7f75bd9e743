import Foundation
import Testing

/// Goal: operators read what the tests hold the program to. Method: the page's table is the matrix, row by row.
@Suite("The page on faults")
struct FaultsPageTests {
    private static func rows() throws -> [[String]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "Sources/Proxy/Proxy.docc/Faults.md"), encoding: .utf8)
        let section = page.components(separatedBy: "\n## ").first { $0.hasPrefix("The matrix") } ?? ""
        return section.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    private static func cell(_ result: Fault.Result) -> String {
        switch result {
        case .answered(let status, let code): "\(status) `\(code)`"
        case .cutShort(let code): "cut short, `\(code)`"
        case .passed: "its answer"
        }
    }

    private static func cell(_ count: ClosedRange<Int>) -> String {
        count.lowerBound == count.upperBound ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
    }

    @Test func `has a row for each fault that is tested, and no other`() throws {
        let tested = Fault.matrix.map { fault in
            let unsafe = fault.executions.lowerBound
            return [
                fault.name, Self.cell(fault.get), Self.cell(fault.post), Self.cell(fault.executions), "\(unsafe)",
            ]
        }
        #expect(try Self.rows() == tested)
    }
}
