import Authentication
import Configuration
import Proxy
import Sessions

extension ProxySettings {
    /// Adds what is said of sessions; without effect when there are none.
    mutating func addSessions(
        _ sessions: LoadedSessions?, _ open: OpenStore?, in file: String
    ) throws(ConfigurationRefusal) {
        guard let sessions, let open else { return }
        revocation = RevocationSettings(open.revocations, awayAfter: sessions.settings.revocation.awayAfter.milliseconds)
        guard let makeEndpoints = try makeEndpointsFactory(sessions, in: file) else { return }
        self.sessions = SessionSettings(
            store: open.store, storeTimeout: sessions.store.timeout + 4_000, makeEndpoints: makeEndpoints)
    }
}

/// What makes a worker's endpoints: secrets tried once, so that nothing can fail later. Nil: none are served.
func makeEndpointsFactory(
    _ sessions: LoadedSessions, in file: String
) throws(ConfigurationRefusal) -> (@Sendable (Authenticator) -> SessionEndpoints?)? {
    do {
        guard sessions.settings.endpoints.isAny, try sessions.makeCodec() != nil else { return nil }
    } catch {
        let message = "OpenSSL refuses a secret: \(error)"
        throw ConfigurationRefusal(file: file, diagnostics: [Diagnostic(.error, at: sessions.settings.place, message)])
    }
    let policy = SessionPolicy(sessions)
    return { authenticator in
        do {
            return try sessions.makeCodec().flatMap { SessionEndpoints(policy: policy, codec: $0, authenticator: authenticator) }
        } catch {
            // The same call succeeded above; what is left is a system without memory.
            preconditionFailure("OpenSSL fails with a secret that it has taken: \(error)")
        }
    }
}

extension SessionIssuer {
    /// For the administration, on the control thread. Nil: there is no secret, or no key that signs.
    convenience init?(
        _ sessions: LoadedSessions, _ configuration: Configuration, _ keys: LoadedKeys, mintCache: any MintCache
    ) {
        guard let codec = try? sessions.makeCodec(), let keys = try? keys.makeKeySet() else { return nil }
        let policy = AuthenticationPolicy(configuration)
        self.init(
            rules: sessions.rules, keys: keys, validation: policy.validation, sliding: policy.sliding, codec: codec,
            mintCache: mintCache)
    }
}

extension SessionPolicy {
    init(_ loaded: LoadedSessions) {
        let settings = loaded.settings
        let endpoints = settings.endpoints
        self.init(
            rules: loaded.rules,
            device: DeviceFields(id: settings.device.id, name: settings.device.name, application: settings.device.application),
            cookie: CookieDelivery(name: settings.cookie.name, sameSite: CookieDelivery.SameSite(settings.cookie.sameSite)),
            logins: endpoints.logins.map(LoginPolicy.init),
            refreshes: endpoints.refreshes.map { RefreshEndpoint($0, cookie: settings.cookie.name) },
            logout: endpoints.logout.map(PlainEndpoint.init), logoutEverywhere: endpoints.logoutEverywhere.map(PlainEndpoint.init),
            revocation: endpoints.revocation.map(PlainEndpoint.init), sessions: endpoints.sessions.map(PlainEndpoint.init))
        if let path = endpoints.introspection?.endpoint.path, let secret = loaded.introspectionSecret {
            introspection = IntrospectionEndpoint(path: path, secret: BearerSecret(secret))
        }
    }
}

extension PlainEndpoint {
    fileprivate init(_ endpoint: Configuration.Sessions.EndpointPath) { self.init(path: endpoint.path) }
}

extension LoginPolicy {
    fileprivate init(_ login: Configuration.Sessions.Login) {
        self.init(
            path: login.endpoint.path, methods: login.endpoint.methods, claims: ClaimsSource(login.claims),
            answer: WirePreset(login.preset).login.overridden(by: login.answer), contentBytesMax: login.contentBytesMax)
    }
}

extension LoginPolicy.ClaimsSource {
    fileprivate init(_ source: Configuration.Sessions.Login.ClaimsSource) {
        self =
            switch source {
            case .header(let name): .header(name: name)
            case .members(let members): .members(members.map { LoginPolicy.Member(claim: $0.claim, path: $0.path) })
            }
    }
}

extension RefreshEndpoint {
    fileprivate init(_ endpoint: Configuration.Sessions.RefreshEndpoint, cookie: String) {
        var format = WirePreset(endpoint.preset).refresh(cookie: cookie)
        if let token = endpoint.token {
            format.token = WireFormat.TokenPlace(token, cookie: cookie)
            format.required = []
        }
        if let require = endpoint.require {
            format.required = require.map { WireFormat.RequiredMember(name: $0.name, value: $0.value) }
        }
        format.answer = format.answer.overridden(by: endpoint.answer)
        for refusal in endpoint.refusals {
            let kind = RefusalFormats.Kind(refusal.kind)
            if let status = refusal.status { format.refusals[kind].status = status }
            if let body = refusal.body { format.refusals[kind].body = AnswerTemplate(body) }
        }
        self.init(path: endpoint.endpoint.path, methods: endpoint.endpoint.methods, format: format)
    }
}

extension WirePreset {
    fileprivate init(_ preset: Configuration.Sessions.Preset) {
        self =
            switch preset {
            case .oauth2: .oauth2
            case .simplejwt: .simplejwt
            case .express: .express
            case .cookie: .cookie
            case .bearerRefresh: .bearerRefresh
            case .bearerAccess: .bearerAccess
            }
    }
}

extension WireFormat.TokenPlace {
    fileprivate init(_ place: Configuration.Sessions.TokenPlace, cookie: String) {
        self =
            switch place {
            case .form(let name): .form(name)
            case .json(let name): .json(name)
            case .cookie(let name): .cookie(name ?? cookie)
            case .bearer: .bearer
            case .access: .access
            }
    }
}

extension AnswerFormat {
    fileprivate func overridden(by answer: Configuration.Sessions.Answer) -> AnswerFormat {
        let ownBody = answer.body.map { AnswerTemplate($0) }
        return AnswerFormat(
            // Nothing at all is something to say: tokens may be in headers and cookies alone.
            status: answer.status ?? status, body: ownBody == .object([]) ? nil : ownBody ?? body,
            headers: answer.headers.map { $0.map { Header(name: $0.name, value: AnswerTemplate($0.value)) } } ?? headers,
            setsRefreshCookie: answer.hasRefreshCookie ?? setsRefreshCookie, accessCookie: answer.accessCookie ?? accessCookie)
    }
}

extension RefusalFormats.Kind {
    fileprivate init(_ kind: Configuration.Sessions.Refusal.Kind) {
        self =
            switch kind {
            case .missing: .missing
            case .invalid: .invalid
            case .requirement: .requirement
            case .malformed: .malformed
            case .mediaType: .mediaType
            case .unavailable: .unavailable
            }
    }
}

extension AnswerTemplate {
    fileprivate init(_ template: Configuration.Sessions.Template) {
        self =
            switch template {
            case .text(let text): .string(text)
            case .integer(let value): .integer(value)
            case .boolean(let value): .boolean(value)
            case .null: .null
            case .placeholder(let placeholder): .placeholder(Placeholder(placeholder))
            case .list(let elements): .array(elements.map { AnswerTemplate($0) })
            case .object(let members): .object(members.map { Member(name: $0.name, value: AnswerTemplate($0.value)) })
            }
    }
}

extension Placeholder {
    fileprivate init(_ placeholder: Configuration.Sessions.Placeholder) {
        self =
            switch placeholder {
            case .accessToken: .accessToken
            case .refreshToken: .refreshToken
            case .newRefreshToken: .newRefreshToken
            case .expiresIn: .expiresIn
            case .refreshExpiresIn: .refreshExpiresIn
            case .sessionID: .sessionID
            case .subject: .subject
            case .claim(let name): .claim(name)
            case .code: .code
            case .description: .description
            }
    }
}
