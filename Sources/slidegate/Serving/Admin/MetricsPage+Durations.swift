import Metrics
import Proxy

extension MetricsPage {
    /// Bounds of the buckets that are told, each twice the one before, as powers of two of a microsecond.
    private enum Bounds {
        /// 1 µs to 16 ms: what the processor does by itself.
        static let computing = 0...14
        /// 64 µs to 67 s: what others are waited for.
        static let waiting = 6...26
    }

    static func appendDurations(_ total: WorkerReport, hasStore: Bool, to page: inout Exposition) {
        page.begin(.requestDuration)
        for (group, route) in total.requests.names.enumerated() where total.requests.total(of: group) > 0 {
            append(total.requests.durations[group], Bounds.waiting, [route], to: &page)
        }
        page.begin(.upstreamDuration)
        for (name, times) in sums(total.upstreams) { append(times, Bounds.waiting, [name], to: &page) }
        page.begin(.verifyDuration)
        append(total.verifyTimes, Bounds.computing, [], to: &page)
        page.begin(.mintDuration)
        append(total.mintTimes, Bounds.computing, [], to: &page)
        guard hasStore else { return }
        page.begin(.storeDuration)
        append(total.storeTimes, Bounds.waiting, [], to: &page)
    }

    /// As `Sums` does it.
    private static func sums(_ upstreams: [UpstreamReport]) -> [(name: String, times: Histogram)] {
        var sums = upstreams.prefix(samplesMax).map { ($0.name, $0.answerTimes) }
        let rest = upstreams.dropFirst(samplesMax)
        guard !rest.isEmpty else { return sums }
        let place = sums.firstIndex { $0.0 == "other" } ?? sums.endIndex
        if place == sums.endIndex { sums.append(("other", Histogram())) }
        for upstream in rest { sums[place].1 += upstream.answerTimes }
        return sums
    }

    private static func append(_ times: Histogram, _ bounds: ClosedRange<Int>, _ labels: [String], to page: inout Exposition) {
        let buckets = bounds.map { (upTo: Double(1 << $0) / 1e6, count: times.count(upToMicroseconds: $0)) }
        page.sample(labels, buckets: buckets, sum: Double(times.sum) / 1e9, count: times.count)
    }
}
