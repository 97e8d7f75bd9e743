/// The keys of one kind of mapping. What is not listed here is refused.
protocol SectionKey: RawRepresentable, CaseIterable, Hashable, Sendable where RawValue == String {
    /// Where such mappings stand, as the reference names it: `upstreams.NAME.timeouts`.
    static var section: String { get }
    /// Keys of features that this version does not have, and the feature.
    static var later: [String: String] { get }
}

extension SectionKey {
    static var later: [String: String] { [:] }
}

/// Every key that a file may use. `Reference.md` describes the same keys; a test holds the two together.
enum Vocabulary {
    enum Root: String, SectionKey {
        static let section = ""

        case listen, listeners, workers, upstream, upstreams, key, keys, tokens, sliding, cors, routes, limits
        case timeouts, paths, logs, admin
        case trustedProxies = "trusted_proxies"
        case forwarded
        case resolver
        case publishKeys = "publish_keys"
        case browser
        case forwardAuth = "forward_auth"
        case sessions, mode, explain
    }

    enum Listener: String, SectionKey {
        static let section = "listeners[]"

        case address, mode, tls, hsts
        case redirectToHTTPS = "redirect_to_https"
        case proxyProtocol = "proxy_protocol"
    }

    enum ListenerTLS: String, SectionKey {
        static let section = "listeners[].tls"

        case certificate, key, ocsp, certificates, alpn
        case minVersion = "min_version"
        case clientCA = "client_ca"
        case clientVerify = "client_verify"
        case clientDepth = "client_depth"
        case clientSubject = "client_subject"
        case tickets
    }

    enum Certificate: String, SectionKey {
        static let section = "listeners[].tls.certificates[]"

        case certificate, key, ocsp
    }

    enum StrictTransport: String, SectionKey {
        static let section = "listeners[].hsts"

        case maxAge = "max_age"
        case includeSubdomains = "include_subdomains"
        case preload
    }

    enum UpstreamTLS: String, SectionKey {
        static let section = "upstreams.NAME.tls"

        case verify, ca
        case serverName = "server_name"
        case certificate, key
        case minVersion = "min_version"
    }

    enum Upstream: String, SectionKey {
        static let section = "upstreams.NAME"
        case servers, keepalive, timeouts, tls, balance, queue, retries, health
        case slowStart = "slow_start"
        case proxyProtocol = "proxy_protocol"
    }

    enum Server: String, SectionKey {
        static let section = "upstreams.NAME.servers[]"

        case address, weight, backup, connections
    }

    enum UpstreamTimeouts: String, SectionKey {
        static let section = "upstreams.NAME.timeouts"

        case connect, response, idle
    }

    enum Balance: String, SectionKey {
        static let section = "upstreams.NAME.balance"

        case hash
    }

    enum HashKey: String, SectionKey {
        static let section = "upstreams.NAME.balance.hash"

        case header, claim
    }

    enum Queue: String, SectionKey {
        static let section = "upstreams.NAME.queue"

        case size, timeout
    }

    enum Retries: String, SectionKey {
        static let section = "upstreams.NAME.retries"

        case attempts, on, budget
        case tryTimeout = "try_timeout"
        case totalTimeout = "total_timeout"
    }

    enum Health: String, SectionKey {
        static let section = "upstreams.NAME.health"

        case path, host, interval, timeout
        case healthyAfter = "healthy_after"
        case unhealthyAfter = "unhealthy_after"
        case status
        case ejectAfterFailures = "eject_after_failures"
        case ejectFor = "eject_for"
        case ejectForMax = "eject_for_max"
        case maxEjected = "max_ejected"
        case ejectStatuses = "eject_statuses"

        /// Rather than about active checks.
        var isAboutEjection: Bool {
            switch self {
            case .ejectAfterFailures, .ejectFor, .ejectForMax, .maxEjected, .ejectStatuses: true
            case .path, .host, .interval, .timeout, .healthyAfter, .unhealthyAfter, .status: false
            }
        }
    }

    enum Resolver: String, SectionKey {
        static let section = "resolver"

        case servers
        case ttlMin = "ttl_min"
        case ttlMax = "ttl_max"
        case timeout
    }

    enum PublishedKeys: String, SectionKey {
        static let section = "publish_keys"

        case path
        case maxAge = "max_age"
    }

    enum Browser: String, SectionKey {
        static let section = "browser"

        case path, store
    }

    enum ForwardAuth: String, SectionKey {
        static let section = "forward_auth[]"

        case path, proxy
    }

    enum Key: String, SectionKey {
        static let section = "keys[]"

        case id, algorithm, algorithms
        case secretFile = "secret_file"
        case secretEnvironment = "secret_env"
        case privateKeyFile = "private_key_file"
        case publicKeyFile = "public_key_file"
        case jwkFile = "jwk_file"
        case jwkSetFile = "jwks_file"
        case jwkSetURL = "jwks_url"
        case refresh, refetch
        case maxStale = "max_stale"
        case authorities = "ca"
        case insecure
        case encoding, use
    }

    enum Tokens: String, SectionKey {
        static let section = "tokens"

        case issuer, audience, leeway, from, limits, realm, typ
    }

    enum TokenSource: String, SectionKey {
        static let section = "tokens.from[]"

        case cookie, header
    }

    enum TokenLimits: String, SectionKey {
        static let section = "tokens.limits"

        case bytes
    }

    enum Sliding: String, SectionKey {
        static let section = "sliding"

        case lifetime
        case lifetimeMax = "lifetime_max"
        case buffer, quantum
        case sessionCap = "session_cap"
        case leastGain = "least_gain"
        case grace, deliver
        case exceptStatuses = "except_statuses"
        case optOut = "opt_out"
        case expiresIn = "expires_in"
    }

    enum Delivery: String, SectionKey {
        static let section = "sliding.deliver"

        case header, cookie
    }

    enum Cookie: String, SectionKey {
        static let section = "sliding.deliver.cookie"

        case name, path, domain
        case sameSite = "same_site"
    }

    enum ExpiresIn: String, SectionKey {
        static let section = "sliding.expires_in"

        case token, session, on
    }

    enum Sessions: String, SectionKey {
        static let section = "sessions"

        case store
        case secretFile = "secret_file"
        case secretEnvironment = "secret_env"
        case previousSecretFile = "previous_secret_file"
        case previousSecretEnvironment = "previous_secret_env"
        case access, refresh, device, revocation, sweep, cookie, endpoints
    }

    enum SessionStore: String, SectionKey {
        static let section = "sessions.store"

        case sqlite, redis
    }

    enum SQLite: String, SectionKey {
        static let section = "sessions.store.sqlite"

        case path
    }

    enum Redis: String, SectionKey {
        static let section = "sessions.store.redis"

        case address, sentinels, service, username
        case passwordFile = "password_file"
        case passwordEnvironment = "password_env"
        case sentinelUsername = "sentinel_username"
        case sentinelPasswordFile = "sentinel_password_file"
        case sentinelPasswordEnvironment = "sentinel_password_env"
        case database, prefix, timeout
    }

    enum SessionAccess: String, SectionKey {
        static let section = "sessions.access"

        case lifetime
    }

    enum SessionRefresh: String, SectionKey {
        static let section = "sessions.refresh"

        case lifetime, policy, cap, rotate, grace
        case perUser = "per_user"
    }

    enum SessionDevice: String, SectionKey {
        static let section = "sessions.device"

        case id, name, application
    }

    enum SessionRevocation: String, SectionKey {
        static let section = "sessions.revocation"

        case poll
        case awayAfter = "away_after"
        case keep
    }

    enum SessionCookie: String, SectionKey {
        static let section = "sessions.cookie"

        case name
        case sameSite = "same_site"
    }

    enum SessionEndpoints: String, SectionKey {
        static let section = "sessions.endpoints"

        case login, refresh, logout
        case logoutEverywhere = "logout_everywhere"
        case revocation, introspection, sessions
    }

    enum SessionEndpoint: String, SectionKey {
        static let section = "sessions.endpoints.NAME"

        case path
    }

    enum SessionLogin: String, SectionKey {
        static let section = "sessions.endpoints.login[]"

        case path, methods, upstream, preset, claims, content, answer
    }

    enum LoginClaims: String, SectionKey {
        static let section = "sessions.endpoints.login[].claims"

        case header, members
    }

    enum RefreshEndpoint: String, SectionKey {
        static let section = "sessions.endpoints.refresh[]"

        case path, methods, preset, token, require, answer, refusals
    }

    enum TokenPlace: String, SectionKey {
        static let section = "sessions.endpoints.refresh[].token"

        case form, json, cookie
    }

    enum SessionAnswer: String, SectionKey {
        static let section = "sessions.endpoints.refresh[].answer"

        case status, body, headers, cookies
    }

    enum AnswerCookies: String, SectionKey {
        static let section = "sessions.endpoints.refresh[].answer.cookies"

        case refresh, access
    }

    enum RefreshRefusals: String, SectionKey {
        static let section = "sessions.endpoints.refresh[].refusals"

        case missing, invalid, requirement, malformed
        case mediaType = "media_type"
        case unavailable
    }

    enum RefreshRefusal: String, SectionKey {
        static let section = "sessions.endpoints.refresh[].refusals.KIND"

        case status, body
    }

    enum Introspection: String, SectionKey {
        static let section = "sessions.endpoints.introspection"

        case path
        case secretFile = "secret_file"
        case secretEnvironment = "secret_env"
    }

    enum CORS: String, SectionKey {
        static let section = "cors"

        case origins, credentials, methods, headers, expose
        case maxAge = "max_age"
    }

    enum Route: String, SectionKey {
        static let section = "routes[]"

        case path, name, host, methods, auth, slide, require, forward, upstream, body, streams, mode
        case accessLog = "access_log"
        case storeAway = "store_away"
    }

    enum Forward: String, SectionKey {
        static let section = "routes[].forward"
        static let later = ["identity_token": "signed identity tokens"]

        case authorization, claims
    }

    enum Limits: String, SectionKey {
        static let section = "limits"

        case head, fields, target, body, connections, requests, memory
        case connectionsPerClient = "connections_per_client"
        case failedVerifications = "failed_verifications"
        case minRate = "min_rate"
        case minRateGrace = "min_rate_grace"
    }

    enum Timeouts: String, SectionKey {
        static let section = "timeouts"

        case head, idle, body, write, tunnel, drain
        case drainIdle = "drain_idle"
    }

    enum Paths: String, SectionKey {
        static let section = "paths"

        case encodedSlashes = "encoded_slashes"
    }

    enum Logs: String, SectionKey {
        static let section = "logs"

        case decisions, to, access
    }

    enum AccessLog: String, SectionKey {
        static let section = "logs.access"

        case format, to, subject, trace, buffer
        case subjectSecretFile = "subject_secret_file"
        case subjectSecretEnvironment = "subject_secret_env"
    }

    enum Explain: String, SectionKey {
        static let section = "explain"

        case networks, header
    }

    enum Admin: String, SectionKey {
        static let section = "admin"

        case address
        case secretFile = "secret_file"
        case secretEnvironment = "secret_env"
    }

    /// All of them, in the order of the reference.
    static let sections: [any SectionKey.Type] = [
        Root.self, Listener.self, ListenerTLS.self, Certificate.self, StrictTransport.self, Upstream.self, UpstreamTLS.self,
        Server.self, UpstreamTimeouts.self, Balance.self, HashKey.self, Queue.self, Retries.self, Health.self,
        Resolver.self, Key.self, PublishedKeys.self, Browser.self, ForwardAuth.self, Tokens.self,
        TokenSource.self, TokenLimits.self, Sliding.self, Delivery.self, Cookie.self, ExpiresIn.self,
        Sessions.self, SessionStore.self, SQLite.self, Redis.self, SessionAccess.self, SessionRefresh.self,
        SessionDevice.self, SessionRevocation.self, SessionCookie.self, SessionEndpoints.self, SessionEndpoint.self,
        SessionLogin.self, LoginClaims.self, RefreshEndpoint.self, TokenPlace.self, SessionAnswer.self,
        AnswerCookies.self, RefreshRefusals.self, RefreshRefusal.self, Introspection.self, CORS.self,
        Route.self, Forward.self, Limits.self, Timeouts.self, Paths.self, Logs.self, AccessLog.self, Explain.self, Admin.self,
    ]

    /// The sections that have a key of this name: to tell people where a misplaced key belongs.
    static func sections(having key: String) -> [String] {
        func names<Key: SectionKey>(_: Key.Type) -> Bool { Key(rawValue: key) != nil }
        return sections.filter { names($0) }.map { $0.section }
    }
}
