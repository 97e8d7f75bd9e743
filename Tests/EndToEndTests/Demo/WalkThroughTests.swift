import Foundation
import Testing

/// What the demo prints is meant to be typed: these are the very commands.
@Suite("The demo's walk-through")
struct WalkThroughTests {
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/curl"), "curl is not there"))
    func `the commands that are printed do what is said beside them`() throws {
        let demo = try Demo()
        let shell = try ChildProcess(["/bin/bash", "-c", try demo.commands()])
        try shell.waitForLine(containing: "renewed", on: .output, within: .seconds(60))
        let answers: [String] = shell.text(of: .output).components(separatedBy: "HTTP/1.1 ").filter { !$0.isEmpty }
        #expect(answers.map { $0.prefix(3) } == ["401", "200", "200"])
        #expect(answers.map { $0.contains("X-Refresh-Token: ") } == [false, false, true])
        #expect(answers.first?.contains("token_missing") == true)
    }
}

extension Demo {
    /// The lines of the walk-through that are for a terminal.
    fileprivate func commands() throws -> String {
        try process.waitForLine(containing: "Stop with Ctrl-C", on: .output)
        let text = process.text(of: .output)
        guard let start = text.range(of: "in another terminal:") else { throw GatewayError.noSuchLine("in another terminal:", output: text) }
        return text[start.upperBound...].split(separator: "\n").filter { $0.hasPrefix("     ") }.joined(separator: "\n")
    }
}
