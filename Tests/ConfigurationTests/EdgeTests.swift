import ProxyProtocol
import Testing

@testable import Configuration

@Suite("Proxies in front, and limits by client")
struct EdgeTests {
    private func limits(_ text: String) throws -> Configuration.Limits {
        try Configuration(yaml: Sample.yaml("limits: { \(text) }"), file: "f.yaml").limits
    }

    @Test func `trusted proxies are addresses, blocks and unix`() throws {
        let trusted = try Configuration(
            yaml: Sample.yaml("trusted_proxies: [ 10.0.0.0/8, \"::1\", \"fd00::/8\", unix ]"), file: "f.yaml"
        ).trustedProxies
        #expect(trusted.blocks.map(\.description) == ["10.0.0.0/8", "::1/128", "fd00::/8"])
        #expect(trusted.includesUnixSockets)
        #expect(try Configuration(yaml: Sample.yaml(), file: "f.yaml").trustedProxies == .nobody)
    }

    @Test(arguments: [
        ("10.0.0.1/8", "has bits behind its prefix"), ("10.0.0.0/33", "expected a length from 0 to 32"),
        ("\"fe80::1%lo\"", "is no address"), ("proxy.internal", "is no address"), ("[ 10.0.0.0/8, 10.0.0.0/8 ]", "is there twice"),
        ("[]", "no proxy"), ("{ a: b }", "is not allowed here"),
    ])
    func `what is no block is refused`(_ value: String, _ part: String) {
        let lines = diagnostics(Sample.yaml("trusted_proxies: \(value)"))
        #expect(lines.contains { $0.contains(part) && $0.hasPrefix("f.yaml:") }, "\(lines)")
    }

    @Test func `a block with bits behind its prefix is said to mean the block`() {
        #expect(diagnostics(Sample.yaml("trusted_proxies: 10.1.2.3/8")).contains { $0.contains("10.0.0.0/8") })
    }

    @Test func `trusting everybody is warned of`() throws {
        #expect(try warnings(Sample.yaml("trusted_proxies: 0.0.0.0/0")).count == 1)
    }

    @Test func `a PROXY header needs somebody to be trusted`() throws {
        let listeners = "listeners: [ { address: 127.0.0.1:1, proxy_protocol: true }, { address: 127.0.0.1:2 } ]"
        #expect(errors(Sample.yaml(listeners)).map(\.place.path) == ["listeners[0].proxy_protocol"])
        let whole = try Configuration(yaml: Sample.yaml(listeners, "trusted_proxies: 10.0.0.0/8"), file: "f.yaml")
        #expect(whole.listeners.map(\.hasProxyProtocol) == [true, false])
        #expect(errors(Sample.yaml("listeners: [ { address: a:1, proxy_protocol: v1 } ]")).count == 1)
    }

    @Test(arguments: [("v2", true), ("none", false)])
    func `a PROXY header is sent where the file says so`(_ value: String, _ sends: Bool) throws {
        let yaml = Sample.yaml("upstream: { servers: a:1, proxy_protocol: \(value) }")
        #expect(try Configuration(yaml: yaml, file: "f.yaml").upstreams[0].sendsProxyProtocol == sends)
        #expect(errors(Sample.yaml("upstream: { servers: a:1, proxy_protocol: v1 }")).count == 1)
    }

    @Test func `limits by client are off, and what is on says so`() throws {
        let limits = try limits("head: 32KiB")
        #expect(limits.connectionsPerClientMax == nil && limits.requestsMax == nil && limits.failedVerifications == nil)
        #expect(limits.minBytesPerSecond == 240 && limits.minRateGrace == .seconds(5) && limits.memoryBytesMax == 512 << 20)
    }

    @Test func `limits by client are read`() throws {
        let limits = try limits(
            "connections_per_client: 100, requests: 500, failed_verifications: 20/m, min_rate: 1KiB/s, min_rate_grace: 250ms, "
                + "memory: 64MiB")
        #expect(limits.connectionsPerClientMax == 100 && limits.requestsMax == 500)
        #expect(limits.failedVerifications == Configuration.Rate(count: 20, period: .seconds(60)))
        #expect(limits.minBytesPerSecond == 1024 && limits.minRateGrace == .milliseconds(250) && limits.memoryBytesMax == 64 << 20)
        #expect(try self.limits("min_rate: none").minBytesPerSecond == nil)
        #expect(try self.limits("failed_verifications: none, requests: none, connections_per_client: none").requestsMax == nil)
    }

    @Test(arguments: [
        "failed_verifications: 20", "failed_verifications: 20/d", "failed_verifications: 0/m", "failed_verifications: 1001/s",
        "failed_verifications: /m", "failed_verifications: 1/2/s", "failed_verifications: 20/min", "min_rate: 240",
        "min_rate: 240B", "min_rate: 0B/s", "min_rate: fast", "min_rate_grace: 1ms", "memory: 1KiB", "memory: none",
        "connections_per_client: 0", "connections_per_client: many", "requests: -1",
    ])
    func `what is no limit is refused at its place`(_ text: String) {
        let found = errors(Sample.yaml("limits: { \(text) }"))
        #expect(found.map(\.place.path) == ["limits.\(text.prefix { $0 != ":" })"])
        #expect(found.allSatisfy { $0.expected != nil })
    }

    @Test func `near misses are suggested`() {
        #expect(diagnostics(Sample.yaml("limits: { min_rate: 240 }")).contains { $0.contains("240B/s") })
        #expect(diagnostics(Sample.yaml("limits: { failed_verifications: 20/min }")).contains { $0.contains("20/m") })
    }

    @Test func `limits without effect are warned of`() throws {
        #expect(try warnings(Sample.yaml("limits: { connections: 10, connections_per_client: 11 }")).count == 1)
        #expect(try warnings(Sample.yaml("limits: { min_rate: none, min_rate_grace: 1s }")).count == 1)
    }

    @Test func `a route may have a body limit of its own`() throws {
        let routes = "routes: [ { path: /a, body: 1KiB }, { path: /b, body: none }, { path: / } ]"
        let read = try Configuration(yaml: Sample.yaml(routes), file: "f.yaml").routes.map(\.body)
        #expect(read == [.bytes(1024), .none, .asElsewhere])
        #expect(errors(Sample.yaml("routes: [ { path: /, body: much } ]")).map(\.place.path) == ["routes[0].body"])
    }

    @Test func `which fields name the client is a choice`() throws {
        #expect(try Configuration(yaml: Sample.yaml("forwarded: both"), file: "f.yaml").forwarded == .both)
        #expect(errors(Sample.yaml("forwarded: all")).count == 1)
    }
}
