import Authentication
import Configuration
import JOSE
import Signatures

extension AuthenticationPolicy {
    /// Translates a configuration into what requests are decided by. Total: whatever can be wrong has been refused.
    init(_ configuration: Configuration) {
        let tokens = configuration.tokens
        var limits = TokenLimits()
        limits.tokenBytesMax = tokens.bytesMax
        self.init(
            tokens: TokenSourcePolicy(sources: tokens.sources.map(TokenSourcePolicy.Source.init)),
            validation: ValidationRules(
                issuers: tokens.issuers, audiences: tokens.audiences, leewaySeconds: tokens.leeway.wholeSeconds,
                graceSeconds: configuration.sliding?.grace.wholeSeconds ?? 0,
                types: tokens.types.map(mediaSubtype), limits: limits),
            sliding: configuration.sliding.map(RenewalPolicy.init),
            cors: configuration.cors.map { CORSPolicy($0, configuration) },
            routes: configuration.servedRoutes.map(RoutePolicy.init), realm: tokens.realm)
        connectionHeaders =
            configuration.listeners.compactMap { $0.tls?.clients?.subjectHeader } + [configuration.explaining?.header].compactMap(\.self)
    }
}

/// `application/` may be left out of a `typ` (RFC 7515 §4.1.9), and has no case.
private func mediaSubtype(_ type: String) -> String {
    let folded = type.lowercased()
    let prefix = "application/"
    return folded.hasPrefix(prefix) ? String(folded.dropFirst(prefix.count)) : folded
}

extension TokenSourcePolicy.Source {
    fileprivate init(_ source: Configuration.Tokens.Source) {
        self =
            switch source {
            case .authorization: .authorization
            case .cookie(let name): .cookie(name: name)
            case .header(let name): .header(name: name)
            case .webSocketProtocol: .webSocketProtocol
            }
    }
}

extension RenewalPolicy {
    init(_ sliding: Configuration.Sliding) {
        self.init(
            lifetime: Lifetime(sliding), bufferWindow: BufferWindow(sliding.buffer),
            quantumSeconds: sliding.quantum?.wholeSeconds, capSeconds: sliding.sessionCap?.wholeSeconds,
            leastGainPercent: sliding.leastGainPercent, graceSeconds: sliding.grace.wholeSeconds,
            delivery: Delivery(sliding.delivery), exceptStatuses: sliding.exceptStatuses,
            optOutHeader: sliding.optOutHeader, tokenExpiryHeader: sliding.tokenExpiryHeader,
            sessionExpiryHeader: sliding.sessionExpiryHeader,
            relativeHeaders: sliding.expiryAnswers == .all ? .everyAnswer : .renewals)
    }
}

extension RenewalPolicy.Lifetime {
    fileprivate init(_ sliding: Configuration.Sliding) {
        self =
            switch sliding.lifetime {
            case .inherit: .inherited(maxSeconds: sliding.lifetimeMax.wholeSeconds)
            case .fixed(let lifetime): .fixed(seconds: lifetime.wholeSeconds)
            }
    }
}

extension RenewalPolicy.BufferWindow {
    fileprivate init(_ buffer: Configuration.Sliding.Buffer) {
        self =
            switch buffer {
            case .duration(let duration): .seconds(duration.wholeSeconds)
            case .percent(let percent): .percent(percent)
            }
    }
}

extension RenewalPolicy.Delivery {
    fileprivate init(_ delivery: Configuration.Sliding.Delivery) {
        self =
            switch delivery {
            case .header(let name): .header(name: name)
            case .authorization: .authorization
            case .cookie(let cookie):
                .cookie(
                    CookieDelivery(
                        name: cookie.name, path: cookie.path, domain: cookie.domain,
                        sameSite: CookieDelivery.SameSite(cookie.sameSite)))
            }
    }
}

extension CookieDelivery.SameSite {
    init(_ sameSite: Configuration.Sliding.Cookie.SameSite) {
        self =
            switch sameSite {
            case .strict: .strict
            case .lax: .lax
            case .none: .none
            }
    }
}

extension CORSPolicy {
    /// A page must be able to send what this file asks of it: the token's own header and the opt-out are granted too.
    fileprivate init(_ cors: Configuration.CORS, _ configuration: Configuration) {
        var headers = cors.headers
        for case .header(let name) in configuration.tokens.sources { headers.append(name) }
        if let name = configuration.sliding?.optOutHeader { headers.append(name) }
        if let sessions = configuration.sessions, !sessions.endpoints.logins.isEmpty {
            headers += [sessions.device.id, sessions.device.name, sessions.device.application]
        }
        var seen: Set<String> = []
        headers.removeAll { !seen.insert($0.lowercased()).inserted }
        let origins: Origins =
            switch cors.origins {
            case .any: .any
            case .listed(let origins): .listed(origins)
            }
        self.init(
            origins: origins, credentials: cors.credentials, methods: cors.methods, headers: headers,
            exposed: cors.expose, maxAgeSeconds: Int(cors.maxAge.wholeSeconds))
    }
}

extension RoutePolicy {
    fileprivate init(_ route: Configuration.Route) {
        self.init(
            pathPrefix: route.pathPrefix, hosts: route.hosts, methods: route.methods,
            authentication: Authentication(route.authentication), slides: route.slides,
            requirements: route.require.map { Requirement(claim: $0.claim, values: $0.values) },
            forwarding: TokenForwarding(route.authorization),
            claimHeaders: route.claimHeaders.map { ClaimHeader(header: $0.header, claim: $0.claim) },
            upstream: route.upstream)
        storeAway = route.storeAway == .open ? .open : .closed
        login = route.login
        isExact = route.login != nil
        mode = route.mode == .shadow ? .shadow : .enforce
    }
}

extension RoutePolicy.Authentication {
    fileprivate init(_ authentication: Configuration.Route.Authentication) {
        self =
            switch authentication {
            case .required: .required
            case .optional: .optional
            case .none: .none
            }
    }
}

extension RoutePolicy.TokenForwarding {
    fileprivate init(_ authorization: Configuration.Route.Authorization) {
        self =
            switch authorization {
            case .original: .original
            case .renewed: .renewed
            case .stripped: .stripped
            }
    }
}

/// What makes a worker's authenticator: keys tried once, so that nothing can fail later.
///
/// - Throws: what is wrong with the keys.
func makeAuthenticatorFactory(
    for configuration: Configuration, _ keys: LoadedKeys, mintCache: any MintCache = SharedMintCache()
) throws(ConfigurationRefusal) -> @Sendable () -> Authenticator {
    let policy = AuthenticationPolicy(configuration)
    do {
        _ = try keys.makeKeySet()
        _ = try SHA256Hasher()
    } catch {
        throw ConfigurationRefusal(
            file: configuration.file, diagnostics: [Diagnostic(.error, at: .file, "OpenSSL refuses a key: \(error)")])
    }
    return {
        do {
            return try Authenticator(
                policy: policy, keys: keys.makeKeySet(), hasher: SHA256Hasher(), mintCache: mintCache)
        } catch {
            // The same calls succeeded above; what is left is a system without memory.
            preconditionFailure("OpenSSL fails with keys that it has taken: \(error)")
        }
    }
}
