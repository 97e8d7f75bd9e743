import Testing

@testable import Authentication

@Suite("When a token is renewed")
struct RenewalDecisionTests {
    /// 1 h tokens, 10 min window, 12 h cap; issued at 1000.
    private let policy = RenewalPolicy(bufferWindow: .seconds(600))
    private let issuedAt: Int64 = 1_000
    private let expiration: Int64 = 4_600

    private func decide(_ policy: RenewalPolicy, now: Int64) -> RenewalDecision {
        policy.decide(expiration: expiration, issuedAt: issuedAt, anchor: issuedAt, now: now)
    }

    @Test func `A token with more than the buffer left is not renewed`() {
        #expect(decide(policy, now: 3_999) == .skip(.notDue))
    }

    @Test func `A token with exactly the buffer left is renewed`() {
        #expect(
            decide(policy, now: 4_000)
                == .renew(Renewal(expiration: 7_600, issuedAt: 4_000, slot: 0, anchor: 1_000, sessionEnd: 44_200)))
    }

    @Test func `In its last second a token is renewed, at its end it is not`() {
        #expect(
            decide(policy, now: 4_599)
                == .renew(Renewal(expiration: 7_600, issuedAt: 4_000, slot: 0, anchor: 1_000, sessionEnd: 44_200)))
        #expect(decide(policy, now: 4_600) == .skip(.expired))
    }

    @Test func `A quantum cuts the window into slots`() {
        var policy = policy
        policy.quantumSeconds = 60
        for (now, slot) in [(4_000, 0), (4_059, 0), (4_060, 1), (4_599, 9)] as [(Int64, Int64)] {
            let start = 4_000 + slot * 60
            #expect(
                decide(policy, now: now)
                    == .renew(Renewal(expiration: start + 3_600, issuedAt: start, slot: slot, anchor: 1_000, sessionEnd: 44_200)))
        }
    }

    @Test func `A percentage is taken of the lifetime`() {
        var policy = policy
        policy.bufferWindow = .percent(25)
        #expect(decide(policy, now: 3_699) == .skip(.notDue))
        guard case .renew(let renewal) = decide(policy, now: 3_700) else { Issue.record("not renewed"); return }
        #expect(renewal.issuedAt == 3_700)
    }

    @Test func `A buffer that is not below the lifetime renews nothing`() {
        var policy = policy
        policy.bufferWindow = .seconds(3_600)
        #expect(decide(policy, now: 4_500) == .skip(.bufferExceedsLifetime))
        policy.bufferWindow = .seconds(3_599)
        guard case .renew = decide(policy, now: 4_500) else { Issue.record("not renewed"); return }
    }

    @Test func `Grace renews a token that expired less than that ago`() {
        var policy = policy
        policy.graceSeconds = 30
        #expect(
            decide(policy, now: 4_629)
                == .renew(Renewal(expiration: 8_200, issuedAt: 4_600, slot: 1, anchor: 1_000, sessionEnd: 44_200)))
        #expect(decide(policy, now: 4_630) == .skip(.expired))
    }

    @Test func `Grace never passes the cap`() {
        var policy = policy
        policy.graceSeconds = 30
        policy.capSeconds = 3_610
        policy.leastGainPercent = 0
        // The session ends at 4610.
        #expect(
            decide(policy, now: 4_605)
                == .renew(Renewal(expiration: 4_610, issuedAt: 4_600, slot: 1, anchor: 1_000, sessionEnd: 4_610)))
        #expect(decide(policy, now: 4_610) == .skip(.expired))
    }

    @Test func `The cap shortens the successor`() {
        var policy = policy
        policy.capSeconds = 5_000
        #expect(
            decide(policy, now: 4_100)
                == .renew(Renewal(expiration: 6_000, issuedAt: 4_000, slot: 0, anchor: 1_000, sessionEnd: 6_000)))
    }

    @Test func `A gain below a tenth of the lifetime is not worth a renewal`() {
        var policy = policy
        policy.capSeconds = 3_959  // gain 359 of 3600
        #expect(decide(policy, now: 4_100) == .skip(.sessionCap))
        policy.capSeconds = 3_960
        guard case .renew(let renewal) = decide(policy, now: 4_100) else { Issue.record("not renewed"); return }
        #expect(renewal.expiration == expiration + 360)
    }

    @Test func `At the cap renewal stops, even with no least gain`() {
        var policy = policy
        policy.leastGainPercent = 0
        policy.capSeconds = 3_600
        #expect(decide(policy, now: 4_100) == .skip(.sessionCap))
        policy.capSeconds = 3_601
        guard case .renew(let renewal) = decide(policy, now: 4_100) else { Issue.record("not renewed"); return }
        #expect(renewal.expiration == expiration + 1)
    }

    @Test func `Without a cap nothing ends the session`() {
        var policy = policy
        policy.capSeconds = nil
        let decision = policy.decide(expiration: expiration, issuedAt: issuedAt, anchor: -1_000_000_000, now: 4_100)
        guard case .renew(let renewal) = decision else { Issue.record("not renewed"); return }
        #expect(renewal.sessionEnd == nil)
        #expect(renewal.expiration == 7_600)
    }

    @Test func `Without an anchor a token is not slid`() {
        #expect(policy.decide(expiration: expiration, issuedAt: nil, anchor: nil, now: 4_100) == .skip(.noAnchor))
    }

    @Test func `A lifetime to inherit needs an iat before exp`() {
        for issuedAt in [nil, 4_600, 4_601] as [Int64?] {
            #expect(
                policy.decide(expiration: expiration, issuedAt: issuedAt, anchor: 1_000, now: 4_100) == .skip(.lifetimeUnknown))
        }
        var fixed = policy
        fixed.lifetime = .fixed(seconds: 1_800)
        guard case .renew(let renewal) = fixed.decide(expiration: expiration, issuedAt: nil, anchor: 1_000, now: 4_100) else {
            Issue.record("not renewed")
            return
        }
        #expect(renewal.expiration == 4_000 + 1_800)
    }

    @Test func `An inherited lifetime is bounded`() {
        var policy = policy
        policy.lifetime = .inherited(maxSeconds: 900)
        guard case .renew(let renewal) = decide(policy, now: 4_100) else { Issue.record("not renewed"); return }
        #expect(renewal.expiration == 4_000 + 900)
    }

    @Test(arguments: [Int64.min, Int64.max, 1 << 50, -(1 << 50)])
    func `Instants beyond any calendar renew nothing and trap nothing`(_ instant: Int64) {
        #expect(policy.decide(expiration: instant, issuedAt: 1, anchor: 1, now: 100) == .skip(.lifetimeUnknown))
        #expect(policy.decide(expiration: 4_600, issuedAt: 1, anchor: instant, now: 100) == .skip(.lifetimeUnknown))
        #expect(policy.decide(expiration: 4_600, issuedAt: 1, anchor: 1, now: instant) == .skip(.lifetimeUnknown))
        _ = policy.decide(expiration: 4_600, issuedAt: instant, anchor: 1, now: 4_500)
    }

    @Test func `Policy durations out of range trap nothing`() {
        for extreme in [Int64.min, -1, 0, Int64.max] {
            let policy = RenewalPolicy(
                lifetime: .fixed(seconds: extreme), bufferWindow: .seconds(extreme), quantumSeconds: extreme,
                capSeconds: extreme, graceSeconds: extreme)
            _ = policy.decide(expiration: 4_600, issuedAt: 1_000, anchor: 1_000, now: 4_599)
            let inherited = RenewalPolicy(
                lifetime: .inherited(maxSeconds: extreme), bufferWindow: .percent(Int(extreme)), quantumSeconds: extreme)
            _ = inherited.decide(expiration: 4_600, issuedAt: 1_000, anchor: 1_000, now: 4_599)
        }
    }

    // MARK: Properties

    @Test func `All instants of one slot ask for one successor, at every scale`() {
        var generator = SeededGenerator(seed: 1)
        for scale in [10, 60, 3_600, 86_400, 30 * 86_400] as [Int64] {
            for _ in 0..<2_000 {
                let policy = Self.randomPolicy(scale: scale, using: &generator)
                let token = Self.randomToken(scale: scale, using: &generator)
                let now = token.expiration - .random(in: -2...scale, using: &generator)
                guard case .renew(let renewal) = policy.decide(token, now: now) else { continue }
                #expect(renewal.issuedAt <= now)
                #expect(renewal.expiration > token.expiration)
                #expect(renewal.expiration > now)
                if let end = renewal.sessionEnd { #expect(renewal.expiration <= end) }
                // From the slot's beginning on, everyone says the same.
                let other = Int64.random(in: renewal.issuedAt...now, using: &generator)
                #expect(policy.decide(token, now: other) == .renew(renewal))
                // What came before the slot says something else.
                #expect(policy.decide(token, now: renewal.issuedAt - 1) != .renew(renewal))
            }
        }
    }

    @Test func `A chain of successors never passes the cap`() {
        var generator = SeededGenerator(seed: 2)
        var renewals = 0
        for scale in [10, 60, 3_600, 86_400, 14 * 86_400] as [Int64] {
            for _ in 0..<200 {
                var policy = Self.randomPolicy(scale: scale, using: &generator)
                let cap = Int64.random(in: scale...20 * scale, using: &generator)
                policy.capSeconds = cap
                var token = Self.randomToken(scale: scale, using: &generator)
                let end = max(token.expiration, token.anchor + cap)
                var now = token.issuedAt
                while now < token.anchor + 30 * scale {
                    if case .renew(let renewal) = policy.decide(token, now: now) {
                        token = Token(expiration: renewal.expiration, issuedAt: renewal.issuedAt, anchor: token.anchor)
                        renewals += 1
                    }
                    #expect(token.expiration <= end)
                    now += .random(in: 1...max(1, scale / 3), using: &generator)
                }
            }
        }
        #expect(renewals > 1_000)
    }

    @Test func `Who comes back within the idle time never loses the session before its cap`() {
        var generator = SeededGenerator(seed: 3)
        for scale in [20, 3_600, 14 * 86_400] as [Int64] {
            for _ in 0..<200 {
                let buffer = Int64.random(in: 2...scale / 2, using: &generator)
                let quantum = Int64.random(in: 1...buffer, using: &generator)
                let policy = RenewalPolicy(
                    bufferWindow: .seconds(buffer), quantumSeconds: quantum, capSeconds: 50 * scale, leastGainPercent: 0)
                var token = Token(expiration: 1_000_000 + scale, issuedAt: 1_000_000, anchor: 1_000_000)
                let idle = min(buffer, scale - quantum)
                var now = token.issuedAt
                while now < 1_000_000 + 50 * scale - scale {
                    #expect(now < token.expiration)
                    if case .renew(let renewal) = policy.decide(token, now: now) {
                        token = Token(expiration: renewal.expiration, issuedAt: renewal.issuedAt, anchor: token.anchor)
                    }
                    now += .random(in: 1...max(1, idle - 1), using: &generator)
                }
            }
        }
    }

    private static func randomPolicy(scale: Int64, using generator: inout SeededGenerator) -> RenewalPolicy {
        RenewalPolicy(
            lifetime: Bool.random(using: &generator) ? .inherited(maxSeconds: scale * 2) : .fixed(seconds: scale),
            bufferWindow: Bool.random(using: &generator)
                ? .seconds(.random(in: 1...scale, using: &generator)) : .percent(.random(in: 1...99, using: &generator)),
            quantumSeconds: Bool.random(using: &generator) ? nil : .random(in: 1...scale, using: &generator),
            capSeconds: Bool.random(using: &generator) ? nil : .random(in: 1...scale * 4, using: &generator),
            leastGainPercent: .random(in: 0...100, using: &generator),
            graceSeconds: Bool.random(using: &generator) ? 0 : .random(in: 0...scale, using: &generator))
    }

    private static func randomToken(scale: Int64, using generator: inout SeededGenerator) -> Token {
        let issuedAt = Int64.random(in: 1_000_000...2_000_000_000, using: &generator)
        return Token(
            expiration: issuedAt + .random(in: 1...scale, using: &generator), issuedAt: issuedAt,
            anchor: issuedAt - .random(in: 0...scale, using: &generator))
    }
}

private struct Token {
    var expiration: Int64
    var issuedAt: Int64
    var anchor: Int64
}

extension RenewalPolicy {
    fileprivate func decide(_ token: Token, now: Int64) -> RenewalDecision {
        decide(expiration: token.expiration, issuedAt: token.issuedAt, anchor: token.anchor, now: now)
    }
}
