import Testing

@testable import Configuration

@Suite("Several servers")
struct BalancingTests {
    private func read(_ upstream: String) throws -> Configuration.Upstream {
        try Configuration(yaml: Sample.yaml("upstream: \(upstream)"), file: "f.yaml").upstreams[0]
    }

    @Test func `have weights, backups and limits`() throws {
        let upstream = try read(
            "{ servers: [ a:1, { address: b:1, weight: 0 }, { address: c:1, backup: true, connections: 30, weight: 7 } ] }")
        #expect(upstream.servers.map(\.weight) == [1, 0, 7])
        #expect(upstream.servers.map(\.isBackup) == [false, false, true])
        #expect(upstream.servers.map(\.connectionsMax) == [nil, nil, 30])
    }

    @Test(arguments: [
        ("round_robin", Configuration.Upstream.Balance.roundRobin), ("least_requests", .leastRequests),
        ("{ hash: { header: X-User } }", .header("x-user")), ("{ hash: { claim: sub } }", .claim("sub")),
    ])
    func `are balanced by a word or a key`(_ text: String, _ balance: Configuration.Upstream.Balance) throws {
        #expect(try read("{ servers: [ a:1, b:1 ], balance: \(text) }").balance == balance)
    }

    @Test(arguments: [
        "{ hash: sub }", "{ hash: {} }", "{ hash: { header: a, claim: b } }", "{ hash: { header: \"a b\" } }", "{}", "hash", "[]",
        "{ hash: { cookie: a } }",
    ])
    func `are balanced by nothing else`(_ text: String) {
        #expect(errors(Sample.yaml("upstream: { servers: [ a:1, b:1 ], balance: \(text) }")).count == 1)
    }

    @Test func `a request is tried again on another server by default, and with one server not at all`() throws {
        #expect(try read("{ servers: [ a:1, b:1 ] }").retries.attempts == 1)
        #expect(try read("{ servers: [ a:1 ] }").retries.attempts == 0)
        #expect(try read("a:1").retries.attempts == 0)
        #expect(try read("{ servers: [ a:1, b:1 ], retries: none }").retries.attempts == 0)
        let retries = try read("{ servers: [ a:1 ], retries: { attempts: 3, on: timeout, budget: 0%, total_timeout: 1s } }").retries
        #expect(retries.attempts == 3 && retries.conditions == [.timeout] && retries.budgetPercent == 0)
        #expect(retries.totalTimeout == .seconds(1) && retries.tryTimeout == nil)
    }

    @Test func `are put aside by what health says`() throws {
        let ejection = try read(
            "{ servers: [ a:1, b:1 ], health: { eject_after_failures: none, eject_for: 1s, max_ejected: 100%, eject_statuses: [ 500, 503 ] } }").ejection
        #expect(ejection.failures == 0 && ejection.time == .seconds(1) && ejection.shareMaxPercent == 100)
        #expect(ejection.statuses == [500, 503])
        #expect(try read("{ servers: [ a:1, b:1 ] }").ejection == Configuration.Upstream.Ejection())
    }

    @Test(arguments: [
        "servers: [ { address: a:1, weight: 0 } ]", "servers: [ { address: a:1, backup: true } ]",
        "servers: a:1, health: { eject_for: 1h, eject_for_max: 1m }", "servers: a:1, health: { eject_statuses: [ 404 ] }",
        "servers: a:1, queue: { size: -1 }", "servers: a:1, retries: { on: [ timeout, timeout ] }", "servers: a:1, slow_start: 2h",
    ])
    func `that can do nothing, or contradict themselves, are refused`(_ text: String) {
        #expect(errors(Sample.yaml("upstream: { \(text) }")).count == 1)
    }

    @Test func `settings without effect are pointed out`() throws {
        for text in ["balance: least_requests", "slow_start: 1s", "queue: { size: 1 }"] {
            #expect(try warnings(Sample.yaml("upstream: { servers: a:1, \(text) }")).count == 1, "\(text)")
        }
    }
}
