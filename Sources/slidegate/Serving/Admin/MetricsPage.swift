import Bytes
import Glibc
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
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let name = "process_cpu_seconds_total"
        page.begin(name, .counter, "Processor time, user and system.")
        page.sample(name, [], seconds(usage.ru_utime) + seconds(usage.ru_stime))
        if let memory = readStatusLine("/proc/self/statm") {
            let pages = memory.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            page.single("process_resident_memory_bytes", .gauge, "Resident memory.", pages * sysconf(Int32(_SC_PAGESIZE)))
        }
        page.single("process_open_fds", .gauge, "Open descriptors.", openDescriptorCount())
    }

    private static func readStatusLine(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    private static func openDescriptorCount() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(0, count - 3)  // `.`, `..`, and the one that reads the folder
    }
}
