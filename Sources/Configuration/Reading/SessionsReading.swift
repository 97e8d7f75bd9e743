extension Configuration.Sessions {
    static func read(_ field: Field?, _ context: ReadingContext) -> Configuration.Sessions? {
        guard let field else { return nil }
        let form = "a mapping such as { store: sqlite:sessions.db, secret_file: refresh.secret }"
        guard let section = Section<Vocabulary.Sessions>(field, expected: form) else { return nil }
        let access = section[.access].flatMap {
            Section<Vocabulary.SessionAccess>($0, expected: "a mapping such as { lifetime: 15m }")
        }
        let sessions = Configuration.Sessions(
            store: readStore(section),
            secret: section.secret(file: .secretFile, environment: .secretEnvironment),
            previousSecret: section.secret(file: .previousSecretFile, environment: .previousSecretEnvironment),
            accessLifetime: access?[.lifetime]?.claimTime() ?? Defaults.accessLifetime,
            refresh: Refresh.read(section[.refresh]),
            device: Device.read(section[.device]),
            revocation: Revocation.read(section[.revocation]),
            sweep: section[.sweep]?.duration(in: Bounds.sweep, wholeSeconds: true) ?? Defaults.sweep,
            cookie: Cookie.read(section[.cookie]),
            endpoints: Endpoints.read(section[.endpoints], context),
            place: field.place)
        SessionsRules.check(sessions, section, context)
        return sessions
    }

    private static func readStore(_ section: Section<Vocabulary.Sessions>) -> Located<Store> {
        guard let field = section[.store] else {
            section.field.refuse("store is missing", expected: Store.form)
            return Located(.memory, at: section.place)
        }
        return field.located(Store.read(field) ?? .memory)
    }
}

extension Configuration.Sessions.Refresh {
    fileprivate static func read(_ field: Field?) -> Self {
        var refresh = Self(
            lifetime: Defaults.refreshLifetime, policy: .slidingWithCap(Defaults.refreshCap), rotates: Defaults.rotates,
            grace: Defaults.refreshGrace, perUserMax: nil)
        guard let field,
            let section = Section<Vocabulary.SessionRefresh>(field, expected: "a mapping of lifetime, policy and cap")
        else { return refresh }
        refresh.lifetime = section[.lifetime]?.claimTime() ?? refresh.lifetime
        refresh.rotates = section[.rotate]?.boolean() ?? refresh.rotates
        refresh.grace = section[.grace]?.duration(in: Bounds.refreshGrace, wholeSeconds: true) ?? refresh.grace
        refresh.perUserMax = section[.perUser].flatMap { $0.integerOrNone(in: Bounds.sessionsPerUser) }
        refresh.policy = readPolicy(section)
        check(refresh, section)
        return refresh
    }

    private enum Word: String, CaseIterable {
        case fixed, sliding
        case slidingWithCap = "sliding-with-cap"
    }

    private static func readPolicy(_ section: Section<Vocabulary.SessionRefresh>) -> Policy {
        let cap = section[.cap]?.claimTime()
        let word = section[.policy]?.choice(Word.self) ?? .slidingWithCap
        if section.has(.cap), word != .slidingWithCap {
            section.field.findings.error(
                at: section.place(of: .cap),
                word == .fixed
                    ? "with policy: fixed a session ends one lifetime after its login anyway"
                    : "with policy: sliding a session has no end",
                expected: "policy: sliding-with-cap, or no cap")
        }
        switch word {
        case .fixed: return .fixed
        case .sliding: return .sliding
        case .slidingWithCap: return .slidingWithCap(cap ?? Defaults.refreshCap)
        }
    }

    private static func check(_ refresh: Self, _ section: Section<Vocabulary.SessionRefresh>) {
        let findings = section.field.findings
        if case .slidingWithCap(let cap) = refresh.policy, cap < refresh.lifetime {
            findings.error(
                at: section.place(of: section.has(.cap) ? .cap : .lifetime),
                "sessions end after \(DurationText.format(cap)), before their first refresh token does",
                expected: "a cap of at least the lifetime of \(DurationText.format(refresh.lifetime))")
        }
        if refresh.policy == .sliding {
            findings.warning(
                at: section.place(of: .policy), "sessions have no end: a stolen refresh token lives as long as it is used")
        }
        if refresh.grace >= refresh.lifetime {
            findings.error(
                at: section.place(of: section.has(.grace) ? .grace : .lifetime),
                "a grace of \(DurationText.format(refresh.grace)) is not less than the lifetime of refresh tokens",
                expected: "less than \(DurationText.format(refresh.lifetime))")
        }
        if !refresh.rotates, section.has(.grace) {
            findings.warning(at: section.place(of: .grace), "has no effect: refresh tokens do not rotate")
        }
    }
}

extension Configuration.Sessions.Device {
    fileprivate static func read(_ field: Field?) -> Self {
        var device = Defaults.deviceHeaders
        guard let field, let section = Section<Vocabulary.SessionDevice>(field, expected: "a mapping of id, name and application")
        else { return device }
        device.id = section[.id]?.headerName() ?? device.id
        device.name = section[.name]?.headerName() ?? device.name
        device.application = section[.application]?.headerName() ?? device.application
        let names = [device.id, device.name, device.application].map { $0.lowercased() }
        if Set(names).count < names.count {
            field.refuse("two things use one header", expected: "a header for each")
        }
        return device
    }
}

extension Configuration.Sessions.Revocation {
    fileprivate static func read(_ field: Field?) -> Self {
        var revocation = Self(poll: Defaults.revocationPoll, awayAfter: Defaults.awayAfter, keep: Defaults.revocationKeep)
        guard let field,
            let section = Section<Vocabulary.SessionRevocation>(field, expected: "a mapping of poll, away_after and keep")
        else { return revocation }
        revocation.poll = section[.poll]?.duration(in: Bounds.revocationPoll) ?? revocation.poll
        revocation.awayAfter = section[.awayAfter]?.duration(in: Bounds.awayAfter) ?? revocation.awayAfter
        revocation.keep = section[.keep]?.claimTime() ?? revocation.keep
        if revocation.awayAfter < revocation.poll * 2 {
            field.findings.error(
                at: section.place(of: section.has(.awayAfter) ? .awayAfter : .poll),
                "the store would count as away between two polls of \(DurationText.format(revocation.poll))",
                expected: "an away_after of at least twice the poll")
        }
        return revocation
    }
}

extension Configuration.Sessions.Cookie {
    /// A name, or a mapping.
    fileprivate static func read(_ field: Field?) -> Self {
        var cookie = Self(name: Defaults.refreshCookieName, sameSite: Defaults.refreshCookieSameSite)
        guard let field else { return cookie }
        guard field.isMapping else {
            cookie.name = field.cookieName() ?? cookie.name
            return cookie
        }
        guard let section = Section<Vocabulary.SessionCookie>(field, expected: "a name, or a mapping") else { return cookie }
        cookie.name = section[.name]?.cookieName() ?? cookie.name
        cookie.sameSite = section[.sameSite]?.choice(Configuration.Sliding.Cookie.SameSite.self) ?? cookie.sameSite
        return cookie
    }
}
