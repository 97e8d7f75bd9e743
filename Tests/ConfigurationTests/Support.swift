@testable import Configuration

/// A file in which only the part under test differs.
enum Sample {
    static let listen = "listen: 127.0.0.1:8080\n"
    static let upstream = "upstream: 127.0.0.1:9000\n"
    static let key = "key: { algorithm: HS256, secret_file: jwt.secret }\n"
    static let sliding = "sliding: { buffer: 10m }\n"

    /// The four lines, those whose keys `overrides` begin with replaced by it.
    static func yaml(_ overrides: String...) -> String {
        let lines = [("listen", listen), ("upstream", upstream), ("key", key), ("sliding", sliding)]
        let kept = lines.filter { line in !overrides.contains { $0.hasPrefix(line.0) } }.map(\.1)
        return kept.joined() + overrides.map { $0 + "\n" }.joined()
    }
}

/// The lines an operator sees.
func diagnostics(_ yaml: String) -> [String] {
    do throws(ConfigurationRefusal) {
        return try Configuration(yaml: yaml, file: "f.yaml").warnings.map { $0.line(file: "f.yaml") }
    } catch {
        return error.diagnostics.map { $0.line(file: "f.yaml") }
    }
}

/// The errors alone; empty when the file is accepted.
func errors(_ yaml: String) -> [Diagnostic] {
    do throws(ConfigurationRefusal) {
        _ = try Configuration(yaml: yaml, file: "f.yaml")
        return []
    } catch {
        return error.diagnostics.filter { $0.severity == .error }
    }
}

func warnings(_ yaml: String) throws -> [Diagnostic] {
    try Configuration(yaml: yaml, file: "f.yaml").warnings
}
