import Authentication
import Bytes
import Metrics
import Proxy

/// The gateway's state as Prometheus reads it. `Metrics.md` says what each family means.
///
/// The page is bounded whatever the configuration: no family has more than `samplesMax` sets of labels and one for the rest.
enum MetricsPage {
    static let samplesMax = 128

    static func text(of report: GatewayReport, _ sources: AdminSources) -> [UInt8] {
        let service = sources.service()
        var page = Exposition()
        let total = report.total
        for counter in Counter.allCases { page.single(MetricFamily(counter), total.counters[counter]) }
        appendRequests(total.requests, to: &page)
        append(total.ownAnswers, .ownAnswers, to: &page)
        appendShadow(total.shadow, to: &page)
        appendSkips(total.renewalSkips, to: &page)
        append(total.cutShort, .answersCutShort, to: &page)
        append(total.refusedRefreshes, .refreshesRefused, to: &page)
        appendDurations(total, hasStore: sources.store() != nil, to: &page)
        page.single(.tokenCacheHits, total.tokenCounts.found)
        page.single(.tokenCacheMisses, total.tokenCounts.verified)
        page.single(.tokenCacheEntries, total.cachedTokens)
        page.single(.connections, total.openConnections)
        page.single(.exchanges, total.activeExchanges)
        page.single(.tunnels, total.openTunnels)
        page.single(.workers, report.workers)
        page.single(.workersReporting, report.workersReporting)
        appendKeys(total.keys, to: &page)
        appendKeySets(service.keySets, to: &page)
        appendUpstreams(total.upstreams, to: &page)
        page.single(.storeSeconds, Double(total.storeTimes.sum) / 1e9)
        if let store = sources.store() { appendStore(store, to: &page) }
        appendProgram(service, isReady: sources.readiness() == .ready, to: &page)
        return page.text.bytes()
    }

    private static func append(_ counts: [String: Int], _ family: MetricFamily, to page: inout Exposition) {
        Sums(counts.sorted { $0.key < $1.key }.map { ([$0.key], $0.value) }).append(family, to: &page)
    }

    /// The samples of a family, each set of labels once: values of the same ones are summed, and what is beyond `samplesMax` sets
    /// too, as `other`.
    struct Sums {
        private var order: [[String]] = []
        private var values: [[String]: Int] = [:]

        init(_ samples: [(labels: [String], value: Int)]) {
            for (labels, value) in samples {
                let isKnown = values[labels] != nil
                let key = isKnown || values.count < samplesMax ? labels : labels.map { _ in "other" }
                if values[key] == nil { order.append(key) }
                values[key, default: 0] += value
            }
        }

        func append(_ family: MetricFamily, to page: inout Exposition) {
            page.begin(family)
            for labels in order { page.sample(labels, value: values[labels] ?? 0) }
        }
    }
}
