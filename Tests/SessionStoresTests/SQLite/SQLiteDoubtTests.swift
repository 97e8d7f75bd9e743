import JOSE
import Sessions
import Testing

@testable import SessionStores

@Suite("SQLite: rotations in doubt after an unclean end")
struct SQLiteDoubtTests {
    let folder: SQLiteFolder
    let rules = SessionRules(graceSeconds: 10)

    init() throws { folder = try SQLiteFolder() }

    /// Two sessions, one of them rotated long before the other, by a gateway that is then gone without closing.
    private func leaveBehind() async throws -> (old: Session, young: Session) {
        let store = try folder.store()
        let sessions = try await store.begin(2)
        _ = try await store.reply(to: .refresh(sessions[0].id, counter: 0, address: "192.0.2.1"), rules: rules)
        store.close()
        let open = try SQLiteSessions(SQLiteFile(path: folder.database), creates: false, busyMilliseconds: 100)
        _ = try SQLitePresence.arrive(in: open, again: nil, now: .start.advanced(bySeconds: 600))
        var revoked: [Revocation] = []
        let request = StoreRequest(
            .refresh(sessions[1].id, counter: 0, address: "192.0.2.1"), rules: rules, now: .start.advanced(bySeconds: 600))
        _ = try open.connection.transaction(writes: true) { () throws(SQLiteFailure) in
            try open.perform(request, revoked: &revoked)
        }
        return (sessions[0], sessions[1])
    }

    @Test func `whoever got no answer may come back with the predecessor, however long it took to open again`() async throws {
        let (old, young) = try await leaveBehind()
        let heard = Heard()
        let now = NumericDate.start.advanced(bySeconds: 5000)
        let store = try folder.store(now: now, hears: heard)
        #expect(heard.remarks == ["it was not closed; the grace of 1 refresh tokens begins anew"])
        let late = now.advanced(bySeconds: 10)
        guard case .refreshed(.replayed, let session) = try await store.reply(
            to: .refresh(young.id, counter: 0, address: ""), rules: rules, now: late)
        else { return #expect(Bool(false)) }
        #expect(session.counter == 1 && session.rotatedAt == now)
        // What was settled before stays so.
        guard case .refreshed(.reuseDetected, _) = try await store.reply(
            to: .refresh(old.id, counter: 0, address: ""), rules: rules, now: late)
        else { return #expect(Bool(false)) }
    }

    @Test func `the new grace ends, too`() async throws {
        let (_, young) = try await leaveBehind()
        let now = NumericDate.start.advanced(bySeconds: 5000)
        let store = try folder.store(now: now)
        guard case .refreshed(.reuseDetected, _) = try await store.reply(
            to: .refresh(young.id, counter: 0, address: ""), rules: rules, now: now.advanced(bySeconds: 11))
        else { return #expect(Bool(false)) }
    }

    @Test func `after a clean end nothing is in doubt`() async throws {
        let store = try folder.store()
        let session = try await store.begin()[0]
        _ = try await store.reply(to: .refresh(session.id, counter: 0, address: ""), rules: rules)
        store.close()
        let heard = Heard()
        let second = try folder.store(now: .start.advanced(bySeconds: 5000), hears: heard)
        #expect(heard.events.isEmpty)
        #expect(try folder.number("SELECT rotated_at FROM session") == NumericDate.start.seconds)
        second.close()
    }

    @Test func `gateways that are alive leave each other's rotations alone`() async throws {
        let store = try folder.store()
        let session = try await store.begin()[0]
        _ = try await store.reply(to: .refresh(session.id, counter: 0, address: ""), rules: rules)
        let heard = Heard()
        let second = try folder.store(now: .start.advanced(bySeconds: 5000), hears: heard)
        #expect(heard.events.isEmpty)
        #expect(try folder.number("SELECT count(*) FROM gateway") == 2)
        second.close()
        #expect(try folder.number("SELECT count(*) FROM gateway") == 1)
        #expect(try folder.number("SELECT rotated_at FROM session") == NumericDate.start.seconds)
    }

    @Test func `a visitor leaves the doubt to gateways`() async throws {
        _ = try await leaveBehind()
        let heard = Heard()
        let visitor = try folder.store(as: .visitor, now: .start.advanced(bySeconds: 5000), hears: heard)
        _ = try await visitor.reply(to: .list(SessionQuery()))
        visitor.close()
        #expect(heard.events.isEmpty)
        #expect(try folder.number("SELECT count(*) FROM gateway") == 1)
    }
}

@Suite("SQLite: until when rotations are settled")
struct SettlementTests {
    private func date(_ seconds: Int64) -> NumericDate { .start.advanced(bySeconds: seconds) }

    @Test func `a store in which nothing rotates writes nothing`() {
        let settlement = Settlement(now: .start)
        #expect(settlement.due(now: date(1_000_000)) == nil)
    }

    @Test func `it follows the present at the distance of the grace, a few seconds at a time`() throws {
        var settlement = Settlement(now: .start)
        for second in 0..<100 {
            settlement.rotated(at: date(Int64(second)), graceSeconds: 10)
            if let instant = settlement.due(now: date(Int64(second))) { settlement.settled(at: instant) }
            #expect(settlement.instant <= max(date(Int64(second) - 10), date(-2)))
            #expect(settlement.instant >= date(Int64(second) - 10 - 2 - Settlement.intervalSeconds))
        }
    }

    @Test func `it comes to rest behind the last rotation`() throws {
        var settlement = Settlement(now: .start)
        settlement.rotated(at: date(3), graceSeconds: 10)
        var writes = 0
        for second in 4..<1000 {
            guard let instant = settlement.due(now: date(Int64(second))) else { continue }
            settlement.settled(at: instant)
            writes += 1
        }
        #expect(settlement.instant > date(3))
        #expect(writes <= 4)
    }
}
