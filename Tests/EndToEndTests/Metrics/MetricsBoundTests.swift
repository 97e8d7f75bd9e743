import Foundation
import Glibc
import Testing

/// Goal: metrics cost the same whatever the traffic and the configuration, and are never seen to run backwards.
@Suite("Metrics under load", .serialized)
struct MetricsBoundTests {
    @Test func `while requests come, nothing ever falls`() throws {
        let gateway = try Gateway(Gateway.admin + "workers: 2\n" + openToAll, upstream: .ok())
        let load = Load(6, at: gateway, requestsPerConnection: 20)
        try load.waitForMore(50)
        var before = try gateway.metrics()
        for _ in 0..<10 {
            try load.waitForMore(20)
            let after = try gateway.metrics()
            #expect(after["slidegate_workers_reporting"] == 2)
            for (sample, value) in before.cumulative {
                let later = after.cumulative[sample]
                #expect(later != nil && later! >= value, "\(sample) was \(value) and is \(String(describing: later))")
            }
            #expect(after.sum("slidegate_requests_total") >= before.sum("slidegate_requests_total") + 10)
            before = after
        }
        #expect(try load.stop().isEmpty)
        // Each once: as many as the clients have had answers.
        #expect(try gateway.metrics().sum("slidegate_requests_total") == Double(load.count))
    }

    /// Routes, upstreams and names without end: the page is bounded, and there at once.
    @Test(.timeLimit(.minutes(5)))
    func `ten thousand routes make no page of ten thousand`() throws {
        let origin = try Origin.ok()
        let long = String(repeating: "long-", count: 400)
        var lines = ["upstreams:"]
        for index in 0..<300 { lines.append("  u\(index): { servers: [ { address: 127.0.0.1:\(origin.port) } ] }") }
        lines.append("routes:")
        for index in 0..<10_000 {
            lines.append("  - { path: /r\(index)/\(index < 4 ? long : ""), auth: none, upstream: u\(index % 300) }")
        }
        let gateway = try Gateway(Gateway.admin + "workers: 2\n" + lines.joined(separator: "\n"), upstream: origin)
        let client = try gateway.connect(keepsLog: false)
        for index in 4..<404 {
            #expect(try client.exchange("GET /r\(index)/ HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)
        }
        #expect(try client.exchange("GET /r0/\(long) HTTP/1.1\r\nHost: a\r\n\r\n").status == 200)

        let clock = ContinuousClock()
        var text = ""
        let duration = try clock.measure { text = try gateway.metricsText() }
        #expect(duration < .seconds(1))
        let page = try MetricsText(text)
        #expect(page.byteCount < 1 << 20, "\(page.byteCount) bytes")
        // Of the first 128 names 125 were asked for: 4 to 127, and the long one.
        let requests = "slidegate_requests_total"
        #expect(page.families[requests]?.samples.count == 126)
        #expect(page[requests, ["route": "other", "status": "2xx", "decision": "admitted"]] == 276)  // 128 to 403
        #expect(page.sum(requests) == 401)
        #expect(page.values.keys.allSatisfy { $0.labels.values.allSatisfy { $0.utf8.count <= 128 } })
        #expect(page.values.keys.contains { $0.labels["route"]?.hasPrefix("/r0/long-long-") == true })
        // So it is with upstreams: what is beyond is summed.
        #expect(page.families["slidegate_server_requests_total"]?.samples.count == 129)
        #expect(page.sum("slidegate_server_requests_total") == 401)
        #expect(page.sum("slidegate_upstream_duration_seconds_count") == 401)
        let (status, said) = try Promtool.run("check", "metrics", input: text)
        #expect(status == 0 && said.isEmpty, "\(said)")
    }
}
