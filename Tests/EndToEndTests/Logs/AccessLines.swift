import Foundation
import Glibc
import Testing

/// One line of an access log in JSON, read by a parser that knows nothing of the program.
struct AccessLine {
    let text: String
    let members: [String: Any]

    init(_ text: some StringProtocol) throws {
        self.text = String(text)
        members = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    subscript(name: String) -> String? { members[name] as? String }
    func number(_ name: String) -> Int? { members[name] as? Int }
    var status: Int? { number("status") }
    /// Milliseconds by phase.
    var duration: [String: Double] { members["duration"] as? [String: Double] ?? [:] }
}

extension Gateway {
    /// A key `logs` with an access log in a file beside the configuration.
    static func accessLog(_ more: String = "", format: String = "json") -> String {
        "logs: { access: { format: \(format), to: $FOLDER/access.log\(more.isEmpty ? "" : ", " + more) } }\n"
    }

    /// What whole lines are in files of that name.
    func accessText(_ names: String...) -> [String] {
        (names.isEmpty ? ["access.log"] : names).flatMap { name in
            let text = contents(of: name) ?? ""
            return text.split(separator: "\n").map(String.init)
        }
    }

    /// Waits until there are so many lines, and no more.
    func accessLines(_ count: Int) throws -> [AccessLine] {
        try eventually { self.accessText().count >= count }
        let lines = accessText()
        #expect(lines.count == count, "\(lines)")
        return try lines.map { try AccessLine($0) }
    }

    /// The line of the only request so far, and nothing that it must not hold.
    func accessLine() throws -> AccessLine { try #require(try accessLines(1).first) }
}
