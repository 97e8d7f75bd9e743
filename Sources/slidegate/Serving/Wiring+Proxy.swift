import Authentication
import Configuration
import EventLoop
import Glibc
import HTTP1
import Proxy

extension ProxySettings {
    /// Translates a configuration into what a worker serves by.
    /// - Parameters:
    ///   - descriptorLimit: open descriptors that the process may have; each client connection may need two.
    ///   - workerCount: connections are shared out evenly.
    ///   - addresses: of a server at present; empty while its name has not been resolved.
    /// - Throws: names of listeners that did not resolve.
    init(
        _ configuration: Configuration, _ tls: LoadedTLS, descriptorLimit: Int, workerCount: Int,
        addresses: (Endpoint) -> [SocketAddress], makeAuthenticator: @escaping @Sendable () -> Authenticator
    ) throws(ConfigurationRefusal) {
        var listeners: [ListenerSettings] = []
        for (listener, security) in zip(configuration.listeners, tls.listeners) {
            listeners.append(try ListenerSettings(listener, security, in: configuration.file))
        }
        let upstreams = zip(configuration.upstreams, tls.upstreams).map { upstream, context in
            UpstreamSettings(
                upstream,
                servers: upstream.servers.map { server in
                    UpstreamServerSettings(
                        server, addresses: addresses(server.address.value),
                        tls: TLSClient(context, upstream.tls, server: server.address.value), workerCount: workerCount)
                },
                workerCount: workerCount)
        }
        let routes = configuration.servedRoutes
        self.init(
            listeners: listeners, upstreams: upstreams, upstreamOfRoute: routes.map(\.upstream),
            streamRules: routes.map { StreamRule($0.streams) },
            timeouts: Timeouts(configuration.timeouts),
            limits: Limits(configuration.limits, descriptorLimit: descriptorLimit, workerCount: workerCount),
            encodedSlashes: configuration.paths.encodedSlashes == .keep ? .keep : .refuse,
            decisions: DecisionLevel(configuration.logs.decisions), makeAuthenticator: makeAuthenticator)
        for index in upstreams.indices { self.upstreams[index].sendsProxyProtocol = configuration.upstreams[index].sendsProxyProtocol }
        edge = EdgeSettings(configuration, workerCount: workerCount)
        decisionPoints = configuration.forwardAuth.map(DecisionPoint.init)
        explanation = configuration.explaining.map { ExplainSettings(networks: $0.networks, header: $0.header) }
        routeNames = routes.map(\.name)
        isRouteLogged = routes.map(\.isLogged)
        contentBytesMaxOfRoute = routes.map { $0.contentBytesMax(elsewhere: limits.bodyBytesMax) }
    }
}

extension DecisionPoint {
    init(_ endpoint: Configuration.ForwardAuth) {
        let frontProxy: FrontProxy =
            switch endpoint.proxy {
            case .nginx, .haproxy: .originalFields
            case .caddy, .traefik: .forwardedFields
            case .envoy: .pathBehindPrefix
            }
        self.init(path: endpoint.path, frontProxy: frontProxy)
    }
}

extension Timeouts {
    fileprivate init(_ timeouts: Configuration.Timeouts) {
        self.init()
        head = timeouts.head.milliseconds
        idle = timeouts.idle.milliseconds
        drainIdle = timeouts.drainIdle.milliseconds
        body = timeouts.body.milliseconds
        write = timeouts.write.milliseconds
        tunnel = timeouts.tunnel.milliseconds
    }
}

extension Limits {
    /// Descriptors that are not connections: listeners, the loops' own, logs, files read at a reload.
    private static let reservedDescriptors = 32

    /// Descriptors that connections cannot take, even while pools hold idle ones beside those in use: for administration.
    static func descriptorsForAdministration(descriptorLimit: Int) -> Int { min(16, descriptorLimit / 16) }

    fileprivate init(_ limits: Configuration.Limits, descriptorLimit: Int, workerCount: Int) {
        self.init()
        head = HeadLimits(limits)
        bodyBytesMax = limits.bodyBytesMax ?? .max
        let affordable = Self.affordableConnections(descriptorLimit: descriptorLimit, workerCount: workerCount)
        connectionsMax = max(1, min(limits.connectionsMax, affordable) / workerCount)
    }

    /// Client connections, all workers together, that can be served with so many open descriptors: each may need one more
    /// to its upstream.
    static func affordableConnections(descriptorLimit: Int, workerCount: Int) -> Int {
        let reserved = reservedDescriptors + descriptorsForAdministration(descriptorLimit: descriptorLimit)
        return max(workerCount, (descriptorLimit - reserved - 8 * workerCount) / 2)
    }
}

extension HeadLimits {
    init(_ limits: Configuration.Limits) {
        self.init()
        headBytesMax = limits.headBytesMax
        fieldCountMax = limits.fieldCountMax
        targetBytesMax = limits.targetBytesMax
    }
}

extension StreamRule {
    fileprivate init(_ streams: Configuration.Route.Streams) {
        self =
            switch streams {
            case .events: .events
            case .session: .session
            case .free: .free
            }
    }
}

extension DecisionLevel {
    fileprivate init(_ decisions: Configuration.Logs.Decisions) {
        self =
            switch decisions {
            case .none: .off
            case .refusals: .refusals
            case .changes: .changes
            case .all: .all
            }
    }
}

extension ListenerSettings {
    /// - Throws: the host name that did not resolve, with its place.
    fileprivate init(
        _ listener: Configuration.Listener, _ security: ListenerSecurity?, in file: String
    ) throws(ConfigurationRefusal) {
        let address = listener.address
        do {
            self.init(
                address: try SocketAddress.resolve(address.value)[0], security: security, fileMode: listener.mode,
                redirectPort: listener.redirectPort)
            proxyProtocol = listener.hasProxyProtocol
        } catch {
            throw ConfigurationRefusal(file: file, diagnostics: [Diagnostic(.error, at: address.place, "\(error)")])
        }
    }
}

extension SocketAddress {
    /// Blocks: for listeners, at start and on reload.
    static func resolve(_ endpoint: Endpoint) throws(ResolutionError) -> [SocketAddress] {
        if case .unix(let path) = endpoint.host { return [.unix(path: path)] }
        return try resolve(host: endpoint.hostText, port: endpoint.port)
    }
}

extension Endpoint {
    /// The `Host` of requests that have none. A Unix socket has no name of its own that HTTP could use.
    var authority: String { isUnix ? "localhost" : description }
}

extension Duration {
    /// Whole milliseconds, rounded down; configured durations are far below the range's end.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

extension Configuration.Logs.Destination {
    var descriptor: CInt {
        switch self {
        case .stderr: STDERR_FILENO
        case .stdout: STDOUT_FILENO
        }
    }
}
