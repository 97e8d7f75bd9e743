import Configuration
import EventLoop
import SessionStores
import Sessions
import Signatures

/// What a configuration says of sessions, with the secrets that it names. Has no description.
struct LoadedSessions: Sendable {
    let settings: Configuration.Sessions
    let rules: SessionRules
    let store: StoreSettings
    /// Nil: no refresh tokens are issued or taken.
    private let secret: Secret?
    private let previousSecret: Secret?
    /// What callers of the introspection endpoint bring.
    let introspectionSecret: [UInt8]?
    /// What is doubtful about the files themselves.
    let warnings: [Diagnostic]

    /// HMAC-SHA-256 is as strong as its output (RFC 2104 §3).
    private static let secretBytesMin = 32

    /// - Returns: nil when there are no sessions.
    /// - Throws: everything that is wrong with any secret, each with its place in the configuration file.
    init?(_ configuration: Configuration) throws(ConfigurationRefusal) {
        guard let settings = configuration.sessions else { return nil }
        var reader = SecretReader(configuration: configuration)
        secret = reader.read(settings.secret, bytesMin: Self.secretBytesMin).map { Secret($0) }
        previousSecret = reader.read(settings.previousSecret, bytesMin: Self.secretBytesMin).map { Secret($0) }
        introspectionSecret = reader.read(settings.endpoints.introspection?.secret, bytesMin: Self.secretBytesMin)
        store = StoreSettings(settings, configuration, &reader)
        guard reader.errors.isEmpty else { throw ConfigurationRefusal(file: configuration.file, diagnostics: reader.errors) }
        warnings = reader.warnings
        rules = SessionRules(settings, configuration)
        self.settings = settings
    }

    /// Writes and reads refresh tokens, for one thread; nil without a secret.
    func makeCodec() throws(KeyError) -> RefreshTokenCodec? {
        guard let secret else { return nil }
        let previous: RefreshKey? = if let previousSecret { try RefreshKey(previousSecret) } else { nil }
        return RefreshTokenCodec(key: try RefreshKey(secret), previousKey: previous)
    }
}

/// What refresh tokens are proven genuine by, for one thread.
private final class RefreshKey: RefreshTokenKey {
    private let hash: HMACSHA256

    init(_ secret: Secret) throws(KeyError) { hash = try HMACSHA256(secret) }

    func code(_ message: Span<UInt8>) -> InlineArray<32, UInt8> { hash.code(message) }
}

/// Reads one secret after the other, and goes on after an error.
struct SecretReader {
    let configuration: Configuration
    private(set) var errors: [Diagnostic] = []
    private(set) var warnings: [Diagnostic] = []

    init(configuration: Configuration) { self.configuration = configuration }

    mutating func read(_ source: Located<Configuration.SecretSource>?, bytesMin: Int) -> [UInt8]? {
        guard let source else { return nil }
        do {
            let secret = try LoadedSecret(source, bytesMin: bytesMin, of: configuration)
            warnings += secret.warnings
            return secret.bytes
        } catch {
            errors += error.diagnostics
            return nil
        }
    }

    /// A password for a server, which is text.
    mutating func readPassword(_ source: Located<Configuration.SecretSource>?) -> String? {
        guard let source, let bytes = read(source, bytesMin: 1) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
            errors.append(Diagnostic(.error, at: source.place, "the password is not UTF-8"))
            return nil
        }
        return text
    }
}

/// Where a store is and how it is spoken to. While this stays equal, a reload keeps the store that is open.
enum StoreSettings: Sendable, Equatable {
    case memory
    /// - Parameter poll: in milliseconds.
    case sqlite(path: String, poll: Int64)
    case redis(RedisSettings)

    fileprivate init(_ sessions: Configuration.Sessions, _ configuration: Configuration, _ reader: inout SecretReader) {
        let poll = sessions.revocation.poll.milliseconds
        switch sessions.store.value {
        case .memory: self = .memory
        case .sqlite(let path):
            self = .sqlite(path: path.relative(toDirectoryOf: configuration.file), poll: poll)
        case .redis(let redis):
            var settings = RedisSettings(
                RedisSettings.Place(redis.server, &reader),
                credentials: RedisSettings.Credentials(
                    user: redis.username, password: reader.readPassword(redis.password).map { RedisPassword($0) }),
                database: redis.database, prefix: redis.prefix, timeout: redis.timeout.milliseconds, poll: poll)
            settings.resolver = NameResolver.Settings(configuration.resolver)
            self = .redis(settings)
        }
    }

    /// The longest that the store itself tries, in milliseconds.
    var timeout: Int64 {
        switch self {
        case .memory, .sqlite: 1_000
        case .redis(let settings): settings.timeout
        }
    }

    /// The store itself, for people; never a password.
    var name: String {
        switch self {
        case .memory: "memory"
        case .sqlite(let path, _): path
        case .redis(let settings):
            switch settings.place {
            case .server(let endpoint): "Redis at \(endpoint)"
            case .unix(let path): "Redis at \(path)"
            case .sentinels(let endpoints, let service, _):
                "Redis that the sentinels \(Prose.all(endpoints.map(\.description))) call \(service)"
            }
        }
    }
}

extension RedisSettings.Place {
    fileprivate init(_ server: Configuration.Sessions.Redis.Server, _ reader: inout SecretReader) {
        switch server {
        case .address(let endpoint):
            if case .unix(let path) = endpoint.host { self = .unix(path) } else { self = .server(RedisSettings.Endpoint(endpoint)) }
        case .sentinels(let sentinels):
            self = .sentinels(
                sentinels.addresses.map { RedisSettings.Endpoint($0) }, service: sentinels.service,
                RedisSettings.Credentials(
                    user: sentinels.username, password: reader.readPassword(sentinels.password).map { RedisPassword($0) }))
        }
    }
}

extension RedisSettings.Endpoint {
    fileprivate init(_ endpoint: Endpoint) { self.init(host: endpoint.hostText, port: endpoint.port) }
}

extension NameResolver.Settings {
    init(_ resolver: Configuration.Resolver) {
        self.init(
            servers: resolver.servers.compactMap { SocketAddress(literal: $0.hostText)?.withPort($0.port) },
            timeout: resolver.timeout.milliseconds)
    }
}

extension SessionRules {
    fileprivate init(_ sessions: Configuration.Sessions, _ configuration: Configuration) {
        let refresh = sessions.refresh
        let expiry: Expiry =
            switch refresh.policy {
            case .fixed: .fixed
            case .sliding: .sliding
            case .slidingWithCap(let cap): .slidingWithCap(capSeconds: cap.wholeSeconds)
            }
        self.init(
            refreshSeconds: refresh.lifetime.wholeSeconds, expiry: expiry, rotates: refresh.rotates,
            graceSeconds: refresh.grace.wholeSeconds, perSubjectMax: refresh.perUserMax,
            accessSeconds: sessions.accessLifetime.wholeSeconds,
            accessReachSeconds: Self.accessReachSeconds(sessions, configuration))
    }

    /// The longest that a token lives on which is there when its session ends. Its session once ended, no successor is made of it, so
    /// what counts is how long one lives, not how long a session may slide.
    private static func accessReachSeconds(_ sessions: Configuration.Sessions, _ configuration: Configuration) -> Int64 {
        var longest = max(sessions.accessLifetime.wholeSeconds, sessions.revocation.keep.wholeSeconds)
        if let sliding = configuration.sliding {
            let lifetime: Duration =
                switch sliding.lifetime {
                case .fixed(let lifetime): lifetime
                case .inherit: min(sliding.lifetimeMax, sliding.sessionCap ?? sliding.lifetimeMax)
                }
            longest = max(longest, lifetime.wholeSeconds)
        }
        return longest + configuration.tokens.leeway.wholeSeconds + (configuration.sliding?.grace.wholeSeconds ?? 0)
    }
}
