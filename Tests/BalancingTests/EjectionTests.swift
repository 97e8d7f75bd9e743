import Balancing
import Testing

@Suite("Ejection of servers that fail")
struct EjectionTests {
    let policy = EjectionPolicy(failuresMax: 3, baseTime: 1_000, timeMax: 8_000, shareMaxPercent: 50)

    @Test func `takes failures in a row`() {
        var group = group(1, 1, ejection: policy)
        for _ in 0..<10 {
            #expect(group.failed(0, isTrial: false, now: 0) == nil)
            #expect(group.failed(0, isTrial: false, now: 0) == nil)
            #expect(group.succeeded(0, isTrial: false, now: 0) == nil)
        }
        _ = group.failed(0, isTrial: false, now: 0)
        _ = group.failed(0, isTrial: false, now: 0)
        #expect(group.failed(0, isTrial: false, now: 0) == .ejected(milliseconds: 1_000))
        #expect(group.shares(of: 10, now: 999) == [0, 10])
        #expect(group.members[0].ejections == 1)
    }

    @Test func `ends with one trial, and its success`() {
        var group = group(1, 1, ejection: policy)
        group.eject(0)
        var trials = 0
        for _ in 0..<10 {
            if case .server(0, let isTrial) = group.select(now: 1_000) {
                #expect(isTrial)
                trials += 1
            }
        }
        #expect(trials == 1)
        #expect(group.succeeded(0, isTrial: true, now: 1_001) == .readmitted)
        group.ended(0)
        #expect(group.shares(of: 10, now: 1_001) == [5, 5])
    }

    @Test func `lasts twice as long after each trial that fails, up to its limit`() {
        var group = group(1, 1, ejection: policy)
        group.eject(0)
        var now: Int64 = 1_000
        for time: Int64 in [2_000, 4_000, 8_000, 8_000] {
            while group.pick(now: now) != 0 {}
            #expect(group.failed(0, isTrial: true, now: now) == .ejected(milliseconds: time))
            group.ended(0)
            #expect(group.shares(of: 10, now: now + time - 1) == [0, 10])
            now += time
        }
    }

    @Test func `begins anew for a server that has done well since`() {
        var group = group(1, 1, ejection: policy)
        group.eject(0)
        while group.pick(now: 1_000) != 0 {}
        _ = group.succeeded(0, isTrial: true, now: 1_000)
        group.eject(0, now: 2_000)
        #expect(group.timeUntilTrial(now: 2_000) == 2_000, "soon again: longer")
        while group.pick(now: 4_000) != 0 {}
        _ = group.succeeded(0, isTrial: true, now: 4_000)
        group.eject(0, now: 13_000)
        #expect(group.timeUntilTrial(now: 13_000) == 1_000)
    }

    @Test func `is not undone by requests that were under way before`() {
        var group = group(1, 1, ejection: policy)
        group.eject(0)
        #expect(group.succeeded(0, isTrial: false, now: 10) == nil)
        #expect(group.failed(0, isTrial: false, now: 10) == nil)
        #expect(group.timeUntilTrial(now: 10) == 990)
    }

    @Test func `whose trial tells nothing has another`() {
        var group = group(1, 1, ejection: policy)
        group.eject(0)
        while group.pick(now: 1_000) != 0 {}
        group.ended(0, trialAbandonedAt: 1_100)
        let next = [group.pick(now: 1_100), group.pick(now: 1_100)]
        #expect(next.contains(0))
    }

    @Test(arguments: [(2, 50, 1), (4, 50, 2), (5, 50, 2), (3, 100, 3), (1, 50, 0), (1, 100, 1), (4, 0, 0)])
    func `never takes more than its share of the servers`(_ count: Int, _ share: Int, _ most: Int) {
        var policy = policy
        policy.shareMaxPercent = share
        var group = ServerGroup(settings([Int](repeating: 1, count: count), ejection: policy))
        for _ in 0..<3 {
            for index in 0..<count { group.eject(index) }
        }
        #expect(group.members.count { $0.isEjected } == most)
    }

    @Test func `off by zero`() {
        var policy = policy
        policy.failuresMax = 0
        var group = group(1, 1, ejection: policy)
        for _ in 0..<100 { #expect(group.failed(0, isTrial: false, now: 0) == nil) }
    }

    @Test func `and active checks must both let a server be used`() {
        var group = group(1, 1, ejection: policy)
        group.eject(0)
        #expect(group.checked(0, passes: true, now: 0) == nil)
        #expect(group.shares(of: 10, now: 0) == [0, 10])
        #expect(group.checked(1, passes: false, now: 0) == .down)
        #expect(group.pick(now: 0) == -2)
        #expect(group.checked(1, passes: true, now: 0) == .up)
    }
}

@Suite("Other settings")
struct UpdateTests {
    @Test func `leave what is known of a server and what it does`() {
        var group = group(1, 1, 1)
        group.eject(2)
        _ = group.pick()
        let active = group.members.map(\.active)
        var next = settings([2, 3, 1])
        next.members.swapAt(0, 2)  // c, b, a
        group.update(next, now: 10)
        #expect(group.members.map(\.active) == [active[2], active[1], active[0]])
        #expect(group.members.map(\.isEjected) == [true, false, false])
        #expect(group.members.map(\.settings.weight) == [1, 3, 2])
    }

    @Test func `without ejection take everyone back`() {
        var group = group(1, 1)
        group.eject(0)
        group.update(settings([1, 1], ejection: EjectionPolicy(failuresMax: 0)), now: 0)
        #expect(group.shares(of: 10) == [5, 5])
    }
}
