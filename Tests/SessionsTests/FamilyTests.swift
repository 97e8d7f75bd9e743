import JOSE
import Sessions
import Testing

@Suite("Refresh-token families (RFC 9700 §4.14, semantics §3)")
struct FamilyTests {
    // MARK: Beginning

    @Test func `a session begins with the refresh token of counter 0, used and rotated now`() throws {
        let session = try Session.sample()
        #expect(session.counter == 0)
        #expect(session.end == nil)
        #expect([session.createdAt, session.lastUsedAt, session.rotatedAt] == [start, start, start])
        #expect(session.isAlive(at: start))
    }

    @Test func `a subject is not empty and at most 512 bytes`() throws {
        #expect(throws: SessionError.subjectEmpty) { try Session.sample(subject: "") }
        #expect(throws: SessionError.subjectTooLong(limit: 512)) { try Session.sample(subject: String(repeating: "é", count: 257)) }
        #expect(try Session.sample(subject: String(repeating: "é", count: 256)).subject.utf8.count == 512)
    }

    @Test func `a session belongs to the subject that is written in the same bytes`() throws {
        let session = try Session.sample(subject: "e\u{301}")
        #expect(session.belongs(to: "e\u{301}"))
        for other in ["é", "e", "E\u{301}", "e\u{301} ", "e\u{301}\0", ""] { #expect(!session.belongs(to: other)) }
    }

    @Test(arguments: ["", "[]", "null", "1", "{", "{} ", " {}", "{}{}", #"{"a":1,"a":2}"#, "{\"a\":\"\u{1}\"}", #"{"a":[[[[[[[[1]]]]]]]]}"#])
    func `claims are one JSON object and nothing around it`(_ claims: String) {
        #expect(throws: SessionError.claimsNotAnObject) { try Session.sample(claims: claims) }
    }

    @Test func `claims are at most 4096 bytes`() throws {
        func claims(_ count: Int) -> String { "{\"a\":\"\(String(repeating: "x", count: count - 8))\"}" }
        #expect(try Session.sample(claims: claims(4096)).claims.count == 4096)
        #expect(throws: SessionError.claimsTooLong(limit: 4096)) { try Session.sample(claims: claims(4097)) }
    }

    @Test func `labels are cut between two scalars, and empty ones are none`() throws {
        let long = String(repeating: "x", count: 255) + "éy"
        let device = Session.Device(id: "", name: long, application: String(repeating: "a", count: 256))
        #expect(device.id == nil)
        #expect(device.name == String(repeating: "x", count: 255))
        #expect(device.application?.utf8.count == 256)
        #expect(SessionLimits.label(String(repeating: "😀", count: 99)) == String(repeating: "😀", count: 64))
        #expect(SessionLimits.label("xyz" + String(repeating: "😀", count: 99)) == "xyz" + String(repeating: "😀", count: 63))
        var session = try Session.sample(address: long)
        #expect(session.address.utf8.count == 255)
        _ = session.refresh(0, from: long + long, rules: SessionRules(), now: start)
        #expect(session.address.utf8.count == 255)
    }

    // MARK: What a counter is good for

    /// At counter 5, rotated 60 s ago with a grace of 10 s.
    @Test(arguments: [
        (5, Refreshment.rotated), (4, .reuseDetected), (3, .reuseDetected), (0, .reuseDetected), (6, .rotated), (1000, .rotated),
    ] as [(UInt32, Refreshment)])
    func `after the grace only the current one is good`(_ counter: UInt32, _ expected: Refreshment) throws {
        var session = try Session.sample().at(counter: 5)
        expect(expected, session.refresh(counter, at: start + 60))
        #expect(session.counter == (expected == .rotated ? counter + 1 : 5))
        #expect(session.end == (expected == .rotated ? nil : Session.End(date: start + 60, reason: .reuse)))
    }

    /// At counter 5, rotated just now.
    @Test(arguments: [(5, Refreshment.rotated), (4, .replayed), (3, .reuseDetected), (0, .reuseDetected)] as [(UInt32, Refreshment)])
    func `within the grace the immediate predecessor is too, and no older one`(_ counter: UInt32, _ expected: Refreshment) throws {
        var session = try Session.sample().at(counter: 5)
        expect(expected, session.refresh(counter, at: start))
    }

    @Test(arguments: [
        (10, 0, true), (10, 9, true), (10, 10, true), (10, 11, false), (0, 0, true), (0, 1, false), (1, 1, true), (1, 2, false),
        (.max, 600_000, true),
    ] as [(Int64, Int64, Bool)])
    func `the grace holds to its last second`(_ grace: Int64, _ later: Int64, _ isWithin: Bool) throws {
        var session = try Session.sample().at(counter: 1)
        let before = session
        let refreshment = session.refresh(0, at: start + later, rules: SessionRules(graceSeconds: grace))
        #expect(refreshment == (isWithin ? .replayed : .reuseDetected))
        #expect((session == before) == isWithin, "a replay changes nothing")
    }

    @Test func `the grace is counted from the rotation, not from a replay`() throws {
        var session = try Session.sample()
        expect(.rotated, session.refresh(0, at: start + 100))
        expect(.replayed, session.refresh(0, at: start + 109))
        expect(.replayed, session.refresh(0, at: start + 110))
        expect(.reuseDetected, session.refresh(0, at: start + 111))
    }

    @Test func `a clock that was set back makes nobody a thief`() throws {
        var session = try Session.sample()
        expect(.rotated, session.refresh(0, at: start + 3600))
        expect(.replayed, session.refresh(0, at: start))
        expect(.rotated, session.refresh(1, at: start))
        #expect(session.rotatedAt == start)
        #expect(session.expiresAt == start + 7 * 86_400)
        expect(.reuseDetected, session.refresh(0, at: start))
    }

    @Test func `one ahead of what the store knows counts as current`() throws {
        var session = try Session.sample().at(counter: 5)
        expect(.rotated, session.refresh(7, at: start + 60))
        #expect(session.counter == 8)
        expect(.replayed, session.refresh(7, at: start + 60))
        expect(.reuseDetected, session.refresh(6, at: start + 60))
    }

    // MARK: The end

    @Test(arguments: Session.Reason.allCases)
    func `nothing is good once the session has ended`(_ reason: Session.Reason) throws {
        for counter in 0...7 as ClosedRange<UInt32> {
            var session = try Session.sample().at(counter: 5)
            expect(true, session.end(reason, now: start))
            let ended = session
            expect(.ended, session.refresh(counter, at: start))
            #expect(session == ended)
        }
    }

    @Test func `a session ends once, and keeps its first reason`() throws {
        var session = try Session.sample()
        expect(true, session.end(.logout, now: start + 1))
        expect(false, session.end(.revoked, now: start + 2))
        #expect(session.end == Session.End(date: start + 1, reason: .logout))
        #expect(!session.isAlive(at: start + 1))
    }

    @Test func `an expired session is not refreshed, and an old counter does not end it`() throws {
        for counter in 0...3 as ClosedRange<UInt32> {
            var session = try Session.sample().at(counter: 2)
            let before = session
            expect(.expired, session.refresh(counter, at: session.expiresAt))
            #expect(session == before)
        }
        var session = try Session.sample()
        let lastSecond = session.expiresAt + -1
        #expect(session.isAlive(at: lastSecond))
        expect(.rotated, session.refresh(0, at: lastSecond))
    }

    @Test func `behind the last counter there is none`() throws {
        var session = try Session.sample().at(counter: .max - 1)
        expect(.rotated, session.refresh(.max - 1, at: start + 60))
        #expect(session.counter == .max)
        let last = session
        expect(.expired, session.refresh(.max, at: start + 60))
        #expect(session == last)
        expect(.replayed, session.refresh(.max - 1, at: start + 60))
        expect(.rotated, session.refresh(.max, at: start + 60, rules: SessionRules(rotates: false)))
        #expect(session.counter == .max)
        expect(.reuseDetected, session.refresh(.max - 2, at: start + 60))
    }

    // MARK: Policies

    @Test func `fixed: the first end stays`() throws {
        let rules = SessionRules(refreshSeconds: 1000, expiry: .fixed)
        var session = try Session.sample(rules: rules)
        #expect(session.expiresAt == start + 1000)
        #expect(session.endsAt == start + 1000)
        for (counter, second) in [(0, 1), (1, 500), (2, 999)] as [(UInt32, Int64)] {
            expect(.rotated, session.refresh(counter, at: start + second, rules: rules))
            #expect(session.expiresAt == start + 1000)
        }
        expect(.expired, session.refresh(3, at: start + 1000, rules: rules))
    }

    @Test func `sliding: one lifetime from each rotation, without end`() throws {
        let rules = SessionRules(refreshSeconds: 1000, expiry: .sliding)
        var session = try Session.sample(rules: rules)
        #expect(session.endsAt == nil)
        for counter in 0..<100 as Range<UInt32> {
            let now = start + Int64(counter + 1) * 999
            expect(.rotated, session.refresh(counter, at: now, rules: rules))
            #expect(session.expiresAt == now + 1000)
        }
    }

    @Test func `sliding with a cap: one lifetime from each rotation, and never past the cap`() throws {
        let rules = SessionRules(refreshSeconds: 1000, expiry: .slidingWithCap(capSeconds: 2500))
        var session = try Session.sample(rules: rules)
        #expect(session.expiresAt == start + 1000)
        for (counter, second, expiry) in [(0, 900, 1900), (1, 1800, 2500), (2, 2499, 2500)] as [(UInt32, Int64, Int64)] {
            expect(.rotated, session.refresh(counter, at: start + second, rules: rules))
            #expect(session.expiresAt == start + expiry)
        }
        expect(.expired, session.refresh(3, at: start + 2500, rules: rules))
        let short = try Session.sample(rules: SessionRules(refreshSeconds: 1000, expiry: .slidingWithCap(capSeconds: 10)))
        #expect(short.expiresAt == start + 10)
    }

    @Test func `a cap that a session has begun with outlives the configuration`() throws {
        var session = try Session.sample(rules: SessionRules(refreshSeconds: 1000, expiry: .slidingWithCap(capSeconds: 1200)))
        expect(.rotated, session.refresh(0, at: start + 900, rules: SessionRules(refreshSeconds: 1000, expiry: .sliding)))
        #expect(session.expiresAt == start + 1200)
    }

    @Test func `durations beyond all dates end at the last one that tokens can say`() throws {
        for expiry in [.fixed, .sliding, .slidingWithCap(capSeconds: .max)] as [SessionRules.Expiry] {
            let rules = SessionRules(refreshSeconds: .max, expiry: expiry)
            var session = try Session.sample(rules: rules)
            #expect(session.expiresAt.seconds == NumericDate.range.upperBound)
            expect(.rotated, session.refresh(0, at: start + 1, rules: rules))
            #expect(session.expiresAt.seconds == NumericDate.range.upperBound)
        }
    }

    @Test func `rotate false: the refresh token stays and the session goes on`() throws {
        let rules = SessionRules(refreshSeconds: 1000, rotates: false)
        var session = try Session.sample(rules: rules)
        for second in [1, 500, 1400, 2300] as [Int64] {
            expect(.rotated, session.refresh(0, at: start + second, rules: rules))
            #expect(session.counter == 0)
            #expect(session.rotatedAt == start)
            #expect(session.lastUsedAt == start + second)
            #expect(session.expiresAt == start + second + 1000)
        }
    }

    @Test func `rotate false: what had been used up before stays so`() throws {
        var session = try Session.sample().at(counter: 3)
        expect(.reuseDetected, session.refresh(1, at: start + 60, rules: SessionRules(rotates: false)))
    }

    // MARK: How long it is kept

    @Test func `a session is kept until it would have expired, or nobody has to remember its end`() throws {
        let rules = SessionRules(refreshSeconds: 10_000, accessReachSeconds: 4000)
        var session = try Session.sample(rules: rules)
        #expect(session.keptUntil(rules) == start + 10_000)
        var endedLate = session
        session.end(.logout, now: start + 1000)
        #expect(session.keptUntil(rules) == start + 5000)
        endedLate.end(.logout, now: start + 9000)
        #expect(endedLate.keptUntil(rules) == start + 10_000)
    }
}

@Suite("The limit of sessions per subject")
struct SubjectLimitTests {
    private func session(_ low: UInt64, createdAt: Int64 = 0, usedAt: Int64) throws -> Session {
        var session = try Session.sample(SessionID(high: 0, low: low), at: start + createdAt)
        session.lastUsedAt = start + usedAt
        return session
    }

    @Test func `who was used least recently gives way first`() throws {
        let others = [try session(1, usedAt: 30), try session(2, usedAt: 10), try session(3, usedAt: 20)]
        let new = try session(4, usedAt: 40)
        func ended(_ limit: Int?) -> [UInt64] {
            SessionRules(perSubjectMax: limit).givingWay(to: new, among: others, now: start + 40).map(\.id.low)
        }
        #expect(ended(nil) == [])
        #expect(ended(4) == [])
        #expect(ended(3) == [2])
        #expect(ended(2) == [2, 3])
        #expect(ended(1) == [2, 3, 1])
        #expect(ended(0) == [2, 3, 1], "the new one stays")
        #expect(ended(-1) == [2, 3, 1])
    }

    @Test func `ended and expired ones take no room`() throws {
        var ended = try session(1, usedAt: 0)
        ended.end(.logout, now: start)
        var expired = try session(2, usedAt: 0)
        expired.expiresAt = start + 40
        let alive = try session(3, usedAt: 1)
        let new = try session(4, usedAt: 40)
        let rules = SessionRules(perSubjectMax: 2)
        #expect(rules.givingWay(to: new, among: [ended, expired, alive, new], now: start + 40) == [])
    }

    @Test func `of those used in the same second the older one gives way`() throws {
        let others = [try session(1, createdAt: 2, usedAt: 9), try session(2, createdAt: 1, usedAt: 9), try session(3, createdAt: 2, usedAt: 9)]
        let new = try session(4, usedAt: 9)
        #expect(SessionRules(perSubjectMax: 1).givingWay(to: new, among: others, now: start).map(\.id.low) == [2, 1, 3])
    }
}
