/// What the members of `sessions` demand of each other.
enum SessionsRules {
    static func check(
        _ sessions: Configuration.Sessions, _ section: Section<Vocabulary.Sessions>, _ context: ReadingContext
    ) {
        let findings = section.field.findings
        checkSecrets(sessions, section, findings)
        checkTimes(sessions, section, findings)
        checkPaths(sessions.endpoints, findings)
        if sessions.store.value == .memory, section[.store]?.word == "memory" {
            findings.warning(
                at: sessions.store.place, "memory is forgotten with the process: a restart logs everyone out, and lets in whoever was logged out")
        }
        for refresh in sessions.endpoints.refreshes where refresh.effectiveToken == .access && !context.hasSliding {
            findings.error(
                at: refresh.endpoint.place, "access tokens are renewed by the rules of sliding, and there is no sliding in this file",
                expected: "sliding, or a preset that takes refresh tokens")
        }
    }

    private static func checkSecrets(
        _ sessions: Configuration.Sessions, _ section: Section<Vocabulary.Sessions>, _ findings: Findings
    ) {
        let hasSecret = section.has(.secretFile) || section.has(.secretEnvironment)
        if sessions.endpoints.isAny, !hasSecret {
            findings.error(
                at: section.place(of: .endpoints), "endpoints need a secret that refresh tokens are proven genuine by",
                expected: "secret_file with the name of a file, or secret_env with that of an environment variable, beside them")
        }
        for key in [Vocabulary.Sessions.previousSecretFile, .previousSecretEnvironment] where section.has(key) && !hasSecret {
            findings.error(at: section.place(of: key), "there is no secret that it was before", expected: "secret_file or secret_env beside it")
        }
        if let secret = sessions.secret, sessions.previousSecret?.value == secret.value, let previous = sessions.previousSecret {
            findings.error(at: previous.place, "is the secret of now", expected: "the one before")
        }
    }

    private static func checkTimes(
        _ sessions: Configuration.Sessions, _ section: Section<Vocabulary.Sessions>, _ findings: Findings
    ) {
        if sessions.accessLifetime >= sessions.refresh.lifetime {
            findings.error(
                at: section.place(of: section.has(.access) ? .access : .refresh),
                "access tokens live \(DurationText.format(sessions.accessLifetime)), refresh tokens no longer",
                expected: "less than \(DurationText.format(sessions.refresh.lifetime)) for access tokens")
        }
    }

    private struct Served {
        var name: String
        var endpoint: Configuration.Sessions.EndpointPath
        /// Logins take their methods, and leave the others to the routes; the rest answers whatever comes.
        var isLogin = false
    }

    private static func checkPaths(_ endpoints: Configuration.Sessions.Endpoints, _ findings: Findings) {
        var seen: [Served] = []
        for served in all(endpoints) {
            let endpoint = served.endpoint
            let twin = seen.first { other in
                other.endpoint.path == endpoint.path
                    && !(served.isLogin && other.isLogin && Set(other.endpoint.methods).isDisjoint(with: endpoint.methods))
            }
            if let twin {
                findings.error(
                    at: endpoint.place, "\(endpoint.path) is the path of \(twin.endpoint.place.path) already",
                    expected: "a path of its own")
            } else if let sessions = endpoints.sessions, sessions != endpoint, endpoint.path.hasPrefix(sessions.path + "/") {
                findings.error(
                    at: endpoint.place, "\(endpoint.path) is below \(sessions.path), where sessions are ended",
                    expected: "a path elsewhere")
            }
            seen.append(served)
        }
    }

    /// Every path at which the gateway answers for sessions.
    static func served(by endpoints: Configuration.Sessions.Endpoints) -> [Configuration.Sessions.EndpointPath] {
        all(endpoints).map(\.endpoint)
    }

    private static func all(_ endpoints: Configuration.Sessions.Endpoints) -> [Served] {
        let others: [(String, Configuration.Sessions.EndpointPath?)] = [
            ("logout", endpoints.logout), ("logout_everywhere", endpoints.logoutEverywhere),
            ("revocation", endpoints.revocation), ("introspection", endpoints.introspection?.endpoint),
            ("sessions", endpoints.sessions),
        ]
        return endpoints.logins.map { Served(name: "login", endpoint: $0.endpoint, isLogin: true) }
            + endpoints.refreshes.map { Served(name: "refresh", endpoint: $0.endpoint) }
            + others.compactMap { name, endpoint in endpoint.map { Served(name: name, endpoint: $0) } }
    }

    // MARK: The rest of the file

    static func checkFile(
        _ sessions: Configuration.Sessions, _ configuration: Configuration, _ root: Section<Vocabulary.Root>, _ findings: Findings
    ) {
        let served = all(sessions.endpoints)
        if let published = configuration.publishedKeys {
            for served in served where served.endpoint.path == published.path {
                findings.error(
                    at: served.endpoint.place, "\(published.path) is where publish_keys serves keys", expected: "a path of its own")
            }
        }
        for route in configuration.routes {
            let methods = route.methods
            for served in served where served.endpoint.path == route.pathPrefix && !served.isLogin {
                findings.warning(at: route.place, "requests to \(route.pathPrefix) itself are answered by \(served.endpoint.place.path)")
            }
            for served in served where served.endpoint.path == route.pathPrefix && served.isLogin {
                if !methods.isEmpty, Set(methods).isSubset(of: served.endpoint.methods) {
                    findings.warning(
                        at: route.place, "requests to \(route.pathPrefix) itself go the way of \(served.endpoint.place.path)")
                }
            }
        }
        checkCap(sessions, configuration, root, findings)
        checkCookies(sessions, configuration, root, findings)
    }

    private static func checkCap(
        _ sessions: Configuration.Sessions, _ configuration: Configuration, _ root: Section<Vocabulary.Root>, _ findings: Findings
    ) {
        let bound: Duration
        switch sessions.refresh.policy {
        case .fixed: bound = sessions.refresh.lifetime
        case .slidingWithCap(let cap): bound = cap
        case .sliding: return
        }
        guard let sliding = configuration.sliding, sessions.issuesTokens else { return }
        if sliding.sessionCap.map({ $0 > bound }) ?? true {
            let cap = sliding.sessionCap.map { DurationText.format($0) } ?? "never"
            findings.warning(
                at: root.place(of: .sliding),
                "access tokens slide beyond their session: it ends after \(DurationText.format(bound)), sliding.session_cap is \(cap)")
        }
    }

    private static func checkCookies(
        _ sessions: Configuration.Sessions, _ configuration: Configuration, _ root: Section<Vocabulary.Root>, _ findings: Findings
    ) {
        let read = configuration.tokens.sources.compactMap { source -> String? in
            if case .cookie(let name) = source { name } else { nil }
        }
        let answers = sessions.endpoints.logins.map { ($0.endpoint.place, $0.preset, $0.answer) }
            + sessions.endpoints.refreshes.map { ($0.endpoint.place, $0.preset, $0.answer) }
        var taken = [sessions.cookie.name]
        for case .cookie(let name?) in sessions.endpoints.refreshes.map(\.effectiveToken) { taken.append(name) }
        if let name = taken.first(where: read.contains) {
            findings.error(
                at: sessions.place, "the cookie \(name) is for refresh tokens, and tokens.from reads access tokens from it",
                expected: "a name for each")
        }
        if case .cookie(let cookie)? = configuration.sliding?.delivery, taken.contains(cookie.name) {
            findings.error(
                at: sessions.place, "the cookie \(cookie.name) is for refresh tokens, and sliding delivers access tokens in it",
                expected: "a name for each")
        }
        for refresh in sessions.endpoints.refreshes {
            guard case .cookie(let name?) = refresh.effectiveToken, name != sessions.cookie.name,
                refresh.answer.hasRefreshCookie ?? refresh.preset.hasRefreshCookie
            else { continue }
            findings.error(
                at: refresh.endpoint.place, "the next refresh token goes to the cookie \(sessions.cookie.name), not to \(name)",
                expected: "sessions.cookie.name: \(name)")
        }
        var usesCookies = false
        for (place, preset, answer) in answers {
            usesCookies = usesCookies || answer.accessCookie != nil || answer.hasRefreshCookie ?? preset.hasRefreshCookie
            guard let name = answer.accessCookie else { continue }
            if taken.contains(name) {
                findings.error(at: place, "the cookie \(name) is for refresh tokens", expected: "a name for each")
            } else if !read.contains(name) {
                findings.warning(at: place, "access tokens go to the cookie \(name), which tokens.from does not read")
            }
        }
        if let name = read.first, read.count == configuration.tokens.sources.count {
            let issuing = sessions.endpoints.logins.map { ($0.endpoint.place, $0.answer) }
                + sessions.endpoints.refreshes.filter { $0.effectiveToken != .access }.map { ($0.endpoint.place, $0.answer) }
            for (place, answer) in issuing where answer.accessCookie == nil {
                findings.warning(
                    at: place, "tokens.from reads access tokens from cookies alone, and none is set here; "
                        + "with answer: { cookies: { access: \(name) } } it is")
            }
        }
        if usesCookies, let cors = configuration.cors, !cors.credentials {
            findings.warning(
                at: root.place(of: .cors), "without credentials, browsers keep no cookie from a cross-origin answer")
        }
    }
}
