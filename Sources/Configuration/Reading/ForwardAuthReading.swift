import ProxyProtocol

extension Configuration.ForwardAuth {
    private static let form = "a mapping such as { path: /decide, proxy: nginx }, or a list of them"

    /// One, or a list of them.
    static func read(_ field: Field?) -> [Configuration.ForwardAuth] {
        guard let field else { return [] }
        let elements = field.elements(orOne: true, expected: form)
        if field.isEmptyList { field.refuse("no path to ask at", expected: form) }
        return elements.compactMap(readOne)
    }

    private static func readOne(_ field: Field) -> Configuration.ForwardAuth? {
        guard let section = Section<Vocabulary.ForwardAuth>(field, expected: form) else { return nil }
        let path = readPath(section)
        guard let proxyField = section[.proxy] else {
            field.refuse("proxy is missing", expected: Prose.alternatives(Proxy.allCases.map(\.rawValue)))
            return nil
        }
        guard let proxy = proxyField.choice(Proxy.self), let path else { return nil }
        return Configuration.ForwardAuth(path: path, proxy: proxy, place: field.place)
    }

    private static func readPath(_ section: Section<Vocabulary.ForwardAuth>) -> String? {
        let form = "a path such as /decide"
        guard let field = section[.path] else {
            section.field.refuse("path is missing", expected: form)
            return nil
        }
        return field.urlPathOfFolder(expected: form)
    }

    /// Whether requests for `other` could be taken for requests that ask here. Envoy puts the path of the request that it asks
    /// about right behind this one.
    fileprivate func takes(_ other: String) -> Bool {
        other == path || other.hasPrefix(proxy == .envoy ? path : path + "/")
    }
}

// MARK: - The rest of the file

enum ForwardAuthRules {
    static func check(_ configuration: Configuration, _ root: Section<Vocabulary.Root>, _ findings: Findings) {
        let endpoints = configuration.forwardAuth
        guard let first = endpoints.first else { return }
        let isProxy = root.has(.upstream) || root.has(.upstreams)
        if configuration.trustedProxies == .nobody {
            findings.error(
                at: first.place, "nobody may ask: there are no trusted_proxies",
                expected: "trusted_proxies with the addresses of the proxy in front")
        }
        for (index, endpoint) in endpoints.enumerated() {
            for other in endpoints[..<index] where endpoint.takes(other.path) || other.takes(endpoint.path) {
                findings.error(
                    at: endpoint.place, "\(endpoint.path) cannot be told from \(other.path) of \(other.place.path)",
                    expected: "a path elsewhere")
            }
            checkServed(endpoint, configuration, findings)
            for route in configuration.routes where isProxy && endpoint.takes(route.pathPrefix) {
                findings.warning(at: route.place, "requests to \(route.pathPrefix) are answered by \(endpoint.place.path)")
            }
        }
        warnOfDelivery(endpoints, configuration, findings)
        guard !isProxy else { return }
        for login in configuration.sessions?.endpoints.logins ?? [] {
            findings.error(
                at: login.endpoint.place, "there is no API to log in to: logins are captured on their way to an upstream",
                expected: "upstream with the address of the API")
        }
        for route in configuration.routes where route.authorization != .original {
            findings.error(
                at: route.place, "a decision leaves the request as it is, so what becomes of the token is up to the proxy in front",
                expected: "no forward.authorization")
        }
    }

    /// Traefik's ForwardAuth hands nothing of a decision to the client but cookies.
    private static func warnOfDelivery(
        _ endpoints: [Configuration.ForwardAuth], _ configuration: Configuration, _ findings: Findings
    ) {
        switch configuration.sliding?.delivery {
        case nil, .cookie: return
        case .header, .authorization: break
        }
        for endpoint in endpoints where endpoint.proxy == .traefik {
            findings.warning(
                at: endpoint.place, "Traefik hands only cookies to clients, and renewed tokens are delivered in a header; "
                    + "with sliding: { deliver: { cookie: … } } they arrive")
        }
    }

    /// What the gateway serves itself must stay within reach.
    private static func checkServed(
        _ endpoint: Configuration.ForwardAuth, _ configuration: Configuration, _ findings: Findings
    ) {
        var served: [(path: String, by: String)] = []
        if let keys = configuration.publishedKeys { served.append((keys.path, "publish_keys")) }
        if let endpoints = configuration.sessions?.endpoints {
            served += SessionsRules.served(by: endpoints).map { ($0.path, $0.place.path) }
        }
        if let browser = configuration.browser, browser.covers(endpoint.path) || endpoint.takes(browser.path) {
            served.append((browser.path, "browser"))
        }
        for (path, name) in served where endpoint.takes(path) || name == "browser" {
            findings.error(
                at: endpoint.place, "\(path) of \(name) cannot be told from \(endpoint.path)", expected: "a path elsewhere")
        }
    }
}
