extension Configuration.Sessions.Endpoints {
    static func read(_ field: Field?, _ context: ReadingContext) -> Self {
        var endpoints = Self()
        let form = "a mapping of login, refresh, logout and others"
        guard let field, let section = Section<Vocabulary.SessionEndpoints>(field, expected: form) else { return endpoints }
        endpoints.logins = section[.login]?.elements(expected: "a login, or a list of logins")
            .compactMap { Configuration.Sessions.Login.read($0, context) } ?? []
        endpoints.refreshes = section[.refresh]?.elements(expected: "a refresh endpoint, or a list of them")
            .compactMap(Configuration.Sessions.RefreshEndpoint.read) ?? []
        endpoints.logout = section[.logout].flatMap { .read($0) }
        endpoints.logoutEverywhere = section[.logoutEverywhere].flatMap { .read($0) }
        endpoints.revocation = section[.revocation].flatMap { .read($0) }
        endpoints.introspection = section[.introspection].flatMap(Configuration.Sessions.Introspection.read)
        endpoints.sessions = section[.sessions].flatMap { .read($0) }
        for list in [section[.login], section[.refresh]] where list?.isEmptyList == true {
            list?.refuse("an empty list", expected: "at least one entry, or no such key")
        }
        return endpoints
    }
}

extension Configuration.Sessions.EndpointPath {
    /// A path, or a mapping.
    fileprivate static func read(_ field: Field) -> Self? {
        let form = "a path such as /auth/logout, or a mapping with one"
        guard field.isMapping else { return path(field).map { Self(path: $0, methods: [], place: field.place) } }
        guard let section = Section<Vocabulary.SessionEndpoint>(field, expected: form) else { return nil }
        guard let pathField = section[.path] else {
            if !section.hasUnknownKeys { field.refuse("path is missing", expected: "a path such as /auth/logout") }
            return nil
        }
        return path(pathField).map { Self(path: $0, methods: [], place: field.place) }
    }

    /// The path of an endpoint that has a usual one.
    fileprivate static func path(_ field: Field?, default path: String?, of mapping: Field) -> String? {
        if let field { return Self.path(field) }
        if path == nil { mapping.refuse("path is missing", expected: "a path such as /login") }
        return path
    }

    fileprivate static func path(_ field: Field) -> String? { field.urlPath(expected: "a path such as /auth/refresh") }

    /// Those that browsers do not send for other sites without being asked, or that at least say where they come from.
    fileprivate static func unsafeMethods(_ field: Field) -> [String] {
        let methods = field.methods()
        for method in methods where ["GET", "HEAD", "OPTIONS", "TRACE"].contains(method) {
            field.refuse("\(method) is for what changes nothing: any page could cause it", expected: "POST, PUT, PATCH or DELETE")
        }
        return methods
    }
}

extension Configuration.Sessions.Introspection {
    fileprivate static func read(_ field: Field) -> Self? {
        let form = "a mapping of path and secret_file"
        guard let section = Section<Vocabulary.Introspection>(field, expected: form) else { return nil }
        let secret = section.secret(file: .secretFile, environment: .secretEnvironment)
        if !section.has(.secretFile), !section.has(.secretEnvironment) {
            field.refuse(
                "without a secret anyone could ask what tokens say",
                expected: "secret_file or secret_env, with what callers bring as Authorization: Bearer")
        }
        guard let pathField = section[.path] else {
            field.refuse("path is missing", expected: "a path such as /auth/introspect")
            return nil
        }
        guard let path = Configuration.Sessions.EndpointPath.path(pathField), let secret else { return nil }
        return Self(endpoint: Configuration.Sessions.EndpointPath(path: path, methods: [], place: field.place), secret: secret)
    }
}

extension Configuration.Sessions.Login {
    fileprivate static func read(_ field: Field, _ context: ReadingContext) -> Self? {
        guard let section = Section<Vocabulary.SessionLogin>(field, expected: "a mapping such as { path: /login }") else { return nil }
        let preset = section[.preset]?.choice(Configuration.Sessions.Preset.self) ?? Defaults.preset
        let path = Configuration.Sessions.EndpointPath.path(section[.path], default: preset.loginPath, of: field)
        let methods = section[.methods]?.methods() ?? Defaults.loginMethods
        let upstream = field.upstream(section[.upstream], in: context)
        let claims = section[.claims].map(ClaimsSource.read) ?? .header(Defaults.claimsHeader)
        let contentBytesMax = section[.content]?.size(in: Bounds.loginContent) ?? Defaults.loginContentBytesMax
        let answer = Configuration.Sessions.Answer.read(section[.answer], isLogin: true)
        guard let path, let upstream, let claims else { return nil }
        return Self(
            endpoint: Configuration.Sessions.EndpointPath(path: path, methods: methods, place: field.place), upstream: upstream,
            preset: preset, claims: claims, contentBytesMax: contentBytesMax, answer: answer)
    }
}

extension Configuration.Sessions.Login.ClaimsSource {
    fileprivate static func read(_ field: Field) -> Self? {
        let form = "{ header: NAME } or { members: { sub: user.id } }"
        guard let section = Section<Vocabulary.LoginClaims>(field, expected: form) else { return nil }
        switch (section[.header], section[.members]) {
        case (let header?, nil): return header.headerName().map { .header($0) }
        case (nil, let members?): return readMembers(members).map { .members($0) }
        case (_?, _?), (nil, nil):
            if !section.hasUnknownKeys { field.refuse("claims come from one place", expected: form) }
            return nil
        }
    }

    private static func readMembers(_ field: Field) -> [Configuration.Sessions.Login.ClaimMember]? {
        let form = "claims and the members they come from, such as { sub: data.user.id }"
        let written: Set = ["iat", "exp", "nbf", "jti", "sid"]
        let members: [Configuration.Sessions.Login.ClaimMember] = field.entries(expected: form).compactMap { name, place, value in
            guard (1...256).contains(name.utf8.count), name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
                field.findings.error(at: place, "is no name of a claim", expected: form)
                return nil
            }
            guard !written.contains(name) else {
                field.findings.error(at: place, "the gateway itself writes \(name)", expected: "another claim")
                return nil
            }
            guard let text = value.text(expected: "the names of members such as data.user.id") else { return nil }
            let path = text.split(separator: ".", omittingEmptySubsequences: false).map { String($0) }
            guard path.count <= 16, !path.contains("") else {
                value.refuse(
                    "\"\(Quotation.shortened(text))\" names no member", expected: "names with dots between them, such as data.user.id")
                return nil
            }
            return Configuration.Sessions.Login.ClaimMember(claim: name, path: path)
        }
        guard members.contains(where: { $0.claim == "sub" }) else {
            if field.isMapping { field.refuse("sub is missing: a session is someone's", expected: form) }
            return nil
        }
        return members
    }
}

extension Configuration.Sessions.RefreshEndpoint {
    fileprivate static func read(_ field: Field) -> Self? {
        let form = "a mapping such as { path: /auth/refresh, preset: oauth2 }"
        // A path alone is enough.
        guard field.isMapping else {
            return Configuration.Sessions.EndpointPath.path(field).map {
                Self(Configuration.Sessions.EndpointPath(path: $0, methods: ["POST"], place: field.place), Defaults.preset)
            }
        }
        guard let section = Section<Vocabulary.RefreshEndpoint>(field, expected: form) else { return nil }
        let preset = section[.preset]?.choice(Configuration.Sessions.Preset.self) ?? Defaults.preset
        let path = Configuration.Sessions.EndpointPath.path(section[.path], default: preset.refreshPath, of: field)
        var refresh = Self(Configuration.Sessions.EndpointPath(path: path ?? "/", methods: ["POST"], place: field.place), preset)
        refresh.token = section[.token].flatMap(Configuration.Sessions.TokenPlace.read)
        refresh.require = section[.require].map(readRequirements)
        refresh.answer = .read(section[.answer], isLogin: false)
        if let field = section[.refusals],
            let section = Section<Vocabulary.RefreshRefusals>(field, expected: "a mapping of missing, invalid and others") {
            refresh.refusals = Vocabulary.RefreshRefusals.allCases.compactMap { key in
                section[key].flatMap { Configuration.Sessions.Refusal.read($0, key) }
            }
        }
        refresh.endpoint.methods = section[.methods].map(refresh.readMethods) ?? ["POST"]
        refresh.check(section)
        return path == nil ? nil : refresh
    }

    private init(_ endpoint: Configuration.Sessions.EndpointPath, _ preset: Configuration.Sessions.Preset) {
        self.init(
            endpoint: endpoint, preset: preset, token: nil, require: nil, answer: Configuration.Sessions.Answer(), refusals: [])
    }

    /// A cookie comes with whatever a page causes; a bearer token does not.
    private func readMethods(_ field: Field) -> [String] {
        switch effectiveToken {
        case .bearer: field.methods()
        case .form, .json, .cookie, .access: Configuration.Sessions.EndpointPath.unsafeMethods(field)
        }
    }

    private static func readRequirements(_ field: Field) -> [Requirement] {
        field.entries(expected: "members with their values, such as { grant_type: refresh_token }").compactMap { name, place, value in
            guard (1...128).contains(name.utf8.count) else {
                field.findings.error(at: place, "is no name of a member", expected: "a name such as grant_type")
                return nil
            }
            return value.text(expected: "the value that \(Quotation.shortened(name)) must have")
                .map { Requirement(name: name, value: $0) }
        }
    }

    private func check(_ section: Section<Vocabulary.RefreshEndpoint>) {
        let slidesAccess = effectiveToken == .access
        if slidesAccess, answer.hasRefreshCookie == true {
            section.field.findings.error(
                at: section.place(of: .answer), "an access token is renewed here, so there is no refresh token for a cookie",
                expected: "no cookies.refresh")
        }
        guard let require, !require.isEmpty else { return }
        switch effectiveToken {
        case .form(let name), .json(let name):
            if require.contains(where: { $0.name == name }) {
                section.field.findings.error(
                    at: section.place(of: .require), "\(Quotation.shortened(name)) is the token itself", expected: "other members")
            }
        case .cookie, .bearer, .access:
            section.field.findings.error(
                at: section.place(of: .require), "only the members of a form or of JSON can be required",
                expected: "token: { form: NAME } or { json: NAME }")
        }
    }
}

extension Configuration.Sessions.TokenPlace {
    fileprivate static func read(_ field: Field) -> Self? {
        let form = "{ form: NAME }, { json: NAME }, { cookie: NAME }, bearer or access"
        guard field.isMapping else {
            switch field.word {
            case "bearer": return .bearer
            case "access": return .access
            case "cookie": return .cookie(nil)
            case let word:
                let near = word.flatMap { Suggestion.nearest(to: $0, among: ["bearer", "access", "cookie"]) }
                field.refuse(expected: form, suggestion: near)
                return nil
            }
        }
        guard let section = Section<Vocabulary.TokenPlace>(field, expected: form) else { return nil }
        switch (section[.form], section[.json], section[.cookie]) {
        case (let name?, nil, nil): return memberName(name).map { .form($0) }
        case (nil, let name?, nil): return memberName(name).map { .json($0) }
        case (nil, nil, let name?): return name.cookieName().map { .cookie($0) }
        case _:
            if !section.hasUnknownKeys { field.refuse("the token is in one place", expected: form) }
            return nil
        }
    }

    private static func memberName(_ field: Field) -> String? {
        guard let name = field.text(expected: "the name of a member such as refresh_token") else { return nil }
        guard name.utf8.count <= 128, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            field.refuse("is no name of a member", expected: "at most 128 bytes without control characters")
            return nil
        }
        return name
    }
}

extension Configuration.Sessions.Answer {
    fileprivate static func read(_ field: Field?, isLogin: Bool) -> Self {
        var answer = Self()
        guard let field,
            let section = Section<Vocabulary.SessionAnswer>(field, expected: "a mapping of body, headers and cookies")
        else { return answer }
        answer.status = section[.status]?.integer(in: Bounds.answerStatuses)
        if isLogin, section.has(.status) {
            field.findings.error(
                at: section.place(of: .status), "the status of a login's answer is the upstream's", expected: "no such key")
        }
        if [204, 205].contains(answer.status) {
            field.findings.error(
                at: section.place(of: .status), "an answer with this status has no content", expected: "200 or 201")
        }
        answer.body = section[.body].flatMap { .readObject($0, in: .answer) }
        answer.headers = section[.headers].map(readHeaders)
        if let field = section[.cookies],
            let cookies = Section<Vocabulary.AnswerCookies>(field, expected: "a mapping of refresh and access") {
            answer.hasRefreshCookie = cookies[.refresh]?.boolean()
            answer.accessCookie = cookies[.access]?.cookieName()
        }
        return answer
    }

    private static func readHeaders(_ field: Field) -> [Header] {
        var seen: Set<String> = []
        return field.entries(expected: "headers and their values, such as { X-Access-Token: $access_token }").compactMap { name, place, value in
            guard Grammar.isToken(name), name.utf8.count <= 128, !Grammar.isReservedHeader(name) || name.lowercased() == "authorization"
            else {
                field.findings.error(at: place, "is no header that may be set here", expected: "a name such as X-Access-Token")
                return nil
            }
            guard seen.insert(name.lowercased()).inserted else {
                field.findings.error(at: place, "is there twice, but for case", expected: "each once")
                return nil
            }
            guard let template = Configuration.Sessions.Template.readText(value, in: .answer) else { return nil }
            if case .text(let text) = template, !text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
                value.refuse("is no value of a header", expected: "printable ASCII")
                return nil
            }
            if case .placeholder(.claim) = template {
                value.refuse("a claim may be anything, and no header takes that", expected: "another placeholder")
                return nil
            }
            return Header(name: name, value: template)
        }
    }
}

extension Configuration.Sessions.Refusal {
    fileprivate static func read(_ field: Field, _ key: Vocabulary.RefreshRefusals) -> Self? {
        guard let section = Section<Vocabulary.RefreshRefusal>(field, expected: "a mapping of status and body"),
            let kind = Kind(rawValue: key.rawValue)
        else { return nil }
        // Whoever is told to try again must be able to tell that from a refusal of the token.
        let statuses = kind == .unavailable ? Bounds.failureStatuses : Bounds.refusalStatuses
        return Self(
            kind: kind, status: section[.status]?.integer(in: statuses),
            body: section[.body].flatMap { .readObject($0, in: .refusal) })
    }
}
