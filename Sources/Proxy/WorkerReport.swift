package import Authentication
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
    package var requests = RequestCounts()
    /// Answers of admitted requests that carried no successor, by `RenewalSkip.index`.
    package var renewalSkips = [Int](repeating: 0, count: RenewalSkip.allCases.count)
    /// From a request's head to the decision, where its token was verified rather than found in the cache.
    package var verifyTimes = Histogram()
    /// Of successors that were signed rather than found.
    package var mintTimes = Histogram()
    /// From a question to the store to its answer.
    package var storeTimes = Histogram()
    package var tokenCounts = TokenCounts()
    /// Verified tokens that are remembered now.
    package var cachedTokens = 0
    /// The latest ones of each worker, the newest first.
    package var refusals: [RecentRefusal] = []
    /// What enforcing would have done where it is not.
    package var shadow: [ShadowRoute] = []
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
        total.requests += part.requests
        for index in total.renewalSkips.indices { total.renewalSkips[index] &+= part.renewalSkips[index] }
        total.verifyTimes += part.verifyTimes
        total.mintTimes += part.mintTimes
        total.storeTimes += part.storeTimes
        total.tokenCounts += part.tokenCounts
        total.cachedTokens += part.cachedTokens
        if !part.refusals.isEmpty {
            total.refusals = Array((total.refusals + part.refusals).sorted { $0.time > $1.time }.prefix(RefusalRing.capacity))
        }
        if !part.shadow.isEmpty { total.shadow.merge(part.shadow) }
        total.openConnections += part.openConnections
        total.activeExchanges += part.activeExchanges
        total.openTunnels += part.openTunnels
        total.keys.merge(part.keys)
        if total.upstreams.isEmpty { total.upstreams = part.upstreams } else { total.add(part.upstreams) }
    }

    private mutating func add(_ part: [UpstreamReport]) {
        for (place, upstream) in part.enumerated() {
            // At the same place, unless one of the two has not heard of a reload yet: there may be thousands.
            let isThere = place < upstreams.count && upstreams[place].name == upstream.name
            if let index = isThere ? place : upstreams.firstIndex(where: { $0.name == upstream.name }) {
                upstreams[index] += upstream
            } else {
                upstreams.append(upstream)
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
