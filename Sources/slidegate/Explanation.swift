import Authentication
import BrowserModule
import Configuration
import EventLoop
import JOSE
import ProxyProtocol
import Signatures

/// A configuration in words: what an operator should read before it goes into service.
struct Explanation {
    let configuration: Configuration
    private let keys: LoadedKeys
    private let tls: LoadedTLS
    let sessions: LoadedSessions?

    /// Whether sets of keys have been asked for.
    private let isFetched: Bool

    init(_ configuration: Configuration, _ keys: LoadedKeys, _ tls: LoadedTLS, _ sessions: LoadedSessions?, isFetched: Bool = false) {
        self.isFetched = isFetched
        self.configuration = configuration
        self.keys = keys
        self.tls = tls
        self.sessions = sessions
    }

    var text: String {
        let sections = [
            traffic, shadowLines, keyLines, tokenLines, slidingLines, sessionLines, browserLines, routeLines, crossOriginLines, logLines,
            administrationLines,
        ]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    // MARK: Traffic

    private var traffic: [String] {
        let addresses = Prose.all(zip(configuration.listeners, tls.certificates).map(describe))
        let workers =
            switch configuration.workers {
            case .automatic: "a worker for each processor"
            case .count(1): "one worker"
            case .count(let count): "\(count) workers"
            }
        var lines = ["\(configuration.file) is good.", "", "Listens on \(addresses) with \(workers)."]
        for upstream in configuration.upstreams {
            let servers = Prose.all(upstream.servers.map { "\($0.address.value)" })
            lines.append("Upstream \(upstream.name) is \(servers)\(describe(upstream.tls)).")
        }
        for endpoint in configuration.forwardAuth {
            lines.append("\(endpoint.path) tells \(endpoint.proxy.rawValue) whether a request may pass; \(asking) may ask.")
        }
        if configuration.upstreams.isEmpty { lines.append("Nothing is proxied: apart from decisions and what the gateway serves itself, 404.") }
        return lines
    }

    private var asking: String {
        let trusted = configuration.trustedProxies
        return Prose.all(trusted.blocks.map(\.description) + (trusted.includesUnixSockets ? ["whoever connects through a Unix socket"] : []))
    }

    private func describe(_ listener: Configuration.Listener, _ certificates: [TLSCertificate]) -> String {
        let address = "\(listener.address.value)"
        if let port = listener.redirectPort { return "\(address) (redirects to HTTPS on port \(port))" }
        guard let settings = listener.tls else { return address }
        var seen: Set<String> = []
        let names = certificates.flatMap(\.names).filter { seen.insert($0).inserted }
        var text = "\(address) (TLS \(settings.minimumVersion.rawValue) and above"
        if !names.isEmpty { text += " for \(Prose.all(names))" }
        switch settings.clients?.verification {
        case .required: text += ", clients with a certificate only"
        case .optional: text += ", clients may have a certificate"
        case nil: break
        }
        return text + ")"
    }

    private func describe(_ tls: Configuration.Upstream.TLS?) -> String {
        guard let tls else { return "" }
        guard tls.verifies else { return ", under TLS with whoever answers" }
        let name = tls.serverName.map { " as \($0)" } ?? ""
        return ", under TLS\(name), trusted by \(tls.authorities?.value ?? "the system's authorities")"
    }

    // MARK: Shadow mode

    /// What an operator must not overlook: where nothing is protected.
    private var shadowLines: [String] {
        let routes = configuration.servedRoutes.filter { $0.mode == .shadow }
        guard !routes.isEmpty else { return [] }
        var lines = ["SHADOW MODE"]
        if routes.count == configuration.servedRoutes.count {
            lines.append("  NOTHING IS PROTECTED: every request passes, with any token or none. What would be refused or renewed is logged and counted.")
        } else {
            let paths = Prose.all(routes.map(\.pathPrefix))
            lines.append("  NOTHING IS PROTECTED below \(paths): there every request passes, with any token or none.")
            lines.append("  What would be refused or renewed there is logged and counted.")
        }
        if routes.contains(where: { $0.login != nil }) { lines.append("  Answers to logins are not captured: no sessions begin.") }
        if let admin = configuration.admin { lines.append("  What enforcing would have done: GET /shadow on \(admin.address.value).") }
        return lines
    }

    // MARK: Keys

    private var keyLines: [String] {
        guard !keys.entries.isEmpty || !keys.remote.isEmpty else { return [] }
        let fetched = keys.remote.filter { remote in !keys.entries.contains { $0.source == remote.index } }.map {
            "  a set of keys, fetched from \($0.source.address) while serving\(isFetched ? ", and not to be had now" : ", not by this check"): verifies"
        }
        return ["KEYS"]
            + keys.entries.enumerated().map { index, entry in
                let id = entry.key.id.map { "kid \"\($0)\"" } ?? "without kid"
                let role = index == keys.signing ? "signs \(signed), and verifies" : "verifies"
                let source = describe(configuration.keys[entry.source].source.value)
                return "  \(entry.key.algorithm.rawValue), \(id), \(source): \(role)"
            } + fetched
    }

    private var signed: String {
        switch (configuration.sliding != nil, sessions != nil) {
        case (_, false): "renewed tokens"
        case (true, true): "renewed tokens, and those of sessions"
        case (false, true): "tokens of sessions"
        }
    }

    private func describe(_ source: Configuration.Key.Source) -> String {
        switch source {
        case .secretFile(let path), .privateKeyFile(let path), .publicKeyFile(let path), .jwkFile(let path),
            .jwkSetFile(let path):
            "from \(path)"
        case .secretEnvironment(let name): "from the environment variable \(name)"
        case .jwkSetURL(let address): "fetched from \(address)"
        }
    }

    // MARK: Tokens

    private var tokenLines: [String] {
        guard configuration.routes.contains(where: { $0.authentication != .none }) else { return [] }
        let tokens = configuration.tokens
        let places = tokens.sources.map { source in
            switch source {
            case .authorization: "Authorization: Bearer"
            case .cookie(let name): "the cookie \(name)"
            case .header(let name): "the header \(name)"
            case .webSocketProtocol: "Sec-WebSocket-Protocol"
            }
        }
        let issuers = tokens.issuers.isEmpty ? "any issuer" : "the issuer \(Prose.alternatives(tokens.issuers))"
        let audiences =
            tokens.audiences.isEmpty ? "any audience" : "the audience \(Prose.alternatives(tokens.audiences))"
        var lines = ["TOKENS", "  are read from \(Prose.alternatives(places)), up to \(SizeText.format(tokens.bytesMax));"]
        lines.append("  are good when a key above signed them, for \(issuers) and \(audiences), between nbf and exp"
            + (tokens.leeway == .zero ? "." : " give or take \(DurationText.format(tokens.leeway))."))
        return lines
    }

    // MARK: Sliding

    private var slidingLines: [String] {
        guard let sliding = configuration.sliding else {
            return ["SLIDING", "  is off: tokens are verified and never renewed."]
        }
        let idle = IdleTime(sliding)
        var lines = ["SLIDING"]
        lines.append("  A token is renewed when \(idle.bufferText) is left of it; \(describe(sliding.delivery)).")
        switch sliding.lifetime {
        case .inherit:
            let bound = DurationText.format(sliding.lifetimeMax)
            lines.append("  The successor lives as long as the token it follows was meant to, at most \(bound).")
        case .fixed(let lifetime):
            lines.append("  The successor lives \(DurationText.format(lifetime)).")
        }
        lines.append("  Idle time a user can count on: \(idle.text).")
        if let cap = sliding.sessionCap {
            let endpoints = configuration.sessions?.endpoints
            let isIssuing = endpoints.map { !$0.logins.isEmpty || !$0.refreshes.isEmpty } ?? false
            lines.append(
                isIssuing
                    ? "  Sliding ends \(DurationText.format(cap)) after a token's first one; each login and each refresh begins anew."
                    : "  The session ends \(DurationText.format(cap)) after its first token, whatever happens.")
        } else {
            lines.append("  The session never ends while it is used.")
        }
        lines.append(
            sliding.grace == .zero
                ? "  An expired token is never renewed."
                : "  A token that expired less than \(DurationText.format(sliding.grace)) ago is still renewed.")
        // Of other answers than those of upstreams, the gateway does not know the status.
        if !sliding.exceptStatuses.isEmpty, !configuration.upstreams.isEmpty {
            let statuses = Prose.alternatives(sliding.exceptStatuses.map { "\($0)" })
            lines.append("  Answers with status \(statuses) carry no successor.")
        }
        if let name = sliding.optOutHeader { lines.append("  A request with the header \(name) does not renew.") }
        if let algorithm = keys.signing.map({ keys.entries[$0].key.algorithm }) {
            lines.append(
                algorithm.isDeterministic
                    ? "  All workers, processes and machines with this key hand out the same successor, byte for byte."
                    : "  \(algorithm.rawValue) signatures are random: processes agree on a successor's claims, not on its bytes.")
        }
        return lines
    }

    private func describe(_ delivery: Configuration.Sliding.Delivery) -> String {
        switch delivery {
        case .header(let name): "the answer carries its successor in \(name)"
        case .authorization: "the answer carries its successor in Authorization"
        case .cookie(let cookie): "the answer sets the cookie \(cookie.name) to its successor"
        }
    }

    // MARK: Routes

    private var routeLines: [String] {
        var lines = ["ROUTES, the longest path first"]
        let routes = configuration.routes.sorted { ($0.pathPrefix.utf8.count, $1.pathPrefix) > ($1.pathPrefix.utf8.count, $0.pathPrefix) }
        for route in routes {
            lines.append("  \(scope(of: route))")
            lines.append("      \(entry(of: route))")
            if route.mode == .shadow { lines.append("      In shadow mode: everyone gets in.") }
            lines.append("      \(renewal(of: route))")
            lines.append("      \(destination(of: route))")
            if let streams = streams(of: route) { lines.append("      \(streams)") }
            if let storeAway = storeAway(of: route) { lines.append("      \(storeAway)") }
        }
        if !routes.contains(where: { $0.pathPrefix == "/" && $0.hosts.isEmpty && $0.methods.isEmpty }) {
            lines.append("  anything else")
            lines.append("      Nobody gets in: 404.")
        }
        return lines
    }

    private func scope(of route: Configuration.Route) -> String {
        var text = route.pathPrefix
        switch text {
        case "/": text += "  (every path)"
        case _ where text.hasSuffix("/"): text += "  (below it, not \(text.dropLast()) itself)"
        case _: text += "  (and below)"
        }
        if !route.hosts.isEmpty { text += " on \(Prose.alternatives(route.hosts))" }
        if !route.methods.isEmpty { text += " for \(Prose.alternatives(route.methods))" }
        return text
    }

    private func entry(of route: Configuration.Route) -> String {
        let conditions = route.require.map { "\($0.claim) is or contains \(Prose.alternatives($0.values.map { "\"\($0)\"" }))" }
        let condition = conditions.isEmpty ? "" : " whose \(Prose.all(conditions))"
        switch route.authentication {
        case .required: return "Who gets in: requests with a valid token\(condition)."
        case .optional: return "Who gets in: requests without a token, and those with a valid one\(condition)."
        case .none: return "Who gets in: everyone; tokens are not looked at."
        }
    }

    private func renewal(of route: Configuration.Route) -> String {
        guard configuration.sliding != nil, route.authentication != .none else { return "Tokens are not renewed." }
        return route.slides ? "Tokens slide." : "Tokens do not slide: requests here are no activity."
    }

    private func destination(of route: Configuration.Route) -> String {
        var text = configuration.upstreams.isEmpty ? "Goes on by the proxy in front" : "Goes to \(configuration.upstreams[route.upstream].name)"
        switch route.authorization {
        case .original: break
        case .renewed: text += ", with the renewed token when there is one"
        case .stripped: text += ", without the token"
        }
        let headers = route.claimHeaders.map { "\($0.header) from \($0.claim)" }
        if !headers.isEmpty { text += ", with \(Prose.all(headers))" }
        return text + "."
    }

    /// Nil for the usual: event streams end with the session, other answers do not.
    private func streams(of route: Configuration.Route) -> String? {
        switch route.streams {
        case .events: nil
        case .session: "Whatever answer is still under way ends with the session."
        case .free: "Event streams do not end with the session."
        }
    }

    // MARK: Pages

    private var browserLines: [String] {
        guard let browser = configuration.browser else { return [] }
        let kept =
            switch browser.store {
            case .memory: "in the page, until its last tab closes"
            case .local: "in localStorage, where every script of the origin can read them"
            }
        let settings = ClientSettings(AuthenticationPolicy(configuration), sessions.map { SessionPolicy($0) })
        return [
            "PAGES", "  find their session in \(browser.path)/session.js, and the module alone in \(browser.path)/slidegate.js, without a token.",
            settings.usesCookies
                ? "  Tokens are in cookies, which no script can read."
                : "  Tokens of that session are kept \(kept).",
            "  Anything else at \(browser.path) is not there: 404.",
        ]
    }

    // MARK: CORS

    private var crossOriginLines: [String] {
        guard let cors = configuration.cors else { return [] }
        let origins =
            switch cors.origins {
            case .any: "any origin"
            case .listed(let origins): Prose.all(origins)
            }
        return ["CORS", "  Pages of \(origins) may use the API, \(cors.credentials ? "with" : "without") cookies."]
    }
}
