extension Configuration.Listener {
    /// `listen:` one address or several, or `listeners:` the long form; exactly one of the two.
    static func read(_ root: Section<Vocabulary.Root>) -> [Configuration.Listener] {
        var listeners: [Configuration.Listener] = []
        switch (root[.listen], root[.listeners]) {
        case (let short?, nil):
            listeners = short.elements(expected: EndpointText.form)
                .compactMap { $0.endpoint(zeroPort: true, anyHost: "0.0.0.0") }.map { Configuration.Listener(address: $0) }
        case (nil, let long?):
            for element in long.elements(orOne: false, expected: "a list of listeners") {
                guard let section = Section<Vocabulary.Listener>(element, expected: "a mapping with an address")
                else { continue }
                if let listener = read(section, root) { listeners.append(listener) }
            }
        case (_?, _?):
            root.field.findings.error(
                at: root.place(of: .listeners), "listen and listeners say the same thing", expected: "one of the two")
        case (nil, nil):
            root.field.findings.error(
                at: .file, "listen is missing", expected: "the address to listen on, such as listen: 127.0.0.1:8080")
        }
        refuseRepetition(of: listeners.map(\.address), to: root.field.findings)
        if let written = root[.listen] ?? root[.listeners], written.isEmptyList {
            written.refuse("no address", expected: EndpointText.form)
        }
        return listeners
    }

    private static func read(
        _ section: Section<Vocabulary.Listener>, _ root: Section<Vocabulary.Root>
    ) -> Configuration.Listener? {
        let hasProxyProtocol = readProxyProtocol(section, root)
        let mode = readMode(section)
        let tls = section[.tls].flatMap(TLS.read)
        let redirectPort = section[.redirectToHTTPS].flatMap(readRedirect)
        let strictTransport = section[.hsts].flatMap(StrictTransport.read)
        let findings = section.field.findings
        if redirectPort != nil, section.has(.tls) {
            findings.error(
                at: section.place(of: .redirectToHTTPS), "this listener takes HTTPS itself",
                expected: "redirect_to_https on a listener without tls")
        }
        if section.has(.hsts), !section.has(.tls) {
            findings.error(
                at: section.place(of: .hsts), "browsers heed it over HTTPS alone (RFC 6797 §8.1)",
                expected: "hsts on a listener with tls")
        }
        guard let address = section[.address] else {
            section.field.refuse("address is missing", expected: EndpointText.form)
            return nil
        }
        guard let endpoint = address.endpoint(zeroPort: true, anyHost: "0.0.0.0") else { return nil }
        if !endpoint.value.isUnix, section.has(.mode) {
            findings.error(at: section.place(of: .mode), "mode is for Unix sockets, and this is \(endpoint.value)")
        }
        return Configuration.Listener(
            address: endpoint, hasProxyProtocol: hasProxyProtocol, mode: mode ?? Defaults.socketMode, tls: tls,
            redirectPort: redirectPort, strictTransport: strictTransport)
    }

    /// Permissions in octal, as `chmod` takes them.
    private static func readMode(_ section: Section<Vocabulary.Listener>) -> UInt32? {
        guard let field = section[.mode] else { return nil }
        guard let word = field.word, (3...4).contains(word.utf8.count), let mode = UInt32(word, radix: 8), mode & 0o600 == 0o600,
            mode <= 0o777
        else {
            field.refuse(expected: "permissions in octal from 0600 to 0777, such as \"0660\"")
            return nil
        }
        return mode
    }

    /// Port 0 too: a listener is known by the address that was asked for.
    private static func refuseRepetition(of addresses: [Located<Endpoint>], to findings: Findings) {
        var seen: Set<Endpoint> = []
        for address in addresses where !seen.insert(address.value).inserted {
            findings.error(at: address.place, "\(address.value) is there twice", expected: "each address once")
        }
    }
}

extension Configuration.Workers {
    static func read(_ field: Field?) -> Configuration.Workers {
        guard let field else { return Defaults.workers }
        if field.word == "auto" { return .automatic }
        guard let word = field.word, let count = Int(word), Bounds.workers.contains(count) else {
            let range = "\(Bounds.workers.lowerBound) to \(Bounds.workers.upperBound)"
            field.refuse(expected: "auto, or a number from \(range)")
            return Defaults.workers
        }
        return .count(count)
    }
}
