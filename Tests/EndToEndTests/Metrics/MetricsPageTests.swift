import Foundation
import Glibc
import Testing

/// Goal: what operators read is what has happened, whoever reads it. Method: the real program, requests of known kinds, and Prometheus'
/// own tool.
@Suite("Metrics", .serialized)
struct MetricsPageTests {
    @Test(arguments: MonitoredGateway.allCases)
    func `promtool finds nothing to say`(_ kind: MonitoredGateway) throws {
        let page = try #require(try MonitoredGateway.pages.get()[kind])
        let (status, said) = try Promtool.run("check", "metrics", input: page)
        #expect(status == 0 && said.isEmpty, "\(said)")
        _ = try MetricsText(page)
    }

    /// Both ways, over all kinds of gateways: Metrics.md and the pages have the same families, each with these very labels.
    @Test func `what is documented is there, and the other way round`() throws {
        let documented = try DocumentedMetric.all()
        var seen: Set<String> = []
        for (kind, page) in try MonitoredGateway.pages.get() {
            for (name, family) in try MetricsText(page).families {
                let metric = try #require(documented[name], "\(name) of \(kind) is not documented")
                #expect(metric.kind == family.kind, "\(name)")
                for (sample, _) in family.samples {
                    #expect(Set(sample.labels.keys.filter { $0 != "le" }) == Set(metric.labels), "\(sample)")
                    seen.insert(name)
                }
            }
        }
        for name in documented.keys { #expect(seen.contains(name), "no gateway has \(name)") }
    }

    @Test func `after requests of known kinds it says exactly so`() throws {
        let origin = try Origin { connection in
            while let request = try connection.nextRequest() {
                if request.startLine.contains("/dies") { return }
                let status = request.startLine.contains("/oops") ? "500 Oops" : "200 OK"
                try connection.send("HTTP/1.1 \(status)\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let gateway = try Gateway(
            """
            \(Gateway.admin)workers: 3
            routes:
              - { path: /api/, name: api }
              - { path: /open/, auth: none }
              - { path: /still/, slide: false }
            """, upstream: origin)
        func ask(_ count: Int, _ path: String, _ token: String? = nil, expecting status: Int) throws {
            for _ in 0..<count {
                #expect(try gateway.get(path, token.map { "Authorization: Bearer \($0)" } ?? "X-No: token").status == status)
            }
        }
        let (fresh, ending) = (Token.fresh, Token.ending)
        try ask(12, "/api/a", fresh, expecting: 200)
        try ask(7, "/api/a", ending, expecting: 200)
        try ask(5, "/api/a", expecting: 401)
        try ask(4, "/api/a", Token.with(left: -3600), expecting: 401)
        try ask(2, "/api/oops", fresh, expecting: 500)
        try ask(1, "/api/dies", fresh, expecting: 502)
        try ask(3, "/open/a", expecting: 200)
        try ask(6, "/still/a", ending, expecting: 200)
        try ask(8, "/elsewhere", fresh, expecting: 404)
        for _ in 0..<2 { #expect(try gateway.exchange("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400) }

        let page = try gateway.metrics()
        let expected: [(String, String, String, Double)] = [
            ("api", "2xx", "admitted", 12), ("api", "2xx", "renewed", 7), ("api", "4xx", "refused", 9), ("api", "5xx", "admitted", 2),
            ("api", "5xx", "failed", 1), ("/open/", "2xx", "admitted", 3), ("/still/", "2xx", "admitted", 6), ("none", "4xx", "refused", 8),
            ("none", "4xx", "failed", 2),
        ]
        for (route, status, decision, count) in expected {
            let labels = ["route": route, "status": status, "decision": decision]
            #expect(page["slidegate_requests_total", labels] == count, "\(labels)")
        }
        #expect(page.families["slidegate_requests_total"]?.samples.count == expected.count)

        for (reason, count) in ["not_due": 14, "no_token": 3, "route_does_not_slide": 6] as [String: Double] {
            #expect(page["slidegate_renewals_skipped_total", ["reason": reason]] == count, "\(reason)")
        }
        #expect(page.sum("slidegate_renewals_skipped_total") == 23)
        #expect(page["slidegate_renewals_total"] == 7)
        for (code, count) in [
            "token_missing": 5, "token_expired": 4, "no_route": 8, "upstream_closed": 1,
        ] as [String: Double] {
            #expect(page["slidegate_own_answers_total", ["code": code]] == count, "\(code)")
        }
        #expect(page.sum("slidegate_own_answers_total") == 20)

        for (route, count) in ["api": 31, "/open/": 3, "/still/": 6, "none": 8] as [String: Double] {
            let counted = page["slidegate_request_duration_seconds_count", ["route": route]]
            // Those whose head was never there whole have taken no time that could be told.
            #expect(counted == count, "\(route)")
        }
        #expect(page["slidegate_upstream_duration_seconds_count", ["upstream": "default"]] == 30)
        #expect(page.sum("slidegate_server_requests_total") == 31)
        #expect(page.sum("slidegate_server_failures_total") == 1)

        // Each worker remembers a token when it comes again; what is refused is verified each time.
        let (hits, misses) = (page["slidegate_token_cache_hits_total"] ?? 0, page["slidegate_token_cache_misses_total"] ?? 0)
        #expect(hits + misses == 12 + 7 + 4 + 2 + 1 + 6)
        #expect((2 + 4...12 + 4).contains(misses), "\(misses)")
        #expect(page["slidegate_verify_duration_seconds_count"] == misses)
        #expect((1...7).contains(page["slidegate_mint_duration_seconds_count"] ?? 0))
        #expect((1...6).contains(page["slidegate_token_cache_entries"] ?? 0))
    }

    @Test func `what shadow mode lets through is told by route and reason`() throws {
        let page = try MetricsText(try #require(try MonitoredGateway.pages.get()[.shadow]))
        #expect(page["slidegate_shadow_refusals_total", ["route": "/", "reason": "token_missing"]] == 1)
        #expect(page.sum("slidegate_shadow_refusals_total") == 1)
        for decision in ["admitted", "would_renew", "would_refuse"] {
            #expect(page["slidegate_requests_total", ["route": "/", "status": "2xx", "decision": decision]] == 1, "\(decision)")
        }
        #expect(page.sum("slidegate_requests_total") == 3)
        #expect(page["slidegate_refusals_total"] == 0 && page["slidegate_renewals_total"] == 0)
    }

    @Test func `a reload is told, applied or refused, and a file by its hash`() throws {
        let gateway = try Gateway(Gateway.admin + openToAll, upstream: .ok())
        func hash() throws -> String {
            let (status, said) = try Shell.run("sha256sum \(gateway.path("slidegate.yaml"))")
            try #require(status == 0)
            return String(said.prefix(16))
        }
        func info() throws -> [String: String] {
            try #require(try gateway.metrics().families["slidegate_configuration_info"]?.samples.first?.sample.labels)
        }
        let first = try info()
        #expect(try first["hash"] == hash())
        #expect(try gateway.metric("slidegate_configuration_last_reload_successful") == 1)

        try gateway.rewrite(Gateway.admin + "workers: 1\n" + openToAll)
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "configuration reloaded")
        let second = try info()
        #expect(try second["hash"] == hash())
        #expect(second["hash"] != first["hash"] && second["generation"] != first["generation"])

        try gateway.rewrite(Gateway.admin + "nonsense: 1")
        gateway.process.signal(SIGHUP)
        _ = try gateway.process.waitForLine(containing: "reload refused")
        #expect(try info() == second)
        let page = try gateway.metrics()
        #expect(page["slidegate_configuration_last_reload_successful"] == 0)
        #expect(page["slidegate_configuration_reloads_total", ["result": "applied"]] == 1)
        #expect(page["slidegate_configuration_reloads_total", ["result": "refused"]] == 1)
        let (start, loaded) = (page["process_start_time_seconds"] ?? 0, page["slidegate_configuration_loaded_timestamp_seconds"] ?? 0)
        #expect(start > 0 && loaded >= start && loaded <= Token.preciseNow())
    }

    @Test func `key sets are told by source: how old, how many, how often`() throws {
        let key = try IssuerKey(id: "k1")
        let issuer = try Issuer(IssuerKey.set(key))
        let gateway = try Gateway(
            """
            \(Gateway.admin)keys:
              - { jwks_url: "\(issuer.url)?tenant=secret", refresh: 1s, refetch: 1s }
              - { algorithm: HS256, secret_file: $FOLDER/jwt.secret, id: own, use: sign }
            """, upstream: Origin.ok(), also: [issuer.origin])
        let source = ["source": issuer.url]
        let page = try gateway.metrics()
        #expect(page["slidegate_key_set_keys", source] == 1)
        #expect(try #require(page["slidegate_key_set_age_seconds", source]) <= 2)
        #expect(try #require(page["slidegate_key_set_fetches_total", ["source": issuer.url, "result": "ok"]]) >= 1)
        #expect(page["slidegate_key_set_fetches_total", ["source": issuer.url, "result": "failed"]] == 0)

        issuer.serve(verbatim: "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        try eventually {
            let page = try gateway.metrics()
            return page.sum("slidegate_key_set_fetches_total", ["result": "failed"]) >= 1
                && (page["slidegate_key_set_age_seconds", source] ?? 0) >= 2
        }
        #expect(try gateway.metrics()["slidegate_key_set_keys", source] == 1)
        #expect(try !gateway.metricsText().contains("tenant"))
    }

    @Test func `a certificate tells when it ends`() throws {
        let page = try MetricsText(try #require(try MonitoredGateway.pages.get()[.tls]))
        let samples = try #require(page.families["slidegate_certificate_expiry_timestamp_seconds"]?.samples)
        try #require(samples.count == 1)
        let (status, said) = try Shell.run("date -d \"$(openssl x509 -noout -enddate -in \(Certificates.path("exact.pem")) | cut -d= -f2)\" +%s")
        #expect(status == 0 && Double(said.trimmingCharacters(in: .whitespacesAndNewlines)) == samples[0].value)
    }
}

/// A line for the shell.
enum Shell {
    static func run(_ line: String) throws -> (status: Int32, said: String) {
        let process = try ChildProcess(["/bin/sh", "-c", line])
        guard case .exited(let status) = try process.waitForExit() else { return (-1, "") }
        try process.waitUntilRead()
        return (status, process.text(of: .output))
    }
}
