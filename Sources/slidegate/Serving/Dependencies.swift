import Authentication
import Configuration
import EventLoop
import JOSE
import Metrics
import Proxy
import Signatures

/// What the gateway depends on outside of itself and has to keep an eye on: the addresses of upstreams' names, the health of
/// their servers, keys that issuers publish. Belongs to the control thread; what changes is mailed to the workers.
final class Dependencies {
    private let loop: EventLoop
    private let log: LogWriter
    private var book: AddressBook!
    private var checks: HealthChecks!
    private var keys: RemoteKeys!
    private let keyRequests: Mailbox<KeyRequest>
    private var keyRequestInbox: Inbox<KeyRequest>?
    private var counts = Counters()

    private struct KeyRequest: Sendable {}

    /// What is in force.
    private var configuration: Configuration?
    private var settings: ProxySettings?
    private weak var gateway: Gateway?
    private var loaded: LoadedKeys?
    private var makeAuthenticators: ((LoadedKeys) -> (@Sendable () -> Authenticator)?)?

    init(_ configuration: Configuration, on loop: EventLoop, log: LogWriter) throws {
        self.loop = loop
        self.log = log
        keyRequests = try Mailbox()
        keyRequestInbox = try Inbox(keyRequests, on: loop) { [unowned self] _ in keys.keysWereMissing() }
        book = try AddressBook(AddressBook.Settings(configuration.resolver), on: loop) { [unowned self] name, record, news in
            nameChanged(name, record, news)
        }
        checks = HealthChecks(on: loop) { [unowned self] change in healthChanged(change) }
        keys = RemoteKeys(on: loop, log: log, resolver: { [unowned self] in book.resolver }) { [unowned self] news in
            keysChanged(news)
        }
    }

    /// What has been done here; beside what the workers count.
    var counters: Counters {
        var total = counts
        total += keys.counters
        return total
    }

    var keySets: [KeySetReport] { keys.report }

    /// For workers: asks that keys be fetched again.
    var requestKeys: @Sendable () -> Void { { [keyRequests] in keyRequests.send(KeyRequest()) } }

    /// Looks up names and fetches keys that a configuration adds, and calls `body` when there is an answer for each, be it
    /// that there is none: at once where nothing is new, and within seconds in any case.
    func prepare(_ configuration: Configuration, _ loaded: LoadedKeys, then body: @escaping () -> Void) throws {
        try book.apply(AddressBook.Settings(configuration.resolver))
        var pending = 2
        let done = {
            pending -= 1
            if pending == 0 { body() }
        }
        try book.follow(Set(configuration.upstreams.flatMap(\.servers).compactMap(\.address.value.name)), whenAnswered: done)
        try keys.follow(Set(loaded.remote.map(\.source)), whenAnswered: done)
    }

    /// The addresses of an upstream's server at present; empty while nothing is known.
    func addresses(of endpoint: Endpoint) -> [SocketAddress] {
        switch endpoint.host {
        case .unix(let path): [.unix(path: path)]
        case .ipv4(let text), .ipv6(let text): SocketAddress(literal: text).map { [$0.withPort(endpoint.port)] } ?? []
        case .name(let name): book.addresses(of: name).map { $0.withPort(endpoint.port) }
        }
    }

    /// The loaded keys, with those that have been fetched.
    func filled(_ loaded: LoadedKeys) -> LoadedKeys {
        loaded.filled({ keys.keys(of: $0) }, state: keys.state(of: loaded.remote.map(\.source)))
    }

    /// The workers go by these settings from now on.
    /// - Parameter makeAuthenticators: makes their factory from keys as they are later; nil when that fails.
    func applied(
        _ settings: ProxySettings, of configuration: Configuration, _ loaded: LoadedKeys, by gateway: Gateway?,
        makeAuthenticators: @escaping (LoadedKeys) -> (@Sendable () -> Authenticator)?
    ) {
        self.configuration = configuration
        self.settings = settings
        self.gateway = gateway
        self.loaded = loaded
        self.makeAuthenticators = makeAuthenticators
        book.keepOnly(Set(configuration.upstreams.flatMap(\.servers).compactMap(\.address.value.name)))
        keys.keepOnly(Set(loaded.remote.map(\.source)))
        checks.keepOnly(Set(servers.map(\.subject)))
        for server in servers {
            watch(server)
            tell(server)  // workers go by what was so before a reload, until told
        }
        // A name or a set may have changed after the settings were made, and before they were applied.
        for server in servers where server.endpoint.name != nil { tellAddresses(server) }
    }
}

// MARK: - Servers

extension Dependencies {
    private struct Server {
        var id: UpstreamServerID
        var subject: HealthChecks.Subject
        var endpoint: Endpoint
        var tls: TLSClient?
        var health: HealthCheckSettings?
    }

    private var servers: [Server] {
        guard let configuration, let settings else { return [] }
        return configuration.upstreams.enumerated().flatMap { index, upstream in
            var health = upstream.health.map(HealthCheckSettings.init)
            health?.sendsProxyHeader = upstream.sendsProxyProtocol
            return upstream.servers.enumerated().map { number, server in
                Server(
                    id: UpstreamServerID(generation: settings.generation, upstream: index, server: number),
                    subject: HealthChecks.Subject(
                        upstream: upstream.name, server: server.address.value.description,
                        authority: server.address.value.authority),
                    endpoint: server.address.value, tls: settings.upstreams[index].servers[number].tls,
                    health: health)
            }
        }
    }

    private func watch(_ server: Server) {
        do {
            try checks.watch(server.subject, at: addresses(of: server.endpoint), tls: server.tls, server.health)
        } catch {
            log.write("slidegate: warning: \(server.subject.server) is not checked: \(error)")
        }
    }

    private func tell(_ server: Server) {
        gateway?.healthChanged(of: server.id, isHealthy: checks.isHealthy(addresses(of: server.endpoint), of: server.subject))
    }

    private func tellAddresses(_ server: Server) {
        gateway?.addressesChanged(of: server.id, to: checks.usable(addresses(of: server.endpoint), of: server.subject))
    }

    private func nameChanged(_ name: String, _ record: NameRecord, _ news: NameRecord.News) {
        let addresses = record.addresses.map { $0.withPort(0).hostText }.joined(separator: ", ")
        switch news {
        case .nothing: return
        case .changed: log.write("slidegate: \(name) is at \(addresses)")
        case .recovered: log.write("slidegate: \(name) resolves again")
        case .failed(let error):
            counts[.resolutionFailures] += 1
            let consequence = record.addresses.isEmpty ? "its servers get no requests until it does" : "it stays at \(addresses)"
            log.write("slidegate: warning: cannot resolve \(name): \(error); \(consequence)")
        }
        guard news == .changed else { return }
        for server in servers where server.endpoint.name == name {
            watch(server)
            tellAddresses(server)
            tell(server)
        }
    }

    private func healthChanged(_ change: HealthChecks.Change) {
        counts[.healthChanges] += 1
        log.write(
            "slidegate: upstream \(change.subject.upstream): \(change.subject.server) at \(change.address) is "
                + "\(change.isHealthy ? "healthy" : "unhealthy"): \(change.reason)")
        for server in servers where server.subject == change.subject {
            if addresses(of: server.endpoint).count > 1 { tellAddresses(server) }
            tell(server)
        }
    }
}

// MARK: - Keys

extension Dependencies {
    private func keysChanged(_ news: RemoteKeys.News) {
        guard let settings, let loaded, let gateway else { return }
        switch news {
        case .changed:
            guard let makeAuthenticator = makeAuthenticators?(filled(loaded)) else { return }
            gateway.keysChanged(generation: settings.generation, makeAuthenticator)
        case .confirmed:
            guard let state = keys.state(of: loaded.remote.map(\.source)) else { return }
            gateway.keysConfirmed(generation: settings.generation, until: state.confirmedUntil)
        }
    }
}

// MARK: - Translation

extension Endpoint {
    /// A name to be resolved.
    fileprivate var name: String? { if case .name(let name) = host { name } else { nil } }
}

extension SocketAddress {
    /// The address without port.
    fileprivate var hostText: String {
        let text = description
        return text.hasSuffix(":0") ? String(text.dropLast(2)) : text
    }
}

extension AddressBook.Settings {
    init(_ resolver: Configuration.Resolver) {
        self.init(
            resolver: NameResolver.Settings(resolver),
            secondsToLive: Int(resolver.ttlMin.wholeSeconds)...Int(max(resolver.ttlMin, resolver.ttlMax).wholeSeconds))
    }
}

extension HealthCheckSettings {
    fileprivate init(_ check: Configuration.HealthCheck) {
        self.init(
            target: check.target, host: check.host, interval: check.interval.milliseconds, timeout: check.timeout.milliseconds,
            thresholds: HealthThresholds(healthyAfter: check.healthyAfter, unhealthyAfter: check.unhealthyAfter),
            statuses: check.statuses)
    }
}
