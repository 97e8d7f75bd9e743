import Authentication
import Configuration
import JOSE
import Proxy
import Sessions
import Signatures

extension ProxySettings {
    /// Adds what is said of sessions; without effect when there are none.
    mutating func addSessions(
        _ sessions: LoadedSessions?, _ open: OpenStore?, of configuration: Configuration, _ keys: LoadedKeys, mintCache: any MintCache
    ) throws(ConfigurationRefusal) {
        guard let sessions, let open else { return }
        revocation = RevocationSettings(open.revocations, awayAfter: sessions.settings.revocation.awayAfter.milliseconds)
        guard let makeEndpoints = try makeEndpointsFactory(for: configuration, sessions, keys, mintCache: mintCache) else { return }
        self.sessions = SessionSettings(store: open.store, makeEndpoints: makeEndpoints)
    }
}

/// What makes a worker's endpoints: secrets and keys tried once, so that nothing can fail later. Nil: none are served.
private func makeEndpointsFactory(
    for configuration: Configuration, _ sessions: LoadedSessions, _ keys: LoadedKeys, mintCache: any MintCache
) throws(ConfigurationRefusal) -> (@Sendable (Authenticator) -> SessionEndpoints)? {
    guard sessions.settings.endpoints.isAny else { return nil }
    let policy = SessionPolicy(sessions)
    let validation = AuthenticationPolicy(configuration).validation
    let make: @Sendable () throws(KeyError) -> (RefreshTokenCodec, SessionIssuer)? = { () throws(KeyError) in
        guard let codec = try sessions.makeCodec(),
            let issuer = SessionIssuer(
                rules: sessions.rules, keys: try keys.makeKeySet(), validation: validation, codec: codec, mintCache: mintCache)
        else { return nil }
        return (codec, issuer)
    }
    do {
        guard try make() != nil else { return nil }
    } catch {
        let message = "OpenSSL refuses a key: \(error)"
        throw ConfigurationRefusal(file: configuration.file, diagnostics: [Diagnostic(.error, at: .file, message)])
    }
    return { authenticator in
        do {
            guard let (codec, issuer) = try make() else { preconditionFailure("there was a key that signs") }
            return SessionEndpoints(policy: policy, codec: codec, issuer: issuer, authenticator: authenticator)
        } catch {
            // The same calls succeeded above; what is left is a system without memory.
            preconditionFailure("OpenSSL fails with keys that it has taken: \(error)")
        }
    }
}

extension SessionPolicy {
    fileprivate init(_ loaded: LoadedSessions) {
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
        AnswerFormat(
            status: answer.status ?? status, body: answer.body.map { AnswerTemplate($0) } ?? body,
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
