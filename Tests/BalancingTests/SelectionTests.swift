import Balancing
import Testing

@Suite("Round robin")
struct RoundRobinTests {
    @Test func `gives each server its share exactly, and mixes them evenly`() {
        var group = group(5, 1, 1)
        #expect((0..<7).map { _ in group.serve() } == [0, 0, 1, 0, 2, 0, 0])
        #expect(group.shares(of: 7_000) == [5_000, 1_000, 1_000])
    }

    @Test func `begins elsewhere in each worker`() {
        let first = (0..<4).map { offset in
            var group = group(1, 1, 1, 1, offset: offset)
            return group.serve()
        }
        #expect(Set(first).count == 4)
    }

    @Test func `passes a drained server over`() {
        var group = group(1, 0, 1)
        #expect(group.shares(of: 100) == [50, 0, 50])
    }

    @Test func `gives a server that was away no more than its share when it is back`() {
        var group = group(1, 1)
        _ = group.checked(1, passes: false, now: 0)
        #expect(group.shares(of: 100) == [100, 0])
        _ = group.checked(1, passes: true, now: 0)
        #expect(group.shares(of: 100) == [50, 50])
    }

    @Test func `passes over servers that have failed the request, unless there is no other`() {
        var group = group(1, 1)
        var tried = ServerSet()
        tried.insert(0)
        #expect((0..<4).map { _ in group.pick(tried: tried) } == [1, 1, 1, 1])
        tried.insert(1)
        #expect(group.pick(tried: tried) >= 0)
    }
}

@Suite("Least requests")
struct LeastRequestsTests {
    @Test func `goes to the server with the fewest under way`() {
        var group = group(1, 1, 1, balance: .leastRequests)
        let first = (0..<3).map { _ in group.pick() }
        #expect(Set(first) == [0, 1, 2])
        group.ended(1)
        #expect(group.pick() == 1)
    }

    @Test func `counts requests against weights`() {
        var group = group(3, 1, balance: .leastRequests)
        for _ in 0..<400 { _ = group.pick() }
        #expect(group.members.map(\.active) == [300, 100])
    }

    @Test func `lets idle servers share by weight, one request after the other`() {
        var group = group(3, 1, balance: .leastRequests)
        #expect(group.shares(of: 400) == [300, 100])
    }

    @Test func `keeps a slow server from getting more than it ends`() {
        var group = group(1, 1, balance: .leastRequests)
        var counts = [0, 0]
        for _ in 0..<1000 {
            let index = group.pick()
            counts[index] += 1
            if index == 1 || group.members[0].active > 10 { group.ended(index) }
        }
        #expect(counts[0] < 20)
    }
}

@Suite("Keys")
struct KeyedTests {
    private let keys = (0..<20_000).map { KeyHash.hash(Array("user-\($0)".utf8).span) }

    private func owners(_ group: ServerGroup, now: Int64 = 0) -> [Int] {
        var group = group
        return keys.map { group.serve(key: $0, now: now) }
    }

    @Test func `go to the same server in every worker`() {
        #expect(owners(group(1, 1, 1, balance: .keyed, offset: 1)) == owners(group(1, 1, 1, balance: .keyed, offset: 2)))
    }

    @Test func `hash to the same numbers everywhere`() {
        // A change of these numbers, which were worked out elsewhere, moves every key of every installation.
        #expect(KeyHash.hash([UInt8]().span) == 0xC381_7C01_6BA4_FF30)
        #expect(keys[0] == 0xB503_C3A1_BE9B_317C)
        #expect(owners(group(1, 1, 1, balance: .keyed)).prefix(12) == [2, 1, 1, 2, 1, 2, 0, 0, 2, 0, 2, 1])
    }

    @Test func `spread by weight`() {
        let counts = owners(group(1, 2, 5, balance: .keyed)).reduce(into: [0, 0, 0]) { $0[$1] += 1 }
        for (count, share) in zip(counts, [1.0 / 8, 2.0 / 8, 5.0 / 8]) {
            #expect(abs(Double(count) / Double(keys.count) - share) < 0.015, "\(counts)")
        }
    }

    @Test(arguments: 0..<5)
    func `move only when their server leaves, and come back with it`(_ leaving: Int) {
        var five = group(1, 2, 3, 1, 1, balance: .keyed)
        let before = owners(five)
        _ = five.checked(leaving, passes: false, now: 0)
        let during = owners(five)
        for (old, new) in zip(before, during) {
            if old == leaving { #expect(new != leaving) } else { #expect(new == old) }
        }
        _ = five.checked(leaving, passes: true, now: 0)
        #expect(owners(five) == before)
    }

    @Test func `of a server that leaves spread over all others`() {
        var four = group(1, 1, 1, 1, balance: .keyed)
        let before = owners(four)
        _ = four.checked(0, passes: false, now: 0)
        var gained = [0, 0, 0, 0]
        for (old, new) in zip(before, owners(four)) where old == 0 { gained[new] += 1 }
        for count in gained.dropFirst() { #expect(count > keys.count / 16, "\(gained)") }
    }

    @Test func `move only to a server whose weight grows`() {
        for (old, new) in zip(owners(group(1, 1, 1, balance: .keyed)), owners(group(1, 2, 1, balance: .keyed)))
        where old != new { #expect(new == 1) }
    }

    @Test func `go elsewhere while their server has all it may take`() {
        var group = group(1, 1, balance: .keyed, requestsMax: 1)
        let owner = group.pick(key: 7)
        #expect(group.pick(key: 7) == 1 - owner)
        #expect(group.pick(key: 7) == -1)
    }

    @Test func `that are missing go where there is least to do`() {
        var group = group(1, 1, balance: .keyed)
        #expect(Set([group.pick(), group.pick()]) == [0, 1])
    }
}

@Suite("Limits and backups")
struct LimitTests {
    @Test func `a server takes as many requests as it may, and then there is no room`() {
        var group = group(1, 1, requestsMax: 2)
        #expect((0..<4).map { _ in group.pick() }.sorted() == [0, 0, 1, 1])
        #expect(group.pick() == -1)
        group.ended(1)
        #expect(group.pick() == 1)
    }

    @Test func `backup servers take requests only while no other can`() {
        var group = group(1, 1, 1, backup: [2])
        #expect(group.shares(of: 100)[2] == 0)
        _ = group.checked(0, passes: false, now: 0)
        #expect(group.shares(of: 100) == [0, 100, 0])
        _ = group.checked(1, passes: false, now: 0)
        #expect(group.shares(of: 100) == [0, 0, 100])
        _ = group.checked(1, passes: true, now: 0)
        #expect(group.shares(of: 100) == [0, 100, 0])
    }

    @Test func `a backup takes a request that every other server has failed`() {
        var group = group(1, 1, 1, backup: [2])
        var tried = ServerSet()
        for _ in 0..<2 {
            guard case .server(let index, _) = group.select(tried: tried, now: 0) else { return #expect(Bool(false)) }
            #expect(index < 2)
            tried.insert(index)
        }
        #expect(group.select(tried: tried, now: 0) == .server(2, isTrial: false))
        tried.insert(2)  // then one of the others again
        guard case .server(let index, _) = group.select(tried: tried, now: 0) else { return #expect(Bool(false)) }
        #expect(index < 2)
    }

    @Test func `a busy server is not replaced by its backup`() {
        var group = group(1, 1, backup: [1], requestsMax: 1)
        #expect(group.pick() == 0)
        #expect(group.pick() == -1)
    }

    @Test func `without a server that is up there is none`() {
        var group = group(1, 1)
        for index in 0..<2 { _ = group.checked(index, passes: false, now: 0) }
        #expect(group.pick() == -2)
    }
}

@Suite("Slow start")
struct SlowStartTests {
    @Test func `a server that is back gets its share little by little`() {
        var group = group(1, 1, slowStart: 10_000)
        #expect(group.shares(of: 100) == [50, 50], "nobody begins slowly when all begin")
        _ = group.checked(1, passes: false, now: 1_000)
        _ = group.checked(1, passes: true, now: 2_000)
        #expect(group.shares(of: 1_100, now: 2_000) == [1_000, 100])
        #expect(group.shares(of: 1_500, now: 7_000) == [1_000, 500])
        #expect(group.shares(of: 1_000, now: 12_000) == [500, 500])
    }

    @Test func `so does one that joins`() {
        var group = group(1, slowStart: 10_000)
        group.update(settings([1, 1], slowStart: 10_000), now: 0)
        #expect(group.shares(of: 1_100, now: 0) == [1_000, 100])
    }

    @Test func `keys follow the share`() {
        var group = group(1, 1, balance: .keyed, slowStart: 10_000)
        _ = group.checked(1, passes: false, now: 0)
        _ = group.checked(1, passes: true, now: 0)
        var counts: [Int] = []
        for now: Int64 in [0, 2_500, 5_000, 10_000] {
            counts.append((0..<10_000).count { group.serve(key: KeyHash.hash([UInt8($0 & 0xFF), UInt8($0 >> 8)].span), now: now) == 1 })
        }
        #expect(counts == counts.sorted() && counts[0] < 1_200 && counts[3] > 4_700, "\(counts)")
    }
}
