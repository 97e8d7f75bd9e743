/// The header with the subject of a client's certificate has no other use: a claim or a token in it would pass for a subject,
/// and the subject for a claim or a token.
enum ClientSubjectRules {
    static func check(_ configuration: Configuration, _ findings: Findings) {
        let uses = uses(in: configuration)
        for listener in configuration.listeners {
            guard let tls = listener.tls, let name = tls.clients?.subjectHeader, let use = uses[canonical(name)] else { continue }
            findings.error(
                at: tls.place, "client_subject: \(name) is used for \(use) already",
                expected: "another header for the subject")
        }
    }

    /// What each header is used for, by canonical name.
    private static func uses(in configuration: Configuration) -> [String: String] {
        var uses: [String: String] = [:]
        for route in configuration.routes {
            for header in route.claimHeaders { uses[canonical(header.header)] = "a claim" }
        }
        if let sliding = configuration.sliding {
            for case let name? in [sliding.optOutHeader, sliding.tokenExpiryHeader, sliding.sessionExpiryHeader] {
                uses[canonical(name)] = "sliding"
            }
            if case .header(let name) = sliding.delivery { uses[canonical(name)] = "tokens" }
        }
        for case .header(let name) in configuration.tokens.sources { uses[canonical(name)] = "tokens" }
        return uses
    }

    /// `X_User` and `X-User` are one variable in CGI, so they are one name here.
    private static func canonical(_ name: String) -> String {
        String(name.lowercased().map { $0 == "_" ? "-" : $0 })
    }
}
