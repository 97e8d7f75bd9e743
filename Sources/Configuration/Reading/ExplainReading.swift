import ProxyProtocol

extension Configuration.Explaining {
    static func read(_ field: Field?) -> Configuration.Explaining? {
        guard let field else { return nil }
        let form = "a mapping such as { networks: [ 10.0.0.0/8 ] }"
        guard let section = Section<Vocabulary.Explain>(field, expected: form) else { return nil }
        let header = section[.header].map { $0.headerName() } ?? Defaults.explainHeader
        guard let networks = section[.networks] else {
            field.refuse("networks is missing", expected: form)
            return nil
        }
        return Configuration.Explaining(
            networks: TrustedPeers.read(networks, whom: "network", everybody: "lets everybody ask why requests are refused"),
            header: header ?? Defaults.explainHeader, place: section.place(of: section.has(.header) ? .header : .networks))
    }
}

/// What `explain` demands of the rest of the file: its field has no other use.
enum ExplainRules {
    static func check(_ explaining: Configuration.Explaining, _ configuration: Configuration, _ findings: Findings) {
        let name = folded(explaining.header)
        guard let use = uses(in: configuration).first(where: { folded($0.name) == name })?.use else { return }
        findings.error(at: explaining.place, "\(explaining.header) is used \(use) already", expected: "another header")
    }

    private static func uses(in configuration: Configuration) -> [(name: String, use: String)] {
        var uses: [(name: String, use: String)] = []
        for case .header(let name) in configuration.tokens.sources { uses.append((name, "for tokens")) }
        if let sliding = configuration.sliding {
            if case .header(let name) = sliding.delivery { uses.append((name, "for tokens")) }
            for name in [sliding.optOutHeader, sliding.tokenExpiryHeader, sliding.sessionExpiryHeader] {
                if let name { uses.append((name, "by sliding")) }
            }
        }
        for route in configuration.routes {
            for header in route.claimHeaders { uses.append((header.header, "for a claim")) }
        }
        for listener in configuration.listeners {
            if let name = listener.tls?.clients?.subjectHeader { uses.append((name, "for the client's certificate")) }
        }
        return uses
    }

    /// `X_User` and `X-User` are one variable in CGI, so they are one name here.
    private static func folded(_ name: String) -> String { String(name.lowercased().map { $0 == "_" ? "-" : $0 }) }
}
