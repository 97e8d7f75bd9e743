extension Configuration.Upstream {
    /// `upstream:` for one without a name, or `upstreams:` with names; exactly one of the two.
    static func read(_ root: Section<Vocabulary.Root>) -> [Configuration.Upstream] {
        let findings = root.field.findings
        switch (root[.upstream], root[.upstreams]) {
        case (let short?, nil):
            return read(Defaults.upstreamName, short).map { [$0] } ?? []
        case (nil, let long?):
            let form = "names with their servers, such as api: 127.0.0.1:9000"
            let entries = long.entries(expected: form)
            if entries.isEmpty, long.isMapping { long.refuse("no upstream", expected: form) }
            var upstreams: [Configuration.Upstream] = []
            for (name, place, field) in entries {
                guard Grammar.isToken(name), name.utf8.count <= 64 else {
                    findings.error(at: place, "is no name for an upstream", expected: "letters, digits, hyphens")
                    continue
                }
                if let upstream = read(name, field) { upstreams.append(upstream) }
            }
            return upstreams
        case (_?, _?):
            findings.error(
                at: root.place(of: .upstreams), "upstream and upstreams say the same thing", expected: "one of the two")
        case (nil, nil):
            findings.error(
                at: .file, "upstream is missing",
                expected: "the address of the API, such as upstream: 127.0.0.1:9000")
        }
        return []
    }

    /// An address, or a mapping.
    private static func read(_ name: String, _ field: Field) -> Configuration.Upstream? {
        guard field.isMapping else {
            return field.endpoint(zeroPort: false).map {
                Configuration.Upstream(name: name, servers: [Server(address: $0)], timeouts: nil, keepalive: nil)
            }
        }
        guard let section = Section<Vocabulary.Upstream>(field, expected: "an address or a mapping") else { return nil }
        let timeouts = section[.timeouts].flatMap {
            Section<Vocabulary.UpstreamTimeouts>($0, expected: "a mapping of connect, response and idle")
        }
        let keepalive = section[.keepalive]?.integer(in: Bounds.keepalive)
        let sendsProxyProtocol = section[.proxyProtocol].map(readProxyProtocol) ?? false
        let tls = section[.tls].flatMap(TLS.read)
        let health = section[.health].flatMap(Configuration.HealthCheck.read)
        guard let serverField = section[.servers] else {
            field.refuse("servers is missing", expected: "servers: [ 127.0.0.1:9000 ]")
            return nil
        }
        let servers = readServers(serverField)
        guard !servers.isEmpty else { return nil }
        var upstream = Configuration.Upstream(name: name, servers: servers, timeouts: timeouts, keepalive: keepalive)
        upstream.sendsProxyProtocol = sendsProxyProtocol
        upstream.tls = tls
        if let tls, tls.verifies, tls.serverName == nil, servers.contains(where: \.address.value.isUnix) {
            field.findings.error(
                at: tls.place, "server_name is missing: a Unix socket says nothing of whom to expect",
                expected: "the host name that the server's certificate is for")
        }
        upstream.health = health
        return upstream
    }

    private init(
        name: String, servers: [Server], timeouts: Section<Vocabulary.UpstreamTimeouts>?, keepalive: Int?
    ) {
        self.name = name
        self.servers = servers
        keepaliveMax = keepalive ?? Defaults.keepaliveMax
        connectTimeout = timeouts?[.connect]?.duration(in: Bounds.timeout) ?? Defaults.connectTimeout
        responseTimeout = timeouts?[.response]?.duration(in: Bounds.timeout) ?? Defaults.responseTimeout
        idleTimeout = timeouts?[.idle]?.duration(in: Bounds.timeout) ?? Defaults.upstreamIdleTimeout
    }

    private static func readServers(_ field: Field) -> [Server] {
        let form = "a list with one server, such as [ 127.0.0.1:9000 ]"
        let elements = field.elements(expected: form)
        if field.isEmptyList { field.refuse("no server", expected: form) }
        for second in elements.dropFirst() {
            second.refuse("balancing over several servers is not available in this version of slidegate",
                expected: "one server")
        }
        var servers: [Server] = []
        for element in elements {
            guard element.isMapping else {
                if let address = element.endpoint(zeroPort: false) { servers.append(Server(address: address)) }
                continue
            }
            guard let section = Section<Vocabulary.Server>(element, expected: form) else { continue }
            guard let address = section[.address] else {
                element.refuse("address is missing", expected: EndpointText.form)
                continue
            }
            if let endpoint = address.endpoint(zeroPort: false) { servers.append(Server(address: endpoint)) }
        }
        return servers
    }
}
