import Configuration

extension Explanation {
    /// What is written of each request, and where to; empty without an access log.
    var logLines: [String] {
        guard let access = configuration.logs.access else { return [] }
        var lines = ["ACCESS LOG"]
        lines.append("  A line for each request, \(describe(access.format)), goes to \(access.destination.value.name).")
        switch access.subject {
        case .plain: lines.append("  Lines name the subject of the token.")
        case .hashed where access.subjectSecret == nil: lines.append("  Subjects appear as pseudonyms, which change with each start.")
        case .hashed: lines.append("  Subjects appear as pseudonyms.")
        case .none: lines.append("  Nothing is said of subjects.")
        }
        if access.trace == .start { lines.append("  Requests that are part of no trace begin one.") }
        let silent = configuration.routes.filter { !$0.isLogged }.map(\.name)
        if !silent.isEmpty { lines.append("  Without a line: \(Prose.all(silent)).") }
        return lines
    }

    private func describe(_ format: Configuration.Logs.Access.Format) -> String {
        switch format {
        case .json: "an object in JSON"
        case .combined: "in the combined format"
        }
    }
}

extension Configuration.Logs.Access.Destination {
    /// As the file has it.
    fileprivate var name: String {
        switch self {
        case .stdout: "standard output"
        case .stderr: "standard error"
        case .file(let path): path
        case .syslogSocket(let path): "the syslog at \(path)"
        case .syslogServer(let endpoint): "the syslog at \(endpoint)"
        }
    }
}
