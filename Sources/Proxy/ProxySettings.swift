package import Authentication
package import Balancing
package import EventLoop
package import HTTP1
package import Sessions

/// Everything a worker needs to serve, as one immutable value; a reload replaces it whole.
package struct ProxySettings: Sendable {
    /// Differs between any two settings of a process; set by the control thread, from 0 up.
    package var generation = 0
    /// Where clients connect, each address once. Never empty.
    package var listeners: [ListenerSettings]
    /// Empty: nothing is proxied.
    package var upstreams: [UpstreamSettings]
    /// For each route of the authentication policy, the index of its upstream; of no meaning where there are none.
    package var upstreamOfRoute: [Int]
    /// For each route, which answers end with their session.
    package var streamRules: [StreamRule]
    package var timeouts: Timeouts
    package var limits: Limits
    package var edge = EdgeSettings()
    /// For each route of the authentication policy, the largest request content in bytes. Empty: `limits.bodyBytesMax` for all.
    package var contentBytesMaxOfRoute: [Int] = []
    /// For each route, what logs and metrics call it; routes of one name are counted together. Empty: they all have none.
    package var routeNames: [String] = []
    /// For each route, whether its requests are written to the access log. Empty: those of all are.
    package var isRouteLogged: [Bool] = []
    /// Nil: nobody is told in answers why requests were decided as they were.
    package var explanation: ExplainSettings?
    package var encodedSlashes: PathNormalizer.EncodedSlashes
    package var decisions: DecisionLevel
    /// Nil: there is no access log.
    package var accessLog: AccessLogSettings?
    /// Makes the authenticator of one worker: contexts for keys are made once per key per worker.
    package var makeAuthenticator: @Sendable () -> Authenticator
    /// Called by a worker, at most once a second, that has refused a token because its key may be one that has not been fetched.
    package var requestKeys: (@Sendable () -> Void)?
    /// Nil: the gateway serves no files of its own.
    package var servedFiles: ServedFiles?
    /// Where proxies in front ask for decisions. Never empty where there are no upstreams.
    package var decisionPoints: [DecisionPoint] = []
    /// Nil: nothing is ever revoked here.
    package var revocation: RevocationSettings?
    /// Nil: no sessions.
    package var sessions: SessionSettings?

    package init(
        listeners: [ListenerSettings], upstreams: [UpstreamSettings], upstreamOfRoute: [Int],
        streamRules: [StreamRule], timeouts: Timeouts = Timeouts(), limits: Limits = Limits(),
        encodedSlashes: PathNormalizer.EncodedSlashes = .refuse, decisions: DecisionLevel = .changes,
        makeAuthenticator: @escaping @Sendable () -> Authenticator
    ) {
        self.listeners = listeners
        self.upstreams = upstreams
        precondition(streamRules.count == upstreamOfRoute.count)
        self.upstreamOfRoute = upstreamOfRoute
        self.streamRules = streamRules
        self.timeouts = timeouts
        self.limits = limits
        self.encodedSlashes = encodedSlashes
        self.decisions = decisions
        self.makeAuthenticator = makeAuthenticator
    }
}

/// Where workers learn of what is revoked.
package struct RevocationSettings: Sendable {
    /// The same one in all settings of a process.
    package var revocations: RevocationSet
    /// For how long a confirmation of the set is good, in milliseconds; beyond, the store counts as away.
    package var awayAfter: Int64

    package init(_ revocations: RevocationSet, awayAfter: Int64 = 5_000) {
        self.revocations = revocations
        self.awayAfter = awayAfter
    }
}

/// One address that clients connect to, and how they are served there.
package struct ListenerSettings: Sendable {
    /// As asked for: port 0 stands for a port of the system's choice.
    package var address: SocketAddress
    /// Nil: HTTP in clear.
    package var security: ListenerSecurity?
    /// Permissions of a Unix socket's file; to write is to connect.
    package var fileMode: UInt32
    /// Whether each connection begins with a PROXY header.
    package var proxyProtocol = false
    /// Every request is told to come again over HTTPS, at this port.
    package var redirectPort: Int?

    package init(
        address: SocketAddress, security: ListenerSecurity? = nil, fileMode: UInt32 = 0o660, redirectPort: Int? = nil
    ) {
        self.address = address
        self.security = security
        self.fileMode = fileMode
        self.redirectPort = redirectPort
    }
}

/// An existing API and how it is talked to. Times are in milliseconds.
package struct UpstreamSettings: Sendable {
    package var name: String
    /// Never empty.
    package var servers: [UpstreamServerSettings]
    /// Idle connections kept open to each server, for each worker.
    package var keepalive: Int
    package var connectTimeout: Int64
    /// The longest wait for the response's head, and then between two pieces of its content.
    package var responseTimeout: Int64
    package var idleTimeout: Int64
    /// Whether each connection begins with a PROXY header that names the client.
    package var sendsProxyProtocol = false
    package var choice = ServerChoice.roundRobin
    package var queue = QueueSettings(size: 0, timeout: 0)
    package var retries = RetryPolicy()
    package var ejection = EjectionPolicy()
    /// Answers that count as failures of the server, as a connection does that ends without one.
    package var failureStatuses = StatusSet()
    /// From joining or coming back to a server's full share; 0: at once.
    package var slowStart: Int64 = 0

    package init(
        name: String, servers: [UpstreamServerSettings], keepalive: Int = 256, connectTimeout: Int64 = 2_000,
        responseTimeout: Int64 = 30_000, idleTimeout: Int64 = 60_000
    ) {
        precondition(!servers.isEmpty)
        self.name = name
        self.servers = servers
        self.keepalive = keepalive
        self.connectTimeout = connectTimeout
        self.responseTimeout = responseTimeout
        self.idleTimeout = idleTimeout
    }
}

/// One of the origin servers of an upstream.
package struct UpstreamServerSettings: Sendable {
    /// The address as configured, unique in its upstream: the server's name in logs and metrics, at a reload, and for the
    /// spreading of keys.
    package var name: String
    /// `host:port`: the `Host` of requests that came without one.
    package var authority: String
    /// What the name resolved to, in the resolver's order. The next one is tried when connecting fails. Empty while nothing
    /// is known; the control thread tells when that changes.
    package var addresses: [SocketAddress]
    /// Nil: HTTP in clear.
    package var tls: TLSClient?
    /// 0: takes no requests.
    package var weight = 1
    /// Takes requests only while no other server can.
    package var isBackup = false
    /// Requests under way at a time, and so connections, of one worker.
    package var connectionsMax = Int.max

    /// - Parameter name: the authority where nothing else is said.
    package init(name: String? = nil, authority: String, addresses: [SocketAddress], tls: TLSClient? = nil) {
        self.name = name ?? authority
        self.authority = authority
        self.addresses = addresses
        self.tls = tls
    }
}

extension UpstreamSettings {
    /// What the choice between the servers goes by.
    var group: GroupSettings {
        GroupSettings(
            servers.map {
                MemberSettings(name: $0.name, weight: $0.weight, isBackup: $0.isBackup, requestsMax: $0.connectionsMax)
            },
            balance: choice.machine, ejection: ejection, slowStart: slowStart)
    }
}

/// Names a server of the settings in force; mail about one of earlier settings is dropped.
package struct UpstreamServerID: Sendable, Hashable {
    /// Of the `ProxySettings`.
    package var generation: Int
    /// Index into `ProxySettings.upstreams`.
    package var upstream: Int
    /// Index into `UpstreamSettings.servers`.
    package var server: Int

    package init(generation: Int, upstream: Int, server: Int) {
        self.generation = generation
        self.upstream = upstream
        self.server = server
    }
}

/// How long a client may take, in milliseconds.
package struct Timeouts: Sendable {
    /// From a connection's opening, or a request's first byte, to the end of its head.
    package var head: Int64 = 10_000
    /// Between two requests on a connection.
    package var idle: Int64 = 75_000
    /// The same while draining, when every connection has to end.
    package var drainIdle: Int64 = 5_000
    /// Between two pieces of a request's content.
    package var body: Int64 = 30_000
    /// Without progress in sending to a client that reads too slowly.
    package var write: Int64 = 30_000
    /// Without traffic in a tunnel, either way, or in an event stream.
    package var tunnel: Int64 = 300_000

    package init() {}
}

package struct Limits: Sendable {
    package var head = HeadLimits()
    /// The largest request content, in bytes.
    package var bodyBytesMax = 1 << 30
    /// Open client connections of one worker; at the limit it stops accepting.
    package var connectionsMax = 10_000

    package init() {}
}

/// Which decisions are worth a line in the log.
package enum DecisionLevel: Int, Sendable, Comparable {
    case off, refusals
    /// Refusals, and each successor when it is made (not each answer that carries it).
    case changes
    case all

    package static func < (left: DecisionLevel, right: DecisionLevel) -> Bool { left.rawValue < right.rawValue }
}
