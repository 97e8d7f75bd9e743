import EventLoop
import JOSE
import Sessions
import Testing

@testable import SessionStores

@Suite("SQLite: revocations")
struct SQLiteRevocationTests {
    let folder: SQLiteFolder
    let end = NumericDate.start.advanced(bySeconds: 3600)

    init() throws { folder = try SQLiteFolder() }

    private func has(_ set: RevocationSet, _ target: Revocation.Target) -> Bool { set.contains(target, now: .start) }

    @Test func `one's own are known before the answer`() async throws {
        let revocations = RevocationSet()
        let store = try folder.store(revocations, pollMilliseconds: 1_000_000)
        let session = try await store.begin()[0]
        _ = try await store.reply(to: .revoke(Revocation(.token("j1"), expiresAt: end)))
        #expect(has(revocations, .token("j1")))
        _ = try await store.reply(to: .end(session.id, .logout))
        #expect(has(revocations, .session(session.id.text)))
        _ = try await store.reply(to: .endAll(subject: "ann", except: nil, .logoutEverywhere))
        #expect(has(revocations, .subject("ann", before: .start.advanced(bySeconds: -1))))
        #expect(!has(revocations, .subject("ann", before: .start)))
    }

    @Test func `those of another gateway are known soon, in both directions`() async throws {
        let (here, there) = (RevocationSet(), RevocationSet())
        let (one, other) = (try folder.store(here), try folder.store(there))
        for number in 0..<5 {
            _ = try await one.reply(to: .revoke(Revocation(.token("one \(number)"), expiresAt: end)))
            _ = try await other.reply(to: .revoke(Revocation(.session("other \(number)"), expiresAt: end)))
            try await eventually { has(there, .token("one \(number)")) && has(here, .session("other \(number)")) }
        }
    }

    @Test func `those of a visitor are known soon, and a visitor loads none`() async throws {
        let (served, visited) = (RevocationSet(), RevocationSet())
        let store = try folder.store(served)
        let session = try await store.begin()[0]
        let visitor = try folder.store(as: .visitor, visited)
        _ = try await store.reply(to: .revoke(Revocation(.token("j1"), expiresAt: end)))
        _ = try await visitor.reply(to: .end(session.id, .revoked))
        try await eventually { has(served, .session(session.id.text)) }
        #expect(!has(visited, .token("j1")) && visited.confirmedAt == nil)
    }

    @Test func `all of them are known when a store has been opened`() async throws {
        let store = try folder.store()
        for number in 0..<100 { _ = try await store.reply(to: .revoke(Revocation(.token("\(number)"), expiresAt: end))) }
        let revocations = RevocationSet()
        let before = Instant.current().milliseconds
        let second = try folder.store(revocations, pollMilliseconds: 1_000_000)
        #expect((0..<100).allSatisfy { has(revocations, .token("\($0)")) })
        #expect(try #require(revocations.confirmedAt) >= before)
        second.close()
    }

    @Test func `each look at the database confirms that all is known as of its beginning`() async throws {
        let revocations = RevocationSet()
        let store = try folder.store(revocations)
        let first = try #require(revocations.confirmedAt)
        try await eventually { try #require(revocations.confirmedAt) > first }
        store.close()
        let last = try #require(revocations.confirmedAt)
        #expect(last <= Instant.current().milliseconds)
    }

    @Test func `of two about one name the later holds, whichever was first`() async throws {
        let later = end.advanced(bySeconds: 60)
        let store = try folder.store()
        for (name, dates) in [("up", [end, later]), ("down", [later, end])] {
            for date in dates { _ = try await store.reply(to: .revoke(Revocation(.token(name), expiresAt: date))) }
        }
        let (early, late) = (NumericDate.start, NumericDate.start.advanced(bySeconds: 9))
        for date in [late, early] {
            _ = try await store.reply(to: .revoke(Revocation(.subject("ann", before: date), expiresAt: end)))
        }
        store.close()
        let revocations = RevocationSet()
        let second = try folder.store(revocations)
        for name in ["up", "down"] { #expect(revocations.contains(.token(name), now: later.advanced(bySeconds: -1))) }
        #expect(has(revocations, .subject("ann", before: late)))
        second.close()
    }

    @Test func `asking for the same again and again fills nothing`() async throws {
        let store = try folder.store()
        for _ in 0..<20 { _ = try await store.reply(to: .revoke(Revocation(.token("j1"), expiresAt: end))) }
        #expect(try folder.number("SELECT count(*) FROM revocation") == 1)
        #expect(try folder.number("SELECT max(number) FROM revocation") == 1)
    }

    @Test func `those added after a sweep are still seen by others`() async throws {
        let (here, there) = (RevocationSet(), RevocationSet())
        let (one, other) = (try folder.store(here), try folder.store(there))
        _ = try await one.reply(to: .revoke(Revocation(.token("old"), expiresAt: end)))
        try await eventually { has(there, .token("old")) }
        #expect(try await one.reply(to: .sweep, now: end) == .swept(sessions: 0, revocations: 1))
        _ = try await one.reply(to: .revoke(Revocation(.token("new"), expiresAt: end)))
        try await eventually { has(there, .token("new")) }
        other.close()
    }
}
