import Configuration
import EventLoop
import Proxy
import ProxyProtocol
import Throttling

extension EdgeSettings {
    init(_ configuration: Configuration, workerCount: Int) {
        self.init()
        let limits = configuration.limits
        trustedPeers = configuration.trustedProxies
        forwardedFields =
            switch configuration.forwarded {
            case .xForwarded: .xForwarded
            case .rfc7239: .rfc7239
            case .both: .both
            }
        connectionsPerClientMax = limits.connectionsPerClientMax
        requestsMax = limits.requestsMax
        failedVerifications = limits.failedVerifications.map {
            Rate(count: $0.count, periodMilliseconds: $0.period.milliseconds)
        }
        minimumRate = MinimumRate(
            bytesPerSecond: limits.minBytesPerSecond ?? 0, graceMilliseconds: limits.minRateGrace.milliseconds)
        bufferedBytesMax = limits.memoryBytesMax / workerCount
    }
}

extension Configuration.Route {
    func contentBytesMax(elsewhere: Int) -> Int {
        switch body {
        case .asElsewhere: elsewhere
        case .none: .max
        case .bytes(let bytes): bytes
        }
    }
}
