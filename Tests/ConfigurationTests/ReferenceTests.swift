import Foundation
import Testing

@testable import Configuration

@Suite("The reference and the code")
struct ReferenceTests {
    /// Section, key, and the row's cells after the key.
    struct Row {
        var section: String
        var key: String
        var defaultText: String
    }

    static func rows() throws -> [Row] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "Sources/Configuration/Configuration.docc/Reference.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        var section: String?
        var rows: [Row] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") {
                let title = line.dropFirst(3)
                section = title == "Keys at the left margin" ? "" : title.hasPrefix("`") ? String(title.dropFirst().dropLast()) : nil
            } else if line.hasPrefix("| `"), let section {
                let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: .whitespaces) }
                rows.append(Row(section: section, key: cells[1].filter { $0 != "`" }, defaultText: cells[3]))
            }
        }
        return rows
    }

    static var accepted: Set<String> {
        func names<Key: SectionKey>(_: Key.Type) -> [String] { Key.allCases.map { "\(Key.section) \($0.rawValue)" } }
        return Set(Vocabulary.sections.flatMap { names($0) })
    }

    @Test func `every key that is accepted is in the reference, and conversely`() throws {
        let described = try Self.rows().map { "\($0.section) \($0.key)" }
        #expect(Set(described).count == described.count)
        #expect(Set(described).subtracting(Self.accepted) == [])
        #expect(Self.accepted.subtracting(described) == [])
    }

    /// Section, key, default.
    static let defaults: [(String, String, String)] = [
        ("", "workers", "auto"),
        ("", "mode", Defaults.mode.rawValue),
        ("explain", "header", Defaults.explainHeader),
        ("upstreams.NAME", "keepalive", "\(Defaults.keepaliveMax)"),
        ("upstreams.NAME.timeouts", "connect", DurationText.format(Defaults.connectTimeout)),
        ("upstreams.NAME.timeouts", "response", DurationText.format(Defaults.responseTimeout)),
        ("upstreams.NAME.timeouts", "idle", DurationText.format(Defaults.upstreamIdleTimeout)),
        ("listeners[].tls", "alpn", Defaults.alpnProtocols.joined(separator: ", ")),
        ("listeners[].tls", "min_version", Defaults.tlsMinimumVersion.rawValue),
        ("listeners[].tls", "client_verify", Defaults.clientVerification.rawValue),
        ("listeners[].tls", "client_depth", "\(Defaults.clientDepth)"),
        ("listeners[].tls", "tickets", "\(Defaults.tlsTickets)"),
        ("upstreams.NAME.tls", "min_version", Defaults.tlsMinimumVersion.rawValue),
        ("upstreams.NAME.health", "interval", DurationText.format(Defaults.healthInterval)),
        ("upstreams.NAME.health", "timeout", DurationText.format(Defaults.healthTimeout)),
        ("upstreams.NAME.health", "healthy_after", "\(Defaults.healthyAfter)"),
        ("upstreams.NAME.health", "unhealthy_after", "\(Defaults.unhealthyAfter)"),
        ("upstreams.NAME.health", "status", "200-299"),
        ("resolver", "ttl_min", DurationText.format(Defaults.ttlMin)),
        ("resolver", "ttl_max", DurationText.format(Defaults.ttlMax)),
        ("resolver", "timeout", DurationText.format(Defaults.lookupTimeout)),
        ("publish_keys", "max_age", DurationText.format(Defaults.publishedKeysMaxAge)),
        ("browser", "store", Defaults.browserStore.rawValue),
        ("listeners[]", "mode", "0" + String(Defaults.socketMode, radix: 8)),
        ("keys[]", "refresh", DurationText.format(Defaults.keyRefresh)),
        ("keys[]", "refetch", DurationText.format(Defaults.keyRefetch)),
        ("keys[]", "max_stale", DurationText.format(Defaults.keyStaleness)),
        ("upstreams.NAME", "slow_start", DurationText.format(Defaults.slowStart)),
        ("upstreams.NAME.queue", "size", "\(Defaults.queueSize)"),
        ("upstreams.NAME.queue", "timeout", DurationText.format(Defaults.queueTimeout)),
        ("upstreams.NAME.retries", "attempts", "\(Defaults.retryAttempts)"),
        ("upstreams.NAME.retries", "on", Defaults.retryConditions.map(\.rawValue).joined(separator: ", ")),
        ("upstreams.NAME.retries", "budget", "\(Defaults.retryBudgetPercent)%"),
        ("upstreams.NAME.health", "eject_after_failures", "\(Defaults.ejectAfterFailures)"),
        ("upstreams.NAME.health", "eject_for", DurationText.format(Defaults.ejectFor)),
        ("upstreams.NAME.health", "eject_for_max", "300s"),
        ("upstreams.NAME.health", "max_ejected", "\(Defaults.ejectedMaxPercent)%"),
        ("keys[]", "encoding", Defaults.secretEncoding.rawValue),
        ("tokens", "leeway", DurationText.format(Defaults.leeway)),
        ("tokens", "realm", Defaults.realm),
        ("tokens", "typ", Defaults.tokenTypes.joined(separator: ", ")),
        ("tokens.limits", "bytes", SizeText.format(Defaults.tokenBytesMax)),
        ("sliding", "lifetime_max", DurationText.format(Defaults.lifetimeMax)),
        ("sliding", "session_cap", "12h"),
        ("sliding", "least_gain", "\(Defaults.leastGainPercent)%"),
        ("sliding", "grace", DurationText.format(Defaults.grace)),
        ("sliding", "except_statuses", "\(Defaults.exceptStatuses[0])"),
        ("sliding", "opt_out", Defaults.optOutHeader),
        ("sliding.deliver", "header", Defaults.deliveryHeader),
        ("sliding.deliver.cookie", "name", Defaults.cookieName),
        ("sliding.deliver.cookie", "path", Defaults.cookiePath),
        ("sliding.deliver.cookie", "same_site", Defaults.cookieSameSite.rawValue),
        ("sliding.expires_in", "token", Defaults.tokenExpiryHeader),
        ("sliding.expires_in", "session", Defaults.sessionExpiryHeader),
        ("sliding.expires_in", "on", Defaults.expiryAnswers.rawValue),
        ("sessions", "sweep", DurationText.format(Defaults.sweep)),
        ("sessions.access", "lifetime", DurationText.format(Defaults.accessLifetime)),
        ("sessions.refresh", "lifetime", DurationText.format(Defaults.refreshLifetime)),
        ("sessions.refresh", "policy", "sliding-with-cap"),
        ("sessions.refresh", "cap", DurationText.format(Defaults.refreshCap)),
        ("sessions.refresh", "rotate", "\(Defaults.rotates)"),
        ("sessions.refresh", "grace", DurationText.format(Defaults.refreshGrace)),
        ("sessions.refresh", "per_user", "none"),
        ("sessions.device", "id", Defaults.deviceHeaders.id),
        ("sessions.device", "name", Defaults.deviceHeaders.name),
        ("sessions.device", "application", Defaults.deviceHeaders.application),
        ("sessions.revocation", "poll", DurationText.format(Defaults.revocationPoll)),
        ("sessions.revocation", "away_after", DurationText.format(Defaults.awayAfter)),
        ("sessions.revocation", "keep", DurationText.format(Defaults.revocationKeep)),
        ("sessions.cookie", "name", Defaults.refreshCookieName),
        ("sessions.cookie", "same_site", Defaults.refreshCookieSameSite.rawValue),
        ("sessions.store.redis", "prefix", Defaults.redisPrefix),
        ("sessions.store.redis", "timeout", DurationText.format(Defaults.redisTimeout)),
        ("sessions.endpoints.login[]", "methods", Defaults.loginMethods.joined(separator: ", ")),
        ("sessions.endpoints.login[]", "preset", Defaults.preset.rawValue),
        ("sessions.endpoints.login[]", "content", SizeText.format(Defaults.loginContentBytesMax)),
        ("sessions.endpoints.login[].claims", "header", Defaults.claimsHeader),
        ("sessions.endpoints.refresh[]", "preset", Defaults.preset.rawValue),
        ("routes[]", "store_away", Defaults.storeAway.rawValue),
        ("cors", "methods", Defaults.corsMethods.joined(separator: ", ")),
        ("cors", "headers", Defaults.corsHeaders.joined(separator: ", ")),
        ("cors", "max_age", DurationText.format(Defaults.corsMaxAge)),
        ("routes[]", "auth", Defaults.authentication.rawValue),
        ("routes[].forward", "authorization", Defaults.forwardAuthorization.rawValue),
        ("limits", "head", SizeText.format(Defaults.headBytesMax)),
        ("limits", "fields", "\(Defaults.fieldCountMax)"),
        ("limits", "target", SizeText.format(Defaults.targetBytesMax)),
        ("limits", "body", SizeText.format(Defaults.bodyBytesMax)),
        ("limits", "connections", "\(Defaults.connectionsMax)"),
        ("limits", "min_rate", "\(Defaults.minBytesPerSecond)B/s"),
        ("limits", "min_rate_grace", DurationText.format(Defaults.minRateGrace)),
        ("limits", "memory", SizeText.format(Defaults.memoryBytesMax)),
        ("", "forwarded", Defaults.forwarded.rawValue),
        ("timeouts", "head", DurationText.format(Defaults.headTimeout)),
        ("timeouts", "idle", "75s"),
        ("timeouts", "body", "60s"),
        ("timeouts", "write", "60s"),
        ("timeouts", "tunnel", DurationText.format(Defaults.tunnelTimeout)),
        ("routes[]", "streams", Defaults.streams.rawValue),
        ("timeouts", "drain", DurationText.format(Defaults.drainTimeout)),
        ("timeouts", "drain_idle", DurationText.format(Defaults.drainIdleTimeout)),
        ("paths", "encoded_slashes", Defaults.encodedSlashes.rawValue),
        ("logs", "decisions", Defaults.decisionsLogged.rawValue),
        ("logs", "to", Defaults.logDestination.rawValue),
        ("logs.access", "to", "\(Defaults.accessLogDestination)"),
        ("logs.access", "subject", Defaults.accessLogSubject.rawValue),
        ("logs.access", "trace", Defaults.accessLogTrace.rawValue),
        ("logs.access", "buffer", SizeText.format(Defaults.accessLogBufferBytes)),
    ]

    @Test(arguments: defaults)
    func `the reference names the default that holds`(_ section: String, _ key: String, _ value: String) throws {
        let row = try #require(Self.rows().first { $0.section == section && $0.key == key })
        #expect(row.defaultText.filter { $0 != "`" } == value)
    }

    /// How a key of each section looks in a file that is otherwise right.
    static let frames: [String: String] = [
        "": "KEY: §",
        "listeners[]": "listeners: [ { KEY: § } ]",
        "listeners[].tls": "listeners: [ { address: \"127.0.0.1:1\", tls: { KEY: § } } ]",
        "listeners[].tls.certificates[]": "listeners: [ { address: \"127.0.0.1:1\", tls: { certificates: [ { KEY: § } ] } } ]",
        "listeners[].hsts": "listeners: [ { address: \"127.0.0.1:1\", hsts: { KEY: § } } ]",
        "upstreams.NAME.tls": "upstreams: { a: { servers: [ a:1 ], tls: { KEY: § } } }",
        "resolver": "resolver: { KEY: § }",
        "publish_keys": "publish_keys: { KEY: § }",
        "browser": "browser: { KEY: § }",
        "forward_auth[]": "forward_auth: { KEY: § }",
        "upstreams.NAME": "upstreams: { a: { servers: [ a:1 ], KEY: § } }",
        "upstreams.NAME.servers[]": "upstreams: { a: { servers: [ { address: a:1, KEY: § } ] } }",
        "upstreams.NAME.timeouts": "upstreams: { a: { servers: [ a:1 ], timeouts: { KEY: § } } }",
        "upstreams.NAME.balance": "upstreams: { a: { servers: [ a:1 ], balance: { KEY: § } } }",
        "upstreams.NAME.balance.hash": "upstreams: { a: { servers: [ a:1 ], balance: { hash: { KEY: § } } } }",
        "upstreams.NAME.queue": "upstreams: { a: { servers: [ a:1 ], queue: { KEY: § } } }",
        "upstreams.NAME.retries": "upstreams: { a: { servers: [ a:1 ], retries: { KEY: § } } }",
        "upstreams.NAME.health": "upstreams: { a: { servers: [ a:1 ], health: { KEY: § } } }",
        "keys[]": "keys: [ { KEY: § } ]",
        "tokens": "tokens: { KEY: § }",
        "tokens.from[]": "tokens: { from: [ { KEY: § } ] }",
        "tokens.limits": "tokens: { limits: { KEY: § } }",
        "sliding": "sliding: { KEY: § }",
        "sliding.deliver": "sliding: { deliver: { KEY: § } }",
        "sliding.deliver.cookie": "sliding: { deliver: { cookie: { KEY: § } } }",
        "sliding.expires_in": "sliding: { expires_in: { KEY: § } }",
        "sessions": "sessions: { KEY: § }",
        "sessions.store": "sessions: { store: { KEY: § } }",
        "sessions.store.sqlite": "sessions: { store: { sqlite: { KEY: § } } }",
        "sessions.store.redis": "sessions: { store: { redis: { sentinels: [ a:1 ], KEY: § } } }",
        "sessions.access": "sessions: { access: { KEY: § } }",
        "sessions.refresh": "sessions: { refresh: { KEY: § } }",
        "sessions.device": "sessions: { device: { KEY: § } }",
        "sessions.revocation": "sessions: { revocation: { KEY: § } }",
        "sessions.cookie": "sessions: { cookie: { KEY: § } }",
        "sessions.endpoints": "sessions: { endpoints: { KEY: § } }",
        "sessions.endpoints.NAME": "sessions: { endpoints: { logout: { KEY: § } } }",
        "sessions.endpoints.login[]": "sessions: { endpoints: { login: { KEY: § } } }",
        "sessions.endpoints.login[].claims": "sessions: { endpoints: { login: { claims: { KEY: § } } } }",
        "sessions.endpoints.refresh[]": "sessions: { endpoints: { refresh: { KEY: § } } }",
        "sessions.endpoints.refresh[].token": "sessions: { endpoints: { refresh: { token: { KEY: § } } } }",
        "sessions.endpoints.refresh[].answer": "sessions: { endpoints: { refresh: { answer: { KEY: § } } } }",
        "sessions.endpoints.refresh[].answer.cookies": "sessions: { endpoints: { refresh: { answer: { cookies: { KEY: § } } } } }",
        "sessions.endpoints.refresh[].refusals": "sessions: { endpoints: { refresh: { refusals: { KEY: § } } } }",
        "sessions.endpoints.refresh[].refusals.KIND": "sessions: { endpoints: { refresh: { refusals: { invalid: { KEY: § } } } } }",
        "sessions.endpoints.introspection": "sessions: { endpoints: { introspection: { KEY: § } } }",
        "cors": "cors: { origins: [ \"https://a.example\" ], KEY: § }",
        "routes[]": "routes: [ { KEY: § } ]",
        "routes[].forward": "routes: [ { path: /, forward: { KEY: § } } ]",
        "limits": "limits: { KEY: § }",
        "timeouts": "timeouts: { KEY: § }",
        "paths": "paths: { KEY: § }",
        "logs": "logs: { KEY: § }",
        "logs.access": "logs: { access: { format: json, KEY: § } }",
        "explain": "explain: { KEY: § }",
        "admin": "admin: { KEY: § }",
    ]

    @Test func `every accepted key is really read: nonsense in its place is an error there`() throws {
        for row in try Self.rows() where !(row.section == "cors" && row.key == "origins") {
            var frame = try #require(Self.frames[row.section], "\(row.section)")
            // The keys without which nothing else in their mapping is looked at stand in the frames already.
            if row.section == "upstreams.NAME", row.key == "servers" { frame = "upstreams: { a: { KEY: § } }" }
            if row.key == "address", row.section.hasSuffix("servers[]") { frame = "upstreams: { a: { servers: [ { KEY: § } ] } }" }
            if row.section == "logs.access", row.key == "format" { frame = "logs: { access: { KEY: § } }" }
            if row.section == "sessions.store.redis", ["address", "sentinels"].contains(row.key) {
                frame = "sessions: { store: { redis: { KEY: § } } }"
            }
            // Nothing takes a list in a list, and no key takes a mapping with this key, but for a body, which is any object.
            for nonsense in ["[ [ 1 ] ]", "{ zzz: { zzz: [ [] ] } }"] where row.key != "body" || nonsense.hasPrefix("[") {
                let found = errors(frame.replacing("KEY", with: row.key).replacing("§", with: nonsense))
                let isRead = found.contains { $0.place.path.contains(row.key) }
                #expect(isRead, "\(row.section) \(row.key): \(nonsense)")
            }
        }
    }
}
