import Bytes
import ProxyProtocol
import Testing

@testable import Throttling

private func key(_ text: String) -> ClientKey { ClientKey(IPAddress(Array(text.utf8).span)!) }

@Suite("What counts as one client")
struct ClientKeyTests {
    @Test func `is an IPv4 address`() {
        #expect(key("192.0.2.1") != key("192.0.2.2"))
        #expect(key("::ffff:192.0.2.1") == key("192.0.2.1"))
    }

    @Test func `is the first half of an IPv6 address`() {
        #expect(key("2001:db8::1") == key("2001:db8::ffff:ffff:ffff:ffff"))
        #expect(key("2001:db8::1") != key("2001:db8:0:1::1"))
        #expect(key("::1") != key("0.0.0.1"))
    }
}

@Suite("Connections of each client")
struct ClientCountsTests {
    @Test func `are counted up and down`() {
        let counts = ClientCounts()
        #expect((1...5).map { _ in counts.add(key("192.0.2.1")) } == [1, 2, 3, 4, 5])
        #expect(counts.add(key("192.0.2.2")) == 1)
        for _ in 1...5 { counts.remove(key("192.0.2.1")) }
        #expect(counts.add(key("192.0.2.1")) == 1)
    }

    @Test func `of other clients make hardly any difference, and never too low a count`() {
        let counts = ClientCounts()
        for client in 0..<20_000 { _ = counts.add(ClientKey(.ipv4(UInt32(client)))) }
        let found = (0..<20_000).map { counts.add(ClientKey(.ipv4(UInt32($0)))) - 2 }
        #expect(found.allSatisfy { $0 >= 0 })
        #expect(found.count { $0 > 1 } < 400)
    }
}

@Suite("Failures of each client")
struct FailureBucketsTests {
    private let rate = Rate(count: 20, periodMilliseconds: 60_000)

    @Test func `are borne as often as the rate says, and then one by one`() {
        let buckets = FailureBuckets()
        let client = key("192.0.2.1")
        for failure in 0..<20 {
            #expect(buckets.wait(client, rate, now: 1000) == 0, "\(failure)")
            buckets.note(client, rate, now: 1000)
        }
        #expect(buckets.wait(client, rate, now: 1000) == 3000)
        #expect(buckets.wait(client, rate, now: 3999) == 1)
        #expect(buckets.wait(client, rate, now: 4000) == 0)
        buckets.note(client, rate, now: 4000)
        #expect(buckets.wait(client, rate, now: 4000) == 3000)
        #expect(buckets.wait(client, rate, now: 64_000) == 0)
    }

    @Test func `more of them do not lengthen the wait`() {
        let buckets = FailureBuckets()
        for _ in 0..<1000 { buckets.note(key("192.0.2.1"), rate, now: 5) }
        #expect(buckets.wait(key("192.0.2.1"), rate, now: 5) == 3000)
    }

    @Test func `of one client are not held against another`() {
        let buckets = FailureBuckets()
        for _ in 0..<100 { buckets.note(key("192.0.2.1"), rate, now: 5) }
        #expect(buckets.wait(key("192.0.2.2"), rate, now: 5) == 0)
        #expect(buckets.wait(key("2001:db8::1"), rate, now: 5) == 0)
    }

    @Test func `of one who is at it are remembered while a few from many addresses come in`() {
        let buckets = FailureBuckets()
        let once = Rate(count: 20, periodMilliseconds: 60_000)
        for _ in 0..<20 { buckets.note(key("192.0.2.1"), once, now: 5) }
        for client in 0..<100_000 { buckets.note(ClientKey(.ipv4(UInt32(client))), once, now: 5) }
        #expect(buckets.wait(key("192.0.2.1"), once, now: 5) > 0)
        for client in 200_000..<201_000 { #expect(buckets.wait(ClientKey(.ipv4(UInt32(client))), once, now: 5) == 0) }
    }

    @Test func `a rate of one a period is kept`() {
        let buckets = FailureBuckets()
        let rate = Rate(count: 1, periodMilliseconds: 1000)
        #expect(buckets.wait(key("::1"), rate, now: 7) == 0)
        buckets.note(key("::1"), rate, now: 7)
        #expect(buckets.wait(key("::1"), rate, now: 7) == 1000)
        #expect(buckets.wait(key("::1"), rate, now: 1007) == 0)
    }
}

@Suite("A minimum rate")
struct MinimumRateTests {
    @Test(arguments: [(0, 5000), (1, 5004), (239, 5995), (240, 6000), (2400, 15_000), (1 << 62, 86_400_000), (.max, 86_400_000)] as [(Int, Int64)])
    func `begins to count behind the grace`(_ bytes: Int, _ deadline: Int64) {
        #expect(MinimumRate(bytesPerSecond: 240, graceMilliseconds: 5000).deadline(after: bytes) == deadline)
    }

    @Test func `of none waits for other limits`() { #expect(MinimumRate.none.deadline(after: 0) == 86_400_000) }
}

@Suite("Pressure")
struct PressureTests {
    @Test func `rises at seven eighths and at the bound, and falls later than it rose`() {
        var pressure = Pressure(bytesMax: 800)
        let steps: [(Int, Pressure.Level)] = [
            (0, .none), (699, .none), (700, .high), (799, .high), (600, .high), (599, .none), (800, .full), (5000, .full),
            (700, .full), (699, .high), (600, .high), (599, .none), (650, .none),
        ]
        for (bytes, level) in steps {
            pressure.update(bytes: bytes)
            #expect(pressure.level == level, "\(bytes)")
        }
    }
}
