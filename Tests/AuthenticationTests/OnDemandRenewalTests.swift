import Testing

@testable import Authentication

@Suite("Sliding on demand")
struct OnDemandRenewalTests {
    /// Issued at 0, ends at 3600; the window opens at 3000.
    private func decide(_ policy: RenewalPolicy, now: Int64, anchor: Int64 = 0) -> RenewalDecision {
        policy.decide(expiration: 3_600, issuedAt: 0, anchor: anchor, now: now, onDemand: true)
    }

    @Test func `Before the window, slots are counted backwards from it`() {
        let policy = RenewalPolicy(bufferWindow: .seconds(600))
        // Slot -1 begins at 2400, slot -2 at 1800.
        for now in [2_400, 2_999] as [Int64] {
            #expect(decide(policy, now: now) == .renew(Renewal(
                expiration: 6_000, issuedAt: 2_400, slot: -1, anchor: 0, sessionEnd: 43_200)))
        }
        #expect(decide(policy, now: 2_399) == .renew(Renewal(
            expiration: 5_400, issuedAt: 1_800, slot: -2, anchor: 0, sessionEnd: 43_200)))
    }

    @Test func `What gains too little is not due`() {
        let policy = RenewalPolicy(bufferWindow: .seconds(600), quantumSeconds: 1)
        // The least gain is 360 s.
        #expect(decide(policy, now: 0) == .skip(.notDue))
        #expect(decide(policy, now: 359) == .skip(.notDue))
        guard case .renew(let renewal) = decide(policy, now: 360) else {
            Issue.record("a tenth of the lifetime is enough")
            return
        }
        #expect(renewal.expiration == 3_960)
    }

    @Test func `The cap is the same`() {
        let policy = RenewalPolicy(bufferWindow: .seconds(600), capSeconds: 5_000)
        guard case .renew(let renewal) = decide(policy, now: 2_500) else {
            Issue.record("1400 s are a gain")
            return
        }
        #expect(renewal.expiration == 5_000)
        #expect(decide(policy, now: 2_500, anchor: -1_100) == .skip(.sessionCap))
        #expect(decide(policy, now: 2_500, anchor: -2_000) == .skip(.sessionCap))
    }

    @Test func `An ended token is not renewed`() {
        let policy = RenewalPolicy(bufferWindow: .seconds(600))
        #expect(decide(policy, now: 3_599) != .skip(.expired))
        #expect(decide(policy, now: 3_600) == .skip(.expired))
    }

    @Test func `For any token, policy and instant`() {
        var generator = SeededGenerator(seed: 4)
        var (renewed, beforeWindow, skipped) = (0, 0, 0)
        for _ in 0..<20_000 {
            let lifetime = Int64.random(in: 2...1_000_000, using: &generator)
            let buffer = Int64.random(in: 1..<lifetime, using: &generator)
            let issuedAt = Int64.random(in: 0...2_000_000_000, using: &generator)
            let anchor = issuedAt - Int64.random(in: 0...lifetime, using: &generator)
            let expiration = issuedAt + lifetime
            var policy = RenewalPolicy(bufferWindow: .seconds(buffer))
            policy.quantumSeconds = Bool.random(using: &generator) ? nil : .random(in: 1...lifetime, using: &generator)
            policy.capSeconds = Bool.random(using: &generator) ? nil : .random(in: 1...4 * lifetime, using: &generator)
            policy.leastGainPercent = Int.random(in: 0...50, using: &generator)
            let now = Int64.random(in: issuedAt...expiration, using: &generator)
            func decision(_ now: Int64, onDemand: Bool) -> RenewalDecision {
                policy.decide(expiration: expiration, issuedAt: issuedAt, anchor: anchor, now: now, onDemand: onDemand)
            }
            let decided = decision(now, onDemand: true)
            // In the window it is what everyone gets.
            if expiration - now <= buffer { #expect(decided == decision(now, onDemand: false)) }
            guard case .renew(let renewal) = decided else {
                skipped += 1
                continue
            }
            renewed += 1
            if renewal.slot < 0 { beforeWindow += 1 }
            #expect(renewal.issuedAt <= now)
            #expect(renewal.expiration > expiration && renewal.expiration > now)
            #expect(renewal.expiration <= renewal.issuedAt + lifetime)
            if let cap = policy.capSeconds { #expect(renewal.expiration <= anchor + cap) }
            if renewal.slot < 0 {
                #expect((renewal.expiration - expiration) * 100 >= Int64(policy.leastGainPercent) * lifetime)
            }
            // The same in the whole slot.
            let quantum = policy.quantumSeconds ?? buffer
            let end = min(renewal.issuedAt + quantum - 1, expiration - 1)
            for other in [renewal.issuedAt, end] where other >= issuedAt { #expect(decision(other, onDemand: true) == decided) }
        }
        #expect(renewed > 2_000 && beforeWindow > 1_000 && skipped > 2_000)
    }
}
