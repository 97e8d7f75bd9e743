import JOSE
import Sessions
import Testing

/// What clients hold, told without counters: the refresh tokens of one login in the order in which they were handed out.
private struct TokenHistory {
    /// Each is the number of the refresh that it came from; the last one is the one to use.
    var tokens = [0]
    var handedOutAt: NumericDate
    var isEnded = false
    var expiresAt: NumericDate
    let endsAt: NumericDate?
    let rules: SessionRules

    init(_ rules: SessionRules, at now: NumericDate) {
        self.rules = rules
        handedOutAt = now
        endsAt =
            switch rules.expiry {
            case .fixed: now + rules.refreshSeconds
            case .sliding: nil
            case .slidingWithCap(let cap): now + cap
            }
        expiresAt = endsAt.map { min($0, now + rules.refreshSeconds) } ?? now + rules.refreshSeconds
    }

    /// What is to come of presenting the token at `index`.
    mutating func present(_ index: Int, at now: NumericDate) -> Refreshment {
        if isEnded { return .ended }
        if now >= expiresAt { return .expired }
        switch tokens.count - 1 - index {
        case 0:
            if rules.rotates {
                tokens.append(tokens.count)
                handedOutAt = now
            }
            let full = now + rules.refreshSeconds
            expiresAt = endsAt.map { min($0, full) } ?? full
            return .rotated
        case 1 where now.seconds - handedOutAt.seconds <= rules.graceSeconds: return .replayed
        default:
            isEnded = true
            return .reuseDetected
        }
    }
}

@Suite("Refresh-token families, whatever happens to them")
struct FamilyPropertyTests {
    private func rules(_ generator: inout SeededGenerator) -> SessionRules {
        let lifetime = Int64.random(in: 1...2000, using: &generator)
        let expiry: SessionRules.Expiry =
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: .fixed
            case 1: .sliding
            default: .slidingWithCap(capSeconds: .random(in: 1...6000, using: &generator))
            }
        return SessionRules(
            refreshSeconds: lifetime, expiry: expiry, rotates: Int.random(in: 0..<5, using: &generator) > 0,
            graceSeconds: [0, 1, 10, 60].randomElement(using: &generator) ?? 0)
    }

    /// 400 histories of up to 60 events each: clients that present this or that token they were once given, logouts, and a
    /// clock that jumps, sometimes backwards.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `a family is what its history says`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        for _ in 0..<10 {
            let rules = rules(&generator)
            var now = start
            var session = try Session.sample(rules: rules, at: now)
            var history = TokenHistory(rules, at: now)
            for _ in 0..<60 {
                now = now + Int64(
                    [0, 0, 1, .random(in: 0...30, using: &generator), .random(in: 0...900, using: &generator), .random(in: -90 ... -1, using: &generator)]
                        .randomElement(using: &generator) ?? 0)
                if Int.random(in: 0..<80, using: &generator) == 0 {
                    expect(!history.isEnded, session.end(.logout, now: now))
                    history.isEnded = true
                }
                // Mostly what clients do who behave, sometimes what they do not.
                let age = [0, 0, 0, 0, 1, 1, .random(in: 0..<history.tokens.count, using: &generator)].randomElement(using: &generator) ?? 0
                let index = max(0, history.tokens.count - 1 - age)
                let before = session
                let refreshment = session.refresh(UInt32(index), at: now, rules: rules)
                expect(history.present(index, at: now), refreshment)
                check(before, refreshment, session, history, rules, now)
            }
        }
    }

    private func check(
        _ before: Session, _ refreshment: Refreshment, _ after: Session, _ history: TokenHistory, _ rules: SessionRules, _ now: NumericDate
    ) {
        #expect(after.counter == UInt32(history.tokens.count - 1))
        #expect((after.end != nil) == history.isEnded)
        #expect(after.expiresAt == history.expiresAt)
        if let endsAt = after.endsAt { #expect(after.expiresAt <= endsAt) }
        #expect(after.endsAt == before.endsAt)
        if before.end != nil { #expect(after == before) }
        switch refreshment {
        case .rotated: #expect(after.lastUsedAt == now && after.isAlive(at: now) == (now < after.expiresAt))
        case .reuseDetected: #expect(!after.isAlive(at: now))
        case .replayed, .expired, .ended: #expect(after == before)
        }
        // Of all tokens that were handed out, at most one makes another, and none does when the session is over.
        let good = history.tokens.filter { token in
            var trial = after
            return trial.refresh(UInt32(token), at: now, rules: rules) == .rotated
        }
        #expect(good == (after.isAlive(at: now) ? [history.tokens.count - 1] : []))
        // And nothing brings it back: once it has ended or expired, no instant from then on does.
        for later in [0, 1, 1_000_000] as [Int64] where !after.isAlive(at: now) {
            var trial = after
            let late = trial.refresh(after.counter, at: now + later, rules: rules)
            #expect(late == (after.end != nil ? .ended : .expired))
        }
    }

    /// A client that loses an answer now and then, and asks again within the grace, never loses its session.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `lost answers end nothing`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let rules = SessionRules(refreshSeconds: 1000, graceSeconds: 10)
        var now = start
        var session = try Session.sample(rules: rules)
        var held: UInt32 = 0
        for _ in 0..<1000 {
            now = now + .random(in: 0...600, using: &generator)
            var patience: Int64 = 10
            while true {
                let refreshment = session.refresh(held, at: now, rules: rules)
                #expect(refreshment == .rotated || refreshment == .replayed)
                guard Int.random(in: 0..<3, using: &generator) == 0, patience > 0 else { break }
                let pause = Int64.random(in: 0...patience, using: &generator)
                patience -= pause
                now = now + pause
            }
            #expect(session.counter == held + 1)
            held = session.counter
        }
    }

    /// However a stolen token is used beside the client's own, the two cannot both go on for longer than the grace.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a thief and a client end up logged out`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed)
        let rules = SessionRules(refreshSeconds: 100_000, graceSeconds: 10)
        var now = start
        var session = try Session.sample(rules: rules)
        var held: [UInt32] = [0, 0]  // the client's and the thief's
        var rounds = 0
        while session.end == nil {
            rounds += 1
            try #require(rounds < 100)
            now = now + .random(in: 11...600, using: &generator)
            let who = Int.random(in: 0..<2, using: &generator)
            if session.refresh(held[who], at: now, rules: rules) == .rotated { held[who] = session.counter }
        }
        #expect(session.end?.reason == .reuse)
        #expect(held[0] != held[1])
        for counter in 0...session.counter {
            expect(.ended, session.refresh(counter, at: now, rules: rules))
        }
    }
}
