import Bytes
import Metrics
import Proxy

/// The gateway's state as Prometheus reads it.
enum MetricsPage {
    static func text(of report: GatewayReport, _ store: StoreReport?) -> [UInt8] {
        var page = Exposition()
        let total = report.total
        for counter in Counter.allCases {
            page.begin("slidegate_\(counter.name)_total", .counter, "\(counter.help)")
            page.sample("slidegate_\(counter.name)_total", [], total.counters[counter])
        }
        append(
            total.ownAnswers, "slidegate_own_answers_total", "Answers of the gateway's own, by the code in their content.", to: &page)
        append(
            total.cutShort, "slidegate_answers_cut_short_total", "Answers that had begun and were cut short, by reason.", to: &page)
        append(
            total.refusedRefreshes, by: "reason", "slidegate_refreshes_refused_total",
            "Refresh tokens that brought no new tokens, by reason.", to: &page)
        page.begin("slidegate_store_seconds_total", .counter, "Time that the store of sessions took to answer, summed.")
        page.sample("slidegate_store_seconds_total", [], Double(total.storeMilliseconds) / 1000)
        page.single("slidegate_connections", .gauge, "Client connections that are open.", total.openConnections)
        page.single("slidegate_exchanges", .gauge, "Requests that are being answered.", total.activeExchanges)
        page.single("slidegate_tunnels", .gauge, "Tunnels that are open.", total.openTunnels)
        page.single("slidegate_workers", .gauge, "Worker threads.", report.workers)
        page.single(
            "slidegate_workers_reporting", .gauge,
            "Worker threads that answered this request for metrics in time; what others have done is missing.",
            report.workersReporting)
        appendKeys(total.keys, to: &page)
        appendUpstreams(total.upstreams, to: &page)
        if let store { appendStore(store, to: &page) }
        appendProcess(to: &page)
        return page.text.bytes()
    }

    private static func append(
        _ counts: [String: Int], by label: String = "code", _ name: String, _ help: String, to page: inout Exposition
    ) {
        page.begin(name, .counter, help)
        for (code, count) in counts.sorted(by: { $0.key < $1.key }) { page.sample(name, [(label, code)], count) }
    }

    /// By the names that Prometheus' client libraries give them.
    private static func appendProcess(to page: inout Exposition) {
        let usage = ProcessUsage.current()
        let name = "process_cpu_seconds_total"
        page.begin(name, .counter, "Processor time, user and system.")
        page.sample(name, [], usage.processorSeconds)
        if let bytes = usage.residentBytes { page.single("process_resident_memory_bytes", .gauge, "Resident memory.", bytes) }
        page.single("process_open_fds", .gauge, "Open descriptors.", usage.openDescriptors)
    }
}
