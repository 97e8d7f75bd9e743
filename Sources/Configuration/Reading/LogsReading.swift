extension Configuration.Logs {
    static func read(_ field: Field?) -> Configuration.Logs {
        var logs = Configuration.Logs(decisions: Defaults.decisionsLogged, destination: Defaults.logDestination)
        guard let field, let section = Section<Vocabulary.Logs>(field, expected: "a mapping of decisions, to and access")
        else { return logs }
        logs.decisions = section[.decisions]?.choice(Decisions.self) ?? logs.decisions
        logs.destination = section[.to]?.choice(Destination.self) ?? logs.destination
        logs.access = section[.access].flatMap(Access.read)
        return logs
    }
}

extension Configuration.Logs.Access {
    /// The format alone, or a mapping with all there is to say. Nil for `none`, and after a fault has been reported.
    static func read(_ field: Field) -> Configuration.Logs.Access? {
        var access = Configuration.Logs.Access(
            format: .json, destination: field.located(Defaults.accessLogDestination), subject: Defaults.accessLogSubject,
            trace: Defaults.accessLogTrace, bufferBytes: Defaults.accessLogBufferBytes)
        guard field.isMapping else {
            guard let word = field.choice(Word.self) else { return nil }
            guard let format = Format(rawValue: word.rawValue) else { return nil }
            access.format = format
            return access
        }
        guard let section = Section<Vocabulary.AccessLog>(field, expected: "a mapping such as { format: json }") else { return nil }
        guard let format = section[.format] else {
            field.refuse("format is missing", expected: Prose.alternatives(Format.allCases.map(\.rawValue)))
            return nil
        }
        access.format = format.choice(Format.self) ?? access.format
        access.destination = section[.to]?.logDestination() ?? access.destination
        access.subject = section[.subject]?.choice(Subject.self) ?? access.subject
        access.subjectSecret = section.secret(file: .subjectSecretFile, environment: .subjectSecretEnvironment)
        access.trace = section[.trace]?.choice(Trace.self) ?? access.trace
        access.bufferBytes = section[.buffer]?.size(in: Bounds.logBuffer) ?? access.bufferBytes
        for key in [Vocabulary.AccessLog.subjectSecretFile, .subjectSecretEnvironment] where section.has(key) && access.subject != .hashed {
            field.findings.warning(at: section.place(of: key), "has no effect: subjects are not hashed")
        }
        return access
    }

    /// The short form.
    private enum Word: String, CaseIterable { case json, combined, none }
}

extension Field {
    private static let logDestinationForm =
        "stdout, stderr, syslog, syslog://HOST:PORT, or an absolute path such as /var/log/slidegate/access.log"

    /// Where a log goes that a file or a syslog may get.
    fileprivate func logDestination() -> Located<Configuration.Logs.Access.Destination>? {
        guard let text = text(expected: Self.logDestinationForm) else { return nil }
        func refusal(_ message: String, suggestion: String? = nil) -> Located<Configuration.Logs.Access.Destination>? {
            refuse("\"\(Quotation.shortened(text))\" \(message)", expected: Self.logDestinationForm, suggestion: suggestion)
            return nil
        }
        switch text {
        case "stdout": return located(.stdout)
        case "stderr": return located(.stderr)
        case "syslog": return located(.syslogSocket(path: Defaults.syslogSocket))
        case _ where text.hasPrefix("syslog://"): break
        case _ where text.hasPrefix("syslog:"):
            switch EndpointText.parse("unix:" + text.dropFirst("syslog:".count)) {
            case .success(let endpoint): return located(.syslogSocket(path: endpoint.hostText))
            case .failure(let fault): return refusal(fault.message)
            }
        case _ where text.hasPrefix("unix:/"):
            return refusal("is a socket", suggestion: "syslog:" + text.dropFirst("unix:".count))
        case _ where text.hasPrefix("/"):
            guard !text.hasSuffix("/") else { return refusal("names a folder") }
            guard let path = fileName() else { return nil }
            return located(.file(path))
        default:
            let near = Suggestion.nearest(to: text, among: ["stdout", "stderr", "syslog"])
            return refusal("is no place for a log", suggestion: near)
        }
        var address = String(text.dropFirst("syslog://".count))
        guard !address.isEmpty, !address.hasPrefix(":") else { return refusal("has no host") }
        let hasPort = address.hasPrefix("[") ? !address.hasSuffix("]") : address.contains(":")
        if !hasPort { address += ":\(Defaults.syslogPort)" }
        switch EndpointText.parse(address) {
        case .success(let endpoint) where endpoint.isUnix: return refusal("has no valid host")
        case .success(let endpoint) where endpoint.port == 0: return refusal("has port 0")
        case .success(let endpoint): return located(.syslogServer(endpoint))
        case .failure(let fault): return refusal(fault.message)
        }
    }
}
