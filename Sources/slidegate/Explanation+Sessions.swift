import Configuration
import Sessions

extension Explanation {
    /// What begins sessions, how long they last, where they are kept, and what holds when nobody can tell.
    var sessionLines: [String] {
        guard let sessions else { return [] }
        let settings = sessions.settings
        var lines = ["SESSIONS"]
        lines.append("  are kept in \(describe(sessions.store)); this check does not open it.")
        lines += settings.endpoints.logins.map { "  \(describe($0))" }
        lines += lifeLines(settings)
        lines += settings.endpoints.refreshes.map { "  \(describe($0, settings))" }
        let others = others(settings.endpoints)
        if !others.isEmpty { lines.append("  Served too: \(Prose.all(others)).") }
        lines += revocationLines(sessions)
        return lines
    }

    private func describe(_ store: StoreSettings) -> String {
        switch store {
        case .memory: "the memory of the gateway, which a restart empties: everyone is logged out, and whoever was logged out is let in"
        case .sqlite(let path, _): "\(path), a file of this machine"
        case .redis: store.name
        }
    }

    private func describe(_ login: Configuration.Sessions.Login) -> String {
        let methods = Prose.alternatives(login.endpoint.methods)
        let source =
            switch login.claims {
            case .header(let name): "whose answer has claims in \(name)"
            case .members(let members):
                "whose answer has \(Prose.all(members.map { "\($0.claim) in \($0.path.joined(separator: "."))" }))"
            }
        let upstream = configuration.upstreams[login.upstream].name
        return "\(methods) \(login.endpoint.path) goes to \(upstream), \(source): that begins one, and gets the tokens added (\(login.preset.rawValue))."
    }

    private func lifeLines(_ settings: Configuration.Sessions) -> [String] {
        let refresh = settings.refresh
        let lifetime = DurationText.format(refresh.lifetime)
        var lines = ["  An access token lives \(DurationText.format(settings.accessLifetime))."]
        switch refresh.policy {
        case .fixed: lines.append("  A session ends \(lifetime) after its login, however it is used.")
        case .sliding: lines.append("  A session ends \(lifetime) after its last refresh, and never while it is refreshed.")
        case .slidingWithCap(let cap):
            lines.append("  A session ends \(lifetime) after its last refresh, and \(DurationText.format(cap)) after its login at the latest.")
        }
        if refresh.rotates {
            let grace =
                refresh.grace == .zero ? "" : ", but for \(DurationText.format(refresh.grace)) after its use, when it gets the same answer again"
            lines.append("  Each refresh uses its token up; one that comes again ends the session\(grace).")
        } else {
            lines.append("  A session keeps its one refresh token: a stolen one is not noticed.")
        }
        if let count = refresh.perUserMax {
            lines.append("  A user has \(count == 1 ? "one session" : "\(count) sessions at most"): the least recently used one gives way.")
        }
        return lines
    }

    private func describe(_ refresh: Configuration.Sessions.RefreshEndpoint, _ settings: Configuration.Sessions) -> String {
        let token =
            switch refresh.effectiveToken {
            case .form(let name): "a refresh token in the form's \(name)"
            case .json(let name): "a refresh token in the JSON's \(name)"
            case .cookie(let name): "a refresh token in the cookie \(name ?? settings.cookie.name)"
            case .bearer: "a refresh token as Authorization: Bearer"
            case .access: "a valid access token"
            }
        let methods = Prose.alternatives(refresh.endpoint.methods)
        return "\(methods) \(refresh.endpoint.path) takes \(token) and answers with new tokens (\(refresh.preset.rawValue))."
    }

    private func others(_ endpoints: Configuration.Sessions.Endpoints) -> [String] {
        [
            endpoints.logout.map { "logout at \($0.path)" },
            endpoints.logoutEverywhere.map { "logout everywhere at \($0.path)" },
            endpoints.revocation.map { "revocation (RFC 7009) at \($0.path)" },
            endpoints.introspection.map { "introspection (RFC 7662) at \($0.endpoint.path)" },
            endpoints.sessions.map { "a user's own sessions at \($0.path)" },
        ].compactMap { $0 }
    }

    private func revocationLines(_ sessions: LoadedSessions) -> [String] {
        let revocation = sessions.settings.revocation
        let awayAfter = DurationText.format(revocation.awayAfter)
        let poll = DurationText.format(revocation.poll)
        var lines: [String] = []
        switch sessions.store {
        case .memory: lines.append("  What is revoked is refused at once, by this process alone.")
        case .sqlite: lines.append("  What is revoked is refused at once by the process that was told, and within \(poll) by others with this file.")
        case .redis: lines.append("  What is revoked is refused at once by the gateway that was told, and as a rule within milliseconds by the others.")
        }
        let guarded = configuration.routes.filter { $0.authentication != .none }
        let isAnyOpen = guarded.contains { $0.storeAway == .open }
        let isAnyClosed = guarded.contains { $0.storeAway == .closed }
        if isAnyClosed {
            lines.append("  At the latest after \(awayAfter): whoever has not heard of the store for so long refuses tokens with 503\(isAnyOpen ? ", but on open routes" : "").")
        }
        if isAnyOpen {
            lines.append("  Open routes let valid tokens pass while the store is away, also one that has been revoked meanwhile.")
        }
        lines.append("  While the store is away logins and refreshes fail with 503.")
        lines.append("  The end of a session is remembered for \(DurationText.format(.seconds(sessions.rules.accessReachSeconds))): no longer may an access token of it live.")
        if let admin = configuration.admin {
            lines.append(
                admin.secret == nil
                    ? "  The session API at \(admin.address.value) answers 403: admin has no secret."
                    : "  The session API is at \(admin.address.value), for who has the secret.")
        }
        return lines
    }

    /// Nil for the usual.
    func storeAway(of route: Configuration.Route) -> String? {
        guard sessions != nil, route.authentication != .none, route.storeAway == .open else { return nil }
        return "Open: lets valid tokens pass while the store of sessions is away."
    }
}
