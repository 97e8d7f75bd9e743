package import Metrics

/// What one worker, or all of them together, have done and are doing.
package struct WorkerReport: Sendable {
    package var counters = Counters()
    /// Answers of the gateway's own, by code.
    package var ownAnswers: [String: Int] = [:]
    /// Answers that had begun and were cut short, by code.
    package var cutShort: [String: Int] = [:]
    /// Refresh tokens that brought nothing, by reason.
    package var refusedRefreshes: [String: Int] = [:]
    /// How long the store took for its answers, summed over `Counter.storeCalls` of them.
    package var storeMilliseconds = 0
    package var openConnections = 0
    package var activeExchanges = 0
    package var openTunnels = 0
    /// What tokens were verified with.
    package var keys: [KeyReport] = []
    package var upstreams: [UpstreamReport] = []

    package init() {}

    package static func += (total: inout WorkerReport, part: WorkerReport) {
        total.counters += part.counters
        total.ownAnswers.merge(part.ownAnswers, uniquingKeysWith: +)
        total.cutShort.merge(part.cutShort, uniquingKeysWith: +)
        total.refusedRefreshes.merge(part.refusedRefreshes, uniquingKeysWith: +)
        total.storeMilliseconds += part.storeMilliseconds
        total.openConnections += part.openConnections
        total.activeExchanges += part.activeExchanges
        total.openTunnels += part.openTunnels
        total.keys.merge(part.keys)
        for upstream in part.upstreams {
            if let index = total.upstreams.firstIndex(where: { $0.name == upstream.name }) {
                total.upstreams[index] += upstream
            } else {
                total.upstreams.append(upstream)
            }
        }
    }
}

/// The workers' reports, summed.
package struct GatewayReport: Sendable {
    package var total = WorkerReport()
    package var workers = 0
    /// Those that have answered in time; what the others have done is missing from `total`.
    package var workersReporting = 0

    package init() {}
}
