import Metrics
import Proxy

extension MetricsPage {
    /// What each server has had and has; health is what each worker thinks, and so a number of workers.
    static func appendUpstreams(_ upstreams: [UpstreamReport], to page: inout Exposition) {
        let queues = Sums(upstreams.map { ([$0.name], $0.queued) })
        queues.append(.upstreamQueue, to: &page)
        let families: [(MetricFamily, (ServerReport) -> Int)] = [
            (.serverRequests, \.requests), (.serverFailures, \.failures), (.serverEjections, \.ejections),
            (.serverActive, \.activeRequests), (.serverIdle, \.idleConnections), (.serverWorkersUp, \.workersUp),
        ]
        for (family, value) in families {
            let sums = Sums(upstreams.flatMap { upstream in upstream.servers.map { ([upstream.name, $0.name], value($0)) } })
            sums.append(family, to: &page)
        }
    }
}
