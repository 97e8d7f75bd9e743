import Metrics
import Proxy

extension MetricsPage {
    /// What each server has had and has; health is what each worker thinks, and so a number of workers.
    static func appendUpstreams(_ upstreams: [UpstreamReport], to page: inout Exposition) {
        page.begin("slidegate_upstream_queued_requests", .gauge, "Requests that wait for a server of the upstream.")
        for upstream in upstreams {
            page.sample("slidegate_upstream_queued_requests", [("upstream", upstream.name)], upstream.queued)
        }
        func append(_ name: String, _ type: Exposition.Kind, _ help: String, _ value: (ServerReport) -> Int) {
            page.begin(name, type, help)
            for upstream in upstreams {
                for server in upstream.servers {
                    page.sample(name, [("upstream", upstream.name), ("server", server.name)], value(server))
                }
            }
        }
        append("slidegate_server_requests_total", .counter, "Requests sent to the server.", \.requests)
        append("slidegate_server_failures_total", .counter, "Requests that the server failed.", \.failures)
        append("slidegate_server_ejections_total", .counter, "Times that a worker put the server aside.", \.ejections)
        append("slidegate_server_active_requests", .gauge, "Requests under way at the server.", \.activeRequests)
        append("slidegate_server_idle_connections", .gauge, "Connections to the server kept for later.", \.idleConnections)
        append("slidegate_server_workers_up", .gauge, "Workers that send the server requests.", \.workersUp)
    }
}
