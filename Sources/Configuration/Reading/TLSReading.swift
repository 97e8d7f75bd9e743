extension Configuration.Listener.TLS {
    static let form = "a mapping such as { certificate: site.pem, key: site.key }"

    /// Nil after a report.
    static func read(_ field: Field) -> Configuration.Listener.TLS? {
        guard let section = Section<Vocabulary.ListenerTLS>(field, expected: form) else { return nil }
        let certificates = readCertificates(section)
        let clients = readClients(section)
        let protocols = section[.alpn].map(readProtocols) ?? Defaults.alpnProtocols
        let version = section[.minVersion]?.choice(Configuration.TLSVersion.self) ?? Defaults.tlsMinimumVersion
        let hasTickets = section[.tickets]?.boolean() ?? Defaults.tlsTickets
        guard !certificates.isEmpty else { return nil }
        return Configuration.Listener.TLS(
            certificates: certificates, protocols: protocols, minimumVersion: version, clients: clients,
            hasTickets: hasTickets, place: field.place)
    }

    /// `certificate` with `key` for one, or `certificates`; exactly one of the two.
    private static func readCertificates(_ section: Section<Vocabulary.ListenerTLS>) -> [Configuration.Certificate] {
        switch (section[.certificates], section.has(.certificate) || section.has(.key) || section.has(.ocsp)) {
        case (let list?, false):
            let form = "a list of mappings such as { certificate: site.pem, key: site.key }"
            if list.isEmptyList { list.refuse("no certificate", expected: form) }
            return list.elements(orOne: false, expected: form).compactMap { element in
                guard let entry = Section<Vocabulary.Certificate>(element, expected: form) else { return nil }
                return Configuration.Certificate.read(
                    entry.field, chain: entry[.certificate], key: entry[.key], staple: entry[.ocsp])
            }
        case (nil, true):
            return Configuration.Certificate.read(
                section.field, chain: section[.certificate], key: section[.key], staple: section[.ocsp]
            ).map { [$0] } ?? []
        case (_?, true):
            section.field.findings.error(
                at: section.place(of: .certificates), "certificate and certificates say the same thing",
                expected: "one of the two")
        case (nil, false):
            section.field.refuse("certificate is missing", expected: form)
        }
        return []
    }

    private static func readProtocols(_ field: Field) -> [String] {
        let form = "http/1.1"
        let names = field.texts(expected: form)
        if field.isEmptyList { field.refuse("no protocol", expected: form) }
        for name in names where !Defaults.alpnProtocols.contains(name) {
            if name == "h2" {
                field.refuse("HTTP/2 is not available in this version of slidegate", expected: form)
            } else {
                field.refuse("\"\(Quotation.shortened(name))\" is no protocol that this gateway speaks", expected: form)
            }
        }
        return names
    }

    private static func readClients(_ section: Section<Vocabulary.ListenerTLS>) -> Configuration.Listener.Clients? {
        guard let authorities = section[.clientCA]?.locatedFileName() else {
            for key in [Vocabulary.ListenerTLS.clientVerify, .clientDepth, .clientSubject] where section.has(key) {
                section.field.findings.error(
                    at: section.place(of: key), "has no effect without client_ca",
                    expected: "client_ca with the authorities that issue the clients' certificates")
            }
            return nil
        }
        return Configuration.Listener.Clients(
            authorities: authorities,
            verification: section[.clientVerify]?.choice(Configuration.Listener.Clients.Verification.self)
                ?? Defaults.clientVerification,
            depth: section[.clientDepth]?.integer(in: Bounds.certificateDepth) ?? Defaults.clientDepth,
            subjectHeader: section[.clientSubject]?.headerName())
    }
}

extension Configuration.Certificate {
    /// Nil after a report.
    fileprivate static func read(
        _ whole: Field, chain: Field?, key: Field?, staple: Field?
    ) -> Configuration.Certificate? {
        let names = (chain: chain?.locatedFileName(), key: key?.locatedFileName(), staple: staple?.locatedFileName())
        if chain == nil { whole.refuse("certificate is missing", expected: Configuration.Listener.TLS.form) }
        if chain != nil, key == nil { whole.refuse("key is missing", expected: Configuration.Listener.TLS.form) }
        guard let chain = names.chain, let key = names.key else { return nil }
        return Configuration.Certificate(chain: chain, key: key, staple: names.staple)
    }
}

extension Configuration.Listener {
    /// `true` for port 443, or the port; nil for no redirect.
    static func readRedirect(_ field: Field) -> Int? {
        switch field.word {
        case "true", "yes", "on": return Defaults.httpsPort
        case "false", "no", "off": return nil
        default:
            guard let word = field.word, let port = Int(word), Bounds.ports.contains(port) else {
                field.refuse(expected: "true, false, or the port that HTTPS is on")
                return nil
            }
            return port
        }
    }
}

extension Configuration.Listener.StrictTransport {
    /// A duration, or a mapping.
    static func read(_ field: Field) -> Configuration.Listener.StrictTransport? {
        guard field.isMapping else {
            return field.duration(in: Bounds.strictTransportAge, wholeSeconds: true).map {
                Configuration.Listener.StrictTransport(maxAge: $0, includesSubdomains: false, preload: false)
            }
        }
        let form = "a duration such as 365d, or a mapping with max_age"
        guard let section = Section<Vocabulary.StrictTransport>(field, expected: form) else { return nil }
        let includesSubdomains = section[.includeSubdomains]?.boolean() ?? false
        let preload = section[.preload]?.boolean() ?? false
        guard let maxAge = section[.maxAge] else {
            field.refuse("max_age is missing", expected: form)
            return nil
        }
        return maxAge.duration(in: Bounds.strictTransportAge, wholeSeconds: true).map {
            Configuration.Listener.StrictTransport(maxAge: $0, includesSubdomains: includesSubdomains, preload: preload)
        }
    }
}

extension Configuration.Upstream.TLS {
    /// `true`, `false`, or a mapping. Nil for no TLS, or after a report.
    static func read(_ field: Field) -> Configuration.Upstream.TLS? {
        guard field.isMapping else {
            guard ["true", "yes", "on", "false", "no", "off"].contains(field.word) else {
                field.refuse(expected: "true, false, or a mapping such as { ca: internal-ca.pem }")
                return nil
            }
            return field.boolean() == true
                ? Configuration.Upstream.TLS(
                    verifies: true, minimumVersion: Defaults.tlsMinimumVersion, place: field.place) : nil
        }
        guard let section = Section<Vocabulary.UpstreamTLS>(field, expected: "true, or a mapping") else { return nil }
        var tls = Configuration.Upstream.TLS(
            verifies: section[.verify]?.boolean() ?? true, authorities: section[.ca]?.locatedFileName(),
            serverName: section[.serverName].flatMap(readServerName),
            minimumVersion: section[.minVersion]?.choice(Configuration.TLSVersion.self) ?? Defaults.tlsMinimumVersion,
            place: field.place)
        if section.has(.certificate) || section.has(.key) {
            tls.certificate = Configuration.Certificate.read(
                field, chain: section[.certificate], key: section[.key], staple: nil)
        }
        if !tls.verifies {
            if section.has(.ca) {
                field.findings.error(at: section.place(of: .ca), "has no effect with verify: false", expected: "one of the two")
            }
            field.findings.warning(
                at: section.place(of: .verify), "whoever answers at the upstream's address is taken for it and gets the tokens")
        }
        return tls
    }

    private static func readServerName(_ field: Field) -> String? {
        let form = "a host name, or an IP address"
        guard let name = field.text(expected: form) else { return nil }
        guard EndpointText.isHost(name) || EndpointText.isIPv4(name) || EndpointText.isIPv6(name) else {
            field.refuse("\"\(Quotation.shortened(name))\" is no host name", expected: form)
            return nil
        }
        return name.lowercased()
    }
}

extension Field {
    fileprivate func locatedFileName() -> Located<String>? {
        fileName().map(located)
    }
}
