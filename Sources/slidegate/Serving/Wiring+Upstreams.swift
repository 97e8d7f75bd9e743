import Balancing
import Configuration
import EventLoop
import Proxy

extension UpstreamServerSettings {
    init(
        _ server: Configuration.Upstream.Server, addresses: [SocketAddress], tls: TLSClient?, workerCount: Int
    ) {
        self.init(
            name: server.address.value.description, authority: server.address.value.authority, addresses: addresses,
            tls: tls)
        weight = server.weight
        isBackup = server.isBackup
        if let most = server.connectionsMax { connectionsMax = max(1, most / workerCount) }
    }
}

extension UpstreamSettings {
    init(_ upstream: Configuration.Upstream, servers: [UpstreamServerSettings], workerCount: Int) {
        self.init(
            name: upstream.name, servers: servers, keepalive: upstream.keepaliveMax,
            connectTimeout: upstream.connectTimeout.milliseconds,
            responseTimeout: upstream.responseTimeout.milliseconds, idleTimeout: upstream.idleTimeout.milliseconds)
        choice = ServerChoice(upstream.balance)
        queue = QueueSettings(
            size: upstream.queue.size == 0 ? 0 : max(1, upstream.queue.size / workerCount),
            timeout: upstream.queue.timeout.milliseconds)
        retries = RetryPolicy(upstream.retries)
        ejection = EjectionPolicy(
            failuresMax: upstream.ejection.failures, baseTime: upstream.ejection.time.milliseconds,
            timeMax: upstream.ejection.timeMax.milliseconds, shareMaxPercent: upstream.ejection.shareMaxPercent)
        failureStatuses = StatusSet(upstream.ejection.statuses)
        slowStart = upstream.slowStart.milliseconds
    }
}

extension ServerChoice {
    fileprivate init(_ balance: Configuration.Upstream.Balance) {
        self =
            switch balance {
            case .roundRobin: .roundRobin
            case .leastRequests: .leastRequests
            case .header(let name): .header(Array(name.utf8))
            case .claim(let name): .claim(Array(name.utf8))
            }
    }
}

extension RetryPolicy {
    fileprivate init(_ retries: Configuration.Upstream.Retries) {
        self.init(
            attempts: retries.attempts, conditions: Conditions(retries.conditions.map { Conditions($0) }),
            budgetPercent: retries.budgetPercent, tryTimeout: retries.tryTimeout?.milliseconds ?? .max,
            totalTimeout: retries.totalTimeout?.milliseconds ?? .max)
    }
}

extension RetryPolicy.Conditions {
    fileprivate init(_ condition: Configuration.Upstream.Retries.Condition) {
        self =
            switch condition {
            case .connectFailure: .connectFailure
            case .reset: .reset
            case .timeout: .timeout
            case .badGateway: .badGateway
            case .serviceUnavailable: .serviceUnavailable
            case .gatewayTimeout: .gatewayTimeout
            }
    }
}
