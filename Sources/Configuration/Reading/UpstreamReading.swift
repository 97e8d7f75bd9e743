extension Configuration.Upstream {
    /// `upstream:` for one without a name, or `upstreams:` with names; exactly one of the two, or none where proxies in front
    /// ask for decisions.
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
        case (nil, nil) where root.has(.forwardAuth): break
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
        let healthSection = section[.health].flatMap { field in
            field.isMapping ? Section<Vocabulary.Health>(field, expected: "a mapping of what makes a server healthy") : nil
        }
        let health = section[.health].flatMap { Configuration.HealthCheck.read($0, healthSection) }
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
        upstream.readGroup(section, health: healthSection)
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
        let form = "a list of servers, such as [ 127.0.0.1:9000, 127.0.0.1:9001 ]"
        let elements = field.elements(expected: form)
        if field.isEmptyList { field.refuse("no server", expected: form) }
        if elements.count > Bounds.serverCountMax {
            field.refuse("\(elements.count) servers are too many", expected: "\(Bounds.serverCountMax) at most")
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
            guard let endpoint = address.endpoint(zeroPort: false) else { continue }
            var server = Server(address: endpoint)
            server.weight = section[.weight]?.integer(in: Bounds.weight) ?? server.weight
            server.isBackup = section[.backup]?.boolean() ?? server.isBackup
            server.connectionsMax = section[.connections].flatMap { $0.integerOrNone(in: Bounds.connections) }
            servers.append(server)
        }
        var seen: Set<Endpoint> = []
        for server in servers where !seen.insert(server.address.value).inserted {
            field.findings.error(at: server.address.place, "\(server.address.value) is there twice", expected: "each address once")
        }
        return servers
    }
}
